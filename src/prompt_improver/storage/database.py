"""Rows in a database: runs stored whole and read whole; what a learner reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa
from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from prompt_improver.batch import ROW_SCHEMA, Batch, Origin
from prompt_improver.storage.append import append_tables
from prompt_improver.storage.connect import reading, writing
from prompt_improver.storage.models import GenerationRun, TrainingPrompt

__all__ = [
    "LEARNING_COLUMNS",
    "Stored",
    "count_rows",
    "find_run",
    "find_runs",
    "origin_of",
    "read_batches",
    "read_learning_rows",
    "save_batch",
    "store_run",
    "stored_bytes",
]

_RUNS = GenerationRun.__table__  # type: ignore[attr-defined]
_ROWS = TrainingPrompt.__table__  # type: ignore[attr-defined]
_PART = 4096

LEARNING_COLUMNS = ("domain", "pattern", "prompt_text", "enhanced_prompt", "rules", "effectiveness_score", "training_priority")
"""What a learner reads of a row; features are measured from the text."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What `store_run` did: the run that is in the database now, and how many older rows gave way to it."""

    run: GenerationRun
    written: bool
    replaced: int


def origin_of(run: GenerationRun) -> Origin:
    """Where the rows of a stored run came from."""
    return Origin(run.id, int(run.seed), run.samples, run.recipe_fingerprint, run.extractor, run.engine_version)


def new_run(origin: Origin) -> GenerationRun:
    """The record of a run that begins now."""
    return GenerationRun(
        id=origin.run_id,
        seed=str(origin.seed),
        samples=origin.samples,
        recipe_fingerprint=origin.recipe_fingerprint,
        extractor=origin.extractor,
        engine_version=origin.engine_version,
        status="running",
    )


async def store_run(
    engine: AsyncEngine, origin: Origin, batches: Iterator[Batch], report: Callable[[], dict[str, Any]], *, replace: bool = False
) -> Stored:
    """Stores a run in one transaction: afterwards all of it is there, or nothing.

    Batches are made in a thread, one ahead of the database, while the event loop goes on. Writers wait for each other; the second one finds the
    first one's run. Real rows are never touched.

    Args:
        engine: of `open_engine`, with a current schema.
        origin: of the run.
        batches: its rows in order.
        report: gives the run's quality report once all batches were made.
        replace: whether the rows of an earlier synthetic run give way.

    Raises:
        EnvironmentFailure: the database failed; nothing was kept.
    """
    async with writing(engine, "write to") as connection:
        found = await _newest(connection)
        if found is not None and not replace:
            return Stored(found, written=False, replaced=0)
        removed = await connection.execute(delete(_ROWS).where(_ROWS.c.data_source == "synthetic"))
        await connection.execute(delete(_RUNS))
        run = new_run(origin)
        await connection.execute(_RUNS.insert().values(**run.model_dump()))
        tables = (batch.rows for batch in batches)
        await append_tables(connection, tables, run_id=run.id, moment=run.started_at)
        run.status, run.finished_at, run.quality_report = "complete", datetime.now(UTC), report()
        changed = {name: getattr(run, name) for name in ("status", "finished_at", "quality_report")}
        await connection.execute(_RUNS.update().where(_RUNS.c.id == run.id).values(**changed))
        return Stored(run, written=True, replaced=int(removed.rowcount))


async def stored_bytes(engine: AsyncEngine) -> int:
    """Bytes on disk: of the SQLite file, or of the PostgreSQL table of rows with its indexes; rows of every source, and room not used again yet.

    Raises:
        EnvironmentFailure: the database cannot be read.
    """
    sqlite = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    query = sqlite if engine.dialect.name == "sqlite" else f"SELECT pg_total_relation_size('{_ROWS.name}')"
    async with reading(engine, "read") as connection:
        return int((await connection.execute(text(query))).scalar_one())


async def save_batch(session: AsyncSession, batch: Batch, quality_report: dict[str, Any]) -> int:
    """Adds a whole run of one batch within the caller's transaction; the caller commits. Gives the rows added."""
    connection = await session.connection()
    run = new_run(batch.origin)
    run.status, run.finished_at, run.quality_report = "complete", datetime.now(UTC), quality_report
    await connection.execute(_RUNS.insert().values(**run.model_dump()))
    await append_tables(connection, iter([batch.rows]), run_id=run.id, moment=run.started_at)
    return len(batch)


async def _newest(connection: AsyncConnection) -> GenerationRun | None:
    query = select(_RUNS).where(_RUNS.c.status == "complete").order_by(_RUNS.c.finished_at.desc(), _RUNS.c.id).limit(1)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else GenerationRun(**row)


async def find_run(engine: AsyncEngine) -> GenerationRun | None:
    """The newest complete synthetic run."""
    async with reading(engine, "read") as connection:
        return await _newest(connection)


async def find_runs(engine: AsyncEngine) -> list[GenerationRun]:
    """Every complete synthetic run, in the order of their ids."""
    query = select(_RUNS).where(_RUNS.c.status == "complete").order_by(_RUNS.c.id)
    async with reading(engine, "read") as connection:
        return [GenerationRun(**row) for row in (await connection.execute(query)).mappings()]


async def count_rows(engine: AsyncEngine) -> dict[str, int]:
    """Active rows by source."""
    query = select(_ROWS.c.data_source, func.count()).where(_ROWS.c.is_active).group_by(_ROWS.c.data_source)
    async with reading(engine, "read") as connection:
        return {source: int(count) for source, count in await connection.execute(query)}


async def read_batches(engine: AsyncEngine, run: GenerationRun, *, size: int = _PART) -> AsyncIterator[Batch]:
    """The rows of a run in the order of `row_index`, bit for bit as they were stored."""
    columns = [_ROWS.c[name] for name in ROW_SCHEMA.names]
    query = select(*columns).where(_ROWS.c.run_id == run.id).order_by(_ROWS.c.row_index)
    async with reading(engine, "read") as connection:
        result = await connection.stream(query.execution_options(yield_per=size))
        async for rows in result.partitions(size):
            yield Batch(origin_of(run), _table(rows, ROW_SCHEMA))


async def read_learning_rows(engine: AsyncEngine, *, source: Literal["synthetic", "real"], limit: int | None = None) -> pa.Table:
    """Active rows of a source: `LEARNING_COLUMNS` with the types of `ROW_SCHEMA`.

    Args:
        engine: of `open_engine`, with a current schema.
        source: "synthetic" for rows of complete runs, ordered by run and `row_index`; "real" for a user's own, in the order they came.
        limit: at most so many rows, the first ones; None for all.

    Raises:
        EnvironmentFailure: the database cannot be read.
    """
    query = select(*(_ROWS.c[name] for name in LEARNING_COLUMNS)).where(_ROWS.c.data_source == source, _ROWS.c.is_active)
    if source == "synthetic":
        complete = select(_RUNS.c.id).where(_RUNS.c.status == "complete")
        query = query.where(_ROWS.c.run_id.in_(complete)).order_by(_ROWS.c.run_id, _ROWS.c.row_index)
    else:
        query = query.order_by(_ROWS.c.id)
    schema = pa.schema([ROW_SCHEMA.field(name) for name in LEARNING_COLUMNS])
    parts = [schema.empty_table()]
    async with reading(engine, "read") as connection:
        result = await connection.stream(query.limit(limit).execution_options(yield_per=_PART))
        parts += [_table(rows, schema) async for rows in result.partitions(_PART)]
    return pa.concat_tables(parts)


def _table(rows: Sequence[Any], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.Table.from_arrays([pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)], schema=schema)
