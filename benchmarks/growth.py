"""Time and memory against the number of rows; every run is a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Figure
from benchmarks.workload import SEED, recipe_of, run_child, scratch
from prompt_improver.installation.outcome import peak_memory
from prompt_improver.installation.parts import bootstrap_folder

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
    made: dict[str, float] = json.loads(run_child("-m", "benchmarks.growth", str(n)))
    return made


def _peak_megabytes() -> float:
    """Most resident memory of this program; Linux's own figure, since the one of `getrusage` begins with that of the process that started it."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    return (peak_memory() or 0) / 1e6


if __name__ == "__main__":
    with scratch() as folder:
        outcome = bootstrap_folder(recipe_of(int(sys.argv[1])), f"{folder}/rows/")
        print(json.dumps({"seconds": outcome.seconds, "megabytes": _peak_megabytes()}))
