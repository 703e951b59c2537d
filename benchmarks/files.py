"""Whole runs into files, beside writing the finished table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
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
    figure = Figure("files.parquet", "run to Parquet (zstd)", told, n, n, seed=SEED, limit=1.3, goal=1.05)
    yield from _measured(figure, write_parquet, rounds)
    figure = Figure(
        "files.jsonl", "run to JSON lines", "polars write_ndjson of the finished table, flushed to the disk", n, n, seed=SEED, limit=1.7, goal=1.2
    )
    if reason := lacking("polars"):
        yield replace(figure, missing=reason)
        return
    import polars

    frame = polars.from_arrow(table)
    yield from _measured(figure, lambda path: frame.write_ndjson(path), rounds)


def _measured(figure: Figure, write: Callable[[Path], object], rounds: int) -> Iterator[Figure]:
    """A run with one thread, which has the limit, and one with two, which is stated."""
    kind = figure.name.rsplit(".")[-1]
    two = replace(figure, name=f"{figure.name}_two_threads", work=f"{figure.work}, two threads", limit=None, goal=None)
    with scratch() as folder:
        ours, theirs = folder / f"ours.{kind}", folder / f"floor.{kind}"

        def floor() -> None:
            write(theirs)
            _flush(theirs)

        def clear() -> None:
            ours.unlink(missing_ok=True)
            theirs.unlink(missing_ok=True)

        for workers, empty in ((1, figure), (2, two)):
            took, floors = paired(partial(_run, figure.n, ours, workers), floor, rounds=rounds, before=clear)
            yield replace(empty, ours=took, floors=floors)


def _run(n: int, path: Path, workers: int) -> None:
    bootstrap_file(recipe_of(n), path, workers=workers)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
