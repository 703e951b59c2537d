"""The bootstrap: a run into a database or a file, with its quality report."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_improver.batch import Batch
from prompt_improver.execution.local import Run, open_run, stream_batches
from prompt_improver.installation.outcome import Clock, Outcome, Progress, peak_memory
from prompt_improver.recipe.recipe import Recipe
from prompt_improver.storage.files import RowFile, check_target
from prompt_improver.validation.quick import Expectation, Sample
from prompt_improver.validation.report import build_report

if TYPE_CHECKING:
    from sqlalchemy import URL

__all__ = ["bootstrap_database", "bootstrap_file", "expectation"]


def expectation(run: Run) -> Expectation:
    """What the rows of a run are meant to be."""
    return Expectation(run.recipe.samples, run.shares, run.envelopes, run.recipe.tier_gaps)


class _Watched:
    """Batches on their way to a store: looked at, counted, and their truth written beside."""

    def __init__(self, run: Run, workers: int, progress: Progress | None, truth: Path | None, clock: Clock) -> None:
        self._run, self._workers, self._progress, self._truth, self._clock = run, workers, progress, truth, clock
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
        self._tell("make_and_write", 0)
        for batch in batches:
            self._sample.add(batch, gaps=self._run.recipe.tier_gaps)
            self._tell("make_and_write", self._sample.rows)
            yield batch

    def _tell(self, phase: str, rows: int) -> None:
        if self._progress is not None:
            self._progress(phase, rows, self._run.recipe.samples)

    def report(self) -> dict[str, Any]:
        self._clock.enter("check")
        self._tell("check", 0)
        report = build_report(self._sample, expectation(self._run), noise=self._run.recipe.noise)[0]
        self._tell("check", self._sample.rows)
        self._clock.enter("make_and_write")  # what is left of it: a database has yet to commit
        return report

    def outcome(self, *, where: str, size: int, report: dict[str, Any], written: bool = True, replaced: int = 0) -> Outcome:
        phases, origin = self._clock.stop(), self._run.origin
        made, seconds = self._sample.rows, sum(phases.values())
        done = (origin.run_id, origin.samples, written, replaced, where, made, seconds, phases, size, peak_memory())
        return Outcome(*done, "local", self._workers, None, None, report)


async def bootstrap_database(
    recipe: Recipe, url: URL, *, replace: bool = False, workers: int = 1, truth: Path | None = None, progress: Progress | None = None
) -> Outcome:
    """Makes a run and stores it; does nothing where a complete one is there and `replace` is not asked.

    Raises:
        InputError: recipe, content or capacity.
        EnvironmentFailure: database or disk; nothing was kept.
    """
    from prompt_improver.storage.connect import open_engine
    from prompt_improver.storage.database import store_run, stored_bytes
    from prompt_improver.storage.schema import prepare_schema
    from prompt_improver.storage.urls import shown

    clock = Clock()
    run = await asyncio.to_thread(open_run, recipe)
    if truth is not None:
        check_target(truth)
    engine = open_engine(url)
    try:
        await prepare_schema(engine)
        watched = _Watched(run, workers, progress, truth, clock)
        clock.enter("make_and_write")
        with closing(watched.batches()) as batches:
            stored = await store_run(engine, run.origin, batches, watched.report, replace=replace)
        size = await stored_bytes(engine)
    finally:
        await engine.dispose()
    report = stored.run.quality_report or {}
    outcome = watched.outcome(where=shown(url), size=size, report=report, written=stored.written, replaced=stored.replaced)
    return dataclasses.replace(outcome, run_id=stored.run.id, rows=stored.run.samples)  # the one that is there, if it was there already


def bootstrap_file(recipe: Recipe, path: Path, *, workers: int = 1, truth: Path | None = None, progress: Progress | None = None) -> Outcome:
    """Makes a run and writes it to a file, which is put in place whole.

    Raises:
        InputError: recipe, content, capacity or suffix.
        EnvironmentFailure: disk.
    """
    clock = Clock()
    check_target(path, parts=True)
    if truth is not None:
        check_target(truth)
    run = open_run(recipe)
    watched = _Watched(run, workers, progress, truth, clock)
    clock.enter("make_and_write")
    with ThreadPoolExecutor(1, thread_name_prefix="report") as pool, closing(watched.batches()) as batches, RowFile(path, run.origin) as file:
        for batch in batches:
            file.write(batch)
        report = pool.submit(watched.report)  # while the last rows are written and flushed
    return watched.outcome(where=str(path), size=path.stat().st_size, report=report.result())
