"""What is stored: looked at, described, written out. Nothing here changes a database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from prompt_improver.errors import DataShortfall, PromptImproverError
from prompt_improver.installation.outcome import Progress
from prompt_improver.optimization.model import read_card
from prompt_improver.optimization.rows import BASIC_ROWS
from prompt_improver.storage.connect import open_engine
from prompt_improver.storage.database import count_rows, find_run, origin_of, read_batches
from prompt_improver.storage.files import RowFile
from prompt_improver.storage.models import GenerationRun
from prompt_improver.storage.parts import read_stored
from prompt_improver.storage.schema import check_schema
from prompt_improver.storage.urls import shown
from prompt_improver.validation.quick import Expectation, Sample

__all__ = ["Looked", "describe_database", "describe_model", "export_run", "look_at_database", "look_at_file"]


@dataclass(frozen=True, slots=True)
class Looked:
    """Rows that were looked at, what they were meant to be, and the best attainable AUC if anybody knows it."""

    sample: Sample
    expected: Expectation
    ceiling: float | None


@asynccontextmanager
async def _stored(url: URL) -> AsyncIterator[tuple[AsyncEngine, GenerationRun | None]]:
    engine = open_engine(url)
    try:
        yield engine, await find_run(engine) if await check_schema(engine) else None
    finally:
        await engine.dispose()


def _no_run(url: URL) -> DataShortfall:
    return DataShortfall(f"{shown(url)} holds no complete run. Make one with: prompt-improver bootstrap")


async def look_at_database(url: URL, *, progress: Progress | None = None) -> Looked:
    """Looks at the newest complete run.

    Raises:
        DataShortfall: there is none.
        EnvironmentFailure: the database cannot be read.
    """
    async with _stored(url) as (engine, run):
        if run is None:
            raise _no_run(url)
        report = run.quality_report or {}
        expected = _expected(run.samples, report)
        sample = Sample()
        async for batch in read_batches(engine, run):
            sample.add(batch, gaps=expected.gaps)
            if progress is not None:
                progress("check", sample.rows, run.samples)
    return Looked(sample, expected, report.get("bayes_auc"))


def _expected(samples: int, report: dict[str, Any]) -> Expectation:
    return Expectation(samples, report.get("shares", {}), report.get("envelopes", {}), report.get("tier_gaps", True))


def look_at_file(path: str | Path, *, progress: Progress | None = None) -> Looked:
    """Looks at the rows of a file or of a folder of part files; shares, envelopes and ceiling are known of a folder only.

    Raises:
        DataShortfall: no rows.
        InputError: not a file of training rows; a part is missing or altered.
    """
    batches, manifest = read_stored(path)
    report = (manifest.report if manifest is not None else None) or {}
    sample, asked = Sample(), -1
    for batch in batches:
        asked = batch.origin.samples
        sample.add(batch, gaps=report.get("tier_gaps", True))
        if progress is not None and asked > 0:  # lines do not say how many there are
            progress("check", sample.rows, asked)
    if not sample.rows:
        raise DataShortfall(f"{path} holds no rows. Make some with: prompt-improver bootstrap --output {path}")
    return Looked(sample, _expected(asked if asked > 0 else sample.rows, report), report.get("bayes_auc"))


async def describe_database(url: URL) -> dict[str, Any]:
    """Rows by source, where the newest run came from, and what to do next.

    Raises:
        EnvironmentFailure: the database cannot be read.
    """
    told: dict[str, Any] = {"database": shown(url)}
    engine = open_engine(url)
    try:
        present = await check_schema(engine)
        run = await find_run(engine) if present else None
        rows = await count_rows(engine) if present else {}
    finally:
        await engine.dispose()
    if run is None:
        return told | {"rows": rows or 0, "next": "prompt-improver bootstrap"}
    short = [found["check"] for found in (run.quality_report or {}).get("findings", ()) if found["verdict"] == "fail"]
    told |= {"rows": rows, "run": run.id, "seed": int(run.seed), "samples": run.samples, "recipe": run.recipe_fingerprint}
    told |= {"extractor": run.extractor, "version": run.engine_version, "finished": str(run.finished_at), "fell_short": short}
    return told | {"next": "prompt-improver validate"}


def describe_model(folder: Path, *, rows: int) -> dict[str, Any]:
    """The model in use, in words; and what to do next where there are rows enough and no model that can be used."""
    try:
        card = read_card(folder)
    except PromptImproverError as error:
        return {"model": f"none: {error}"} | ({"next": "prompt-improver optimize"} if rows >= BASIC_ROWS else {})
    return {"model": f"{card.model_id}, AUC {card.figures['auc']:.3f} on {card.figures['rows']:,} {card.rows['judged_on']} rows that it had not seen"}


async def export_run(url: URL, path: Path) -> int:
    """Writes the newest complete run to a file and gives its rows.

    Raises:
        DataShortfall: there is none.
        EnvironmentFailure: database or disk.
    """
    rows = 0
    async with _stored(url) as (engine, run):
        if run is None:
            raise _no_run(url)
        with RowFile(path, origin_of(run)) as file:
            async for batch in read_batches(engine, run):
                file.write(batch)
                rows += len(batch)
    return rows
