"""A user's own rated prompts become real rows: read, measured, stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from sqlalchemy import URL

from prompt_improver.batch import FEATURES, ROW_SCHEMA, TIERS
from prompt_improver.errors import InputError
from prompt_improver.features.extractor import extract
from prompt_improver.guarantees.tiers import tier_of
from prompt_improver.storage.connect import open_engine
from prompt_improver.storage.lines import BrokenLine, tell_broken
from prompt_improver.storage.ratings import RatedRow, RatingColumns, Ratings, read_ratings
from prompt_improver.storage.real_rows import RealChange, compare_real_rows, store_real_rows
from prompt_improver.storage.schema import check_schema, prepare_schema
from prompt_improver.storage.urls import shown

__all__ = ["REAL_PRIORITY", "Imported", "import_file", "measure_ratings"]

REAL_PRIORITY = 100
"""`training_priority` of real rows."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or would do where `written` is false.

    `lines` were read, `skipped` cannot be used, the rest make `added` + `updated` + `unchanged` rows, fewer than lines where prompts are
    `repeated`. `tiers` counts these rows.
    """

    lines: int
    repeated: int
    added: int
    updated: int
    unchanged: int
    skipped: tuple[BrokenLine, ...]
    tiers: dict[str, int]
    written: bool
    where: str


async def import_file(path: Path, url: URL, columns: RatingColumns, *, skip_invalid: bool = False, dry_run: bool = False) -> Imported:
    """Imports a file of rated prompts in one transaction; importing it again changes nothing.

    What the file does not say (domain, group, original) stays as stored where a prompt is there already. Features are measured anew.

    Args:
        path: a .jsonl or .csv file.
        url: the database; its tables are made where there are none.
        columns: which column is what.
        skip_invalid: import the good lines where others are broken.
        dry_run: store nothing, not even tables.

    Raises:
        InputError: not such a file, or broken lines, named in the message; nothing was stored.
        EnvironmentFailure: the file or the database; nothing was stored.
    """
    ratings = await asyncio.to_thread(read_ratings, path, columns)
    if ratings.broken and not (skip_invalid and ratings.rows):
        raise InputError(_refusal(path, ratings, columns))
    rows = await asyncio.to_thread(measure_ratings, ratings.rows)
    change = await _store(url, rows, _unsaid(columns), dry_run)
    tiers = rows["tier"].to_pylist()
    return Imported(
        lines=ratings.lines,
        repeated=ratings.repeated,
        added=change.added,
        updated=change.updated,
        unchanged=change.unchanged,
        skipped=ratings.broken,
        tiers={name: tiers.count(name) for name in TIERS},
        written=not dry_run and change.added + change.updated > 0,
        where=shown(url),
    )


async def _store(url: URL, rows: pa.Table, keep: Sequence[str], dry_run: bool) -> RealChange:
    engine = open_engine(url)
    try:
        if not dry_run:
            await prepare_schema(engine)
            return await store_real_rows(engine, rows, keep=keep)
        return await compare_real_rows(engine, rows, keep=keep) if await check_schema(engine) else RealChange(rows.num_rows, 0, 0)
    finally:
        await engine.dispose()


def _unsaid(columns: RatingColumns) -> list[str]:
    """Columns that the file does not speak of. A group follows from the original where it is not named itself."""
    said = {"domain": columns.domain, "prompt_text": columns.original, "pattern": columns.group or columns.original}
    return [name for name, column in said.items() if column is None]


def measure_ratings(rated: Sequence[RatedRow]) -> pa.Table:
    """Rows of `ROW_SCHEMA` with the features of each prompt and the tier of its score; `row_index` runs from 0."""
    n = len(rated)
    scores = [row.score for row in rated]
    made = {
        "row_index": range(n),
        "domain": [row.domain for row in rated],
        "pattern": [row.group for row in rated],
        "prompt_text": [row.original for row in rated],
        "enhanced_prompt": [row.prompt for row in rated],
        "rules": [[] for _ in rated],
        "effectiveness_score": scores,
        "tier": tier_of(scores),
        "data_source": ["real"] * n,
        "training_priority": [REAL_PRIORITY] * n,
        "is_active": [True] * n,
        **dict(zip(FEATURES, extract([row.prompt for row in rated]).T, strict=True)),
    }
    return pa.table([pa.array(made[field.name]).cast(field.type) for field in ROW_SCHEMA], schema=ROW_SCHEMA)


def _refusal(path: Path, ratings: Ratings, columns: RatingColumns) -> str:
    count = len(ratings.broken)
    lines = f"{count:,} of {ratings.lines:,} lines" if ratings.lines > 1 else "the only line"
    advice = "Mend them, or leave them out with --skip-invalid." if ratings.rows else "No line is left to import."
    if any(found.column == columns.score for found in ratings.broken):
        advice += f" Scores are read as {columns.scale}; another range is named with --scale LOW HIGH."
    return "\n".join([f"{path}: {lines} cannot be used; nothing was stored.", *tell_broken(ratings.broken), advice])
