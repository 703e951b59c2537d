"""The bootstrap of a large run into a folder of part files, on any engine; goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import CancelledError
from contextlib import closing
from functools import partial
from threading import Event, Lock
from typing import Any

import pyarrow as pa

from prompt_improver.batch import TRUTH_SCHEMA, Batch, Origin
from prompt_improver.errors import EnvironmentFailure, InputError
from prompt_improver.execution.cluster import load_ray, run_ray
from prompt_improver.execution.engines import ENGINES, run_threads
from prompt_improver.execution.local import Run, make_batches, open_run
from prompt_improver.installation.bootstrap import expectation
from prompt_improver.installation.outcome import Clock, Outcome, Progress, peak_memory
from prompt_improver.recipe.recipe import Recipe
from prompt_improver.storage.manifest import PartPlan, PartRecord
from prompt_improver.storage.parts import PartFolder, read_parts, write_part
from prompt_improver.storage.places import Place, find_place
from prompt_improver.validation.quick import LOOK, Sample
from prompt_improver.validation.report import build_report
from prompt_improver.validation.tally import add_up

__all__ = ["PART_BLOCKS", "bootstrap_folder"]

PART_BLOCKS = 64
"""Blocks of a part: 262,144 rows."""

_TOGETHER = 2
"""Blocks made together: a row group of a part. More would take memory in every worker and save time that compressing takes anyway."""


class _Meter:
    """Rows made, by any number of threads; ends the thread that reports after `stop` was set."""

    def __init__(self, done: int, total: int, progress: Progress | None) -> None:
        self.stop, self.made = Event(), 0
        self._kept, self._total, self._progress, self._lock = done, total, progress, Lock()
        self(0)

    def __call__(self, rows: int) -> None:
        if self.stop.is_set():
            raise CancelledError
        with self._lock:
            self.made += rows
            if self._progress is not None:
                self._progress("make_and_write", self._kept + self.made, self._total)


def bootstrap_folder(
    recipe: Recipe,
    output: str | Place,
    *,
    engine: str = "local",
    workers: int = 1,
    part_blocks: int = PART_BLOCKS,
    truth: bool = False,
    replace: bool = False,
    verify: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Makes a run as a folder of part files; what an earlier call of the same run finished is kept.

    The bytes of the folder do not depend on `engine`, `workers` or how often it was stopped.

    Args:
        output: path or address (`s3://…`) of the folder.
        part_blocks: blocks of 4,096 rows a part.
        truth: write a truth part beside each part.
        replace: put the run in the place of another one that the folder holds.
        verify: compare the sha256 of parts that are kept, not their size only.

    Raises:
        InputError: recipe, content, capacity; the folder holds another run.
        EnvironmentFailure: disk, store or cluster; finished parts are kept.
        MissingExtra: the engine's package is not installed.
    """
    clock = Clock()
    if engine not in ENGINES:
        raise InputError(f"engine '{engine}' is unknown; expected one of {', '.join(ENGINES)}.")
    if engine == "ray":
        load_ray()
    run = open_run(recipe)
    plan = PartPlan(run.origin, run.plan.blocks, part_blocks, truth)
    place = find_place(output) if isinstance(output, str) else output
    compared = partial(progress, "verify") if progress is not None else None
    with PartFolder(place, plan, replace=replace, verify=verify, progress=compared) as folder:
        kept, made = plan.parts - len(folder.missing), 0
        written = folder.manifest.status != "complete"
        if written:
            clock.enter("make_and_write")
            meter = _Meter(sum(part.rows for part in folder.manifest.parts), recipe.samples, progress)
            with closing(_made(run, folder, engine, workers, meter)) as finished:
                for part in finished:
                    folder.record(part)
            clock.enter("check")
            folder.finish(_report(run, folder, progress))
            made = meter.made
        parts, report = folder.manifest.parts, folder.manifest.report or {}
    size, phases = sum(file.bytes for part in parts for file in part.files), clock.stop()
    done = (run.origin.run_id, recipe.samples, written, folder.replaced, place.shown, made, sum(phases.values()), phases, size, peak_memory())
    return Outcome(*done, engine, workers, len(parts), kept, report)


def _made(run: Run, folder: PartFolder, engine: str, workers: int, meter: _Meter) -> Generator[PartRecord]:
    place, plan, missing = folder.place, folder.plan, folder.missing
    if engine == "local":
        yield from run_threads(partial(_make_part, run, place, plan, meter), missing, workers=workers, stop=meter.stop, late=folder.record)
        return
    with closing(run_ray(partial(_make_there, run.recipe, place, plan), missing, workers=workers)) as finished:
        for part in finished:
            meter(part.rows)
            yield part


def _make_part(run: Run, place: Place, plan: PartPlan, tell: Callable[[int], None], number: int) -> PartRecord:
    def batches() -> Iterator[Batch]:
        for batch in make_batches(run, plan.blocks_of(number), together=_TOGETHER):
            tell(len(batch))
            yield batch

    return write_part(place, plan, number, batches(), gaps=run.recipe.tier_gaps)


_OPENED: dict[Origin, Run] = {}
"""The run that this worker process makes parts of; opening it anew for every part would take longer than a block."""


def _make_there(recipe: Recipe, place: Place, plan: PartPlan, number: int) -> PartRecord:
    """Makes one part in a process of another machine, which must have the same program and content."""
    if plan.origin not in _OPENED:
        run = open_run(recipe)
        if run.origin != plan.origin:
            told = f"version {run.origin.engine_version}, {run.origin.extractor}, recipe and content {run.origin.recipe_fingerprint}"
            asked = f"version {plan.origin.engine_version}, {plan.origin.extractor}, recipe and content {plan.origin.recipe_fingerprint}"
            raise EnvironmentFailure(f"a worker has another program or content: {told}; the driver has {asked}. Install the same on every node.")
        _OPENED.clear()
        _OPENED[plan.origin] = run
    return _make_part(_OPENED[plan.origin], place, plan, lambda _rows: None, number)


def _report(run: Run, folder: PartFolder, progress: Progress | None) -> dict[str, Any]:
    """The quality report: values of the first rows as they stand in the folder, counts of all rows."""
    pa.default_memory_pool().release_unused()  # what the makers of parts had
    sample, most = Sample(), min(LOOK, run.recipe.samples)
    for batch in _first_rows(run, folder):
        sample.keep(batch)
        if progress is not None:
            progress("check", min(sample.kept, most), most)
        if sample.full:
            break
    sample.count(add_up(part.tally for part in folder.now().parts))
    return build_report(sample, expectation(run), noise=run.recipe.noise)[0]


def _first_rows(run: Run, folder: PartFolder) -> Iterator[Batch]:
    """Row groups read back with their truth, which is made again where the folder holds none."""
    made = (batch.truth for batch in make_batches(run, range(run.plan.blocks), together=_TOGETHER))
    held = TRUTH_SCHEMA.empty_table()
    for group in read_parts(folder.place, folder.now(), truth=folder.plan.truth):
        truth = group.truth
        if truth is None:
            while len(held) < len(group):  # a block need not end with a row group
                held = pa.concat_tables([held, next(made)])
            truth, held = held.slice(0, len(group)), held.slice(len(group))
        yield Batch(run.origin, group.rows, truth)
