"""The bootstrap: a run into a database or a file, with its quality report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from prompt_improver.batch import Batch
from prompt_improver.execution.local import Run, open_run, stream_batches
from prompt_improver.recipe.recipe import Recipe
from prompt_improver.storage.files import RowFile, check_target
from prompt_improver.validation.quick import Expectation, Sample
from prompt_improver.validation.report import build_report

if TYPE_CHECKING:
    from sqlalchemy import URL

__all__ = ["Outcome", "Progress", "bootstrap_database", "bootstrap_file", "expectation"]

Progress = Callable[[int, int], None]
"""Called with rows done and rows in all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a bootstrap did. `written` is false where a complete run was there already."""

    run_id: str
    rows: int
    written: bool
    replaced: int
    where: str
    seconds: float
    report: dict[str, Any]

    @property
    def ready(self) -> bool:
        return not [found for found in self.report.get("findings", ()) if found["verdict"] == "fail"]


def expectation(run: Run) -> Expectation:
    """What the rows of a run are meant to be."""
    return Expectation(run.recipe.samples, run.shares, run.envelopes, run.recipe.tier_gaps)


class _Watched:
    """Batches on their way to a store: looked at, counted, and their truth written beside."""

    def __init__(self, run: Run, workers: int, progress: Progress | None, truth: Path | None) -> None:
        self._run, self._workers, self._progress, self._truth = run, workers, progress, truth
        self._sample = Sample()

    def batches(self) -> Generator[Batch]:
        """Every batch once. To be closed, so that neither a thread nor half a truth is left where a store fails."""
        with closing(stream_batches(self._run, workers=self._workers)) as made:
            if self._truth is None:
                yield from self._look(made)
                return
            # Put in place before the rows are: killed in between, the same command makes both again.
            with RowFile(self._truth, self._run.origin, truth=True) as file:
                for batch in self._look(made):
                    file.write(batch)
                    yield batch

    def _look(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            self._sample.add(batch, gaps=self._run.recipe.tier_gaps)
            if self._progress is not None:
                self._progress(self._sample.rows, self._run.recipe.samples)
            yield batch

    def report(self) -> dict[str, Any]:
        return build_report(self._sample, expectation(self._run), noise=self._run.recipe.noise)[0]


async def bootstrap_database(
    recipe: Recipe, url: URL, *, replace: bool = False, workers: int = 1, truth: Path | None = None, progress: Progress | None = None
) -> Outcome:
    """Makes a run and stores it; does nothing where a complete one is there and `replace` is not asked.

    Raises:
        InputError: recipe, content or capacity.
        EnvironmentFailure: database or disk; nothing was kept.
    """
    from prompt_improver.storage.connect import open_engine
    from prompt_improver.storage.database import store_run
    from prompt_improver.storage.schema import prepare_schema
    from prompt_improver.storage.urls import shown

    begun = perf_counter()
    run = await asyncio.to_thread(open_run, recipe)
    if truth is not None:
        check_target(truth)
    engine = open_engine(url)
    try:
        await prepare_schema(engine)
        watched = _Watched(run, workers, progress, truth)
        with closing(watched.batches()) as batches:
            stored = await store_run(engine, run.origin, batches, watched.report, replace=replace)
    finally:
        await engine.dispose()
    report = stored.run.quality_report or {}
    seconds = perf_counter() - begun
    return Outcome(stored.run.id, stored.run.samples, stored.written, stored.replaced, shown(url), seconds, report)


def bootstrap_file(recipe: Recipe, path: Path, *, workers: int = 1, truth: Path | None = None, progress: Progress | None = None) -> Outcome:
    """Makes a run and writes it to a file, which is put in place whole.

    Raises:
        InputError: recipe, content, capacity or suffix.
        EnvironmentFailure: disk.
    """
    begun = perf_counter()
    check_target(path)
    if truth is not None:
        check_target(truth)
    run = open_run(recipe)
    watched = _Watched(run, workers, progress, truth)
    with closing(watched.batches()) as batches, RowFile(path, run.origin) as file:
        for batch in batches:
            file.write(batch)
    seconds = perf_counter() - begun
    return Outcome(run.origin.run_id, recipe.samples, True, 0, str(path), seconds, watched.report())
