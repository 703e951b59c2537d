"""Time and memory against the number of rows; every run is a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.figures import Figure
from benchmarks.workload import SEED, run_child, scratch

__all__ = ["measure"]

_SIZES = (1000, 10_000, 100_000, 1_000_000, 10_000_000)
_MOST_MB = 300.0
TABLE = "Growth"


def measure(*, rounds: int, quick: bool) -> Iterator[Figure | dict[str, list[dict[str, Any]]]]:
    """Folders of part files, one thread: the two longest runs compared, and a table of all."""
    sizes = (1000, 10_000) if quick else _SIZES
    seconds: dict[int, list[float]] = {n: [] for n in sizes}
    memory: dict[int, list[float]] = {n: [] for n in sizes}
    _in_process(sizes[0])  # warms up what processes share: bytecode, compiled content
    for number in range(rounds):
        for n in sizes if number % 2 == 0 else reversed(sizes):
            made = _in_process(n)
            seconds[n].append(made["seconds"])
            memory[n].append(made["megabytes"])
    yield {TABLE: [_row(n, seconds[n], memory[n]) for n in sizes]}
    small, large = sizes[-2:]
    limit, work, floor = 1.05 * large / small, f"{large:,} rows to a folder of Parquet parts", f"{small:,} rows, in a process of its own"
    yield Figure("growth.time", work, floor, large, small, False, "s", SEED, limit, None, seconds[large], seconds[small], "time of the run")
    note = "most memory of the process (resident)"
    yield Figure("growth.memory", work, floor, large, small, False, "MB", SEED, 1.1, None, memory[large], memory[small], note)
    most = [_MOST_MB] * rounds
    yield Figure("growth.peak", work, f"{_MOST_MB:.0f} MB", large, large, False, "MB", SEED, 1.0, None, memory[large], most, note)


def _row(n: int, seconds: list[float], megabytes: list[float]) -> dict[str, Any]:
    took = median(seconds)
    spread = {"s, min": round(min(seconds), 3), "s, max": round(max(seconds), 3)}
    peak = {"peak MB": round(median(megabytes), 1), "MB, min": round(min(megabytes), 1), "MB, max": round(max(megabytes), 1)}
    return {"rows": n, "s": round(took, 3), **spread, "rows/s": round(n / took), **peak, "rounds": len(seconds)}


def _in_process(n: int) -> dict[str, float]:
    """A bootstrap as a person gives it; seconds and memory as it tells them itself."""
    with scratch() as folder:
        options = ("--samples", str(n), "--seed", str(SEED), "--output", f"{folder}/rows/", "--json")
        told = json.loads(run_child("-m", "prompt_improver.cli", "bootstrap", *options))
    return {"seconds": told["seconds"], "megabytes": told["peak_memory"] / 1e6}
