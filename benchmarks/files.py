"""Whole runs into files, beside writing the finished table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.figures import Figure
from benchmarks.pairs import paired
from benchmarks.workload import SEED, file_table, lacking, recipe_of, scratch
from prompt_improver.installation.bootstrap import bootstrap_file

__all__ = ["measure"]

_GROUP = 8192
_FEW_VALUES = ["run_id", "domain", "pattern", "rules.list.element", "tier", "data_source"]
"""Columns that a run's Parquet file keeps as places in a list of their values."""


def measure(*, rounds: int, quick: bool) -> Iterator[Figure]:
    """Parquet against pyarrow, JSON lines against polars; both sides flush the file to the disk."""
    n = 5000 if quick else 200_000
    table = file_table(n)

    def write_parquet(path: Path) -> None:
        pq.write_table(table, path, compression="zstd", use_dictionary=_FEW_VALUES, row_group_size=_GROUP)

    told = "pyarrow writing the finished table with the same settings, row groups of 8,192 rows, and flushing it to the disk"
    yield from _figures("parquet", "run to Parquet (zstd)", told, write_parquet, n, rounds, 1.3, 1.05)
    told = "polars write_ndjson of the finished table, flushed to the disk"
    if reason := lacking("polars"):
        yield Figure("files.jsonl", "run to JSON lines", told, limit=1.7, goal=1.2, missing=reason)
        return
    import polars

    frame = polars.from_arrow(table)
    yield from _figures("jsonl", "run to JSON lines", told, lambda path: frame.write_ndjson(path), n, rounds, 1.7, 1.2)


def _figures(kind: str, work: str, told: str, write: Callable[[Path], object], n: int, rounds: int, limit: float, goal: float) -> Iterator[Figure]:
    """A run with one thread, which has the limit, and one with two, which is stated."""
    with scratch() as folder:
        ours, theirs = folder / f"ours.{kind}", folder / f"floor.{kind}"

        def floor() -> None:
            write(theirs)
            _flush(theirs)

        def clear() -> None:
            ours.unlink(missing_ok=True)
            theirs.unlink(missing_ok=True)

        for workers, most, best in ((1, limit, goal), (2, None, None)):
            took, floors = paired(partial(_run, n, ours, workers), floor, rounds=rounds, before=clear)
            name = f"files.{kind}" + ("" if workers == 1 else "_two_threads")
            doing = work + ("" if workers == 1 else ", two threads")
            yield Figure(name, doing, told, n, n, seed=SEED, limit=most, goal=best, ours=took, floors=floors)


def _run(n: int, path: Path, workers: int) -> None:
    bootstrap_file(recipe_of(n), path, workers=workers)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
