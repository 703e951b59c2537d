"""A user's own rows in a database: added, updated, never doubled."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from prompt_improver.batch import ROW_SCHEMA
from prompt_improver.storage.append import append_rows
from prompt_improver.storage.connect import reading, writing
from prompt_improver.storage.models import TrainingPrompt

__all__ = ["RealChange", "compare_real_rows", "store_real_rows"]

_ROWS = TrainingPrompt.__table__  # type: ignore[attr-defined]
_PART = 4096
_KEPT = ("row_index", "is_active")
"""What an update leaves alone: a row keeps its number, and one that was taken out of use stays out."""

_CHANGEABLE = tuple(name for name in ROW_SCHEMA.names if name not in _KEPT)


@dataclass(frozen=True, slots=True)
class RealChange:
    """Rows that came in, by what became of them."""

    added: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class _Plan:
    added: list[dict[str, Any]]
    updated: list[dict[str, Any]]
    unchanged: int

    @property
    def change(self) -> RealChange:
        return RealChange(len(self.added), len(self.updated), self.unchanged)


async def store_real_rows(engine: AsyncEngine, rows: pa.Table, *, keep: Collection[str] = ()) -> RealChange:
    """Stores real rows in one transaction: afterwards all of them are there, or none. Synthetic rows and runs are not touched.

    A row is known by its `enhanced_prompt`. One that is there already with the same values is left alone; with others it is updated, and
    keeps `id`, `row_index`, `is_active` and `created_at`. New ones are numbered on from the highest `row_index` of the real rows.

    Args:
        engine: of `open_engine`, with a current schema.
        rows: of `ROW_SCHEMA`, each `enhanced_prompt` once; their `row_index` does not matter.
        keep: columns whose stored value wins over the one in `rows`.

    Raises:
        EnvironmentFailure: the database failed; nothing was kept.
        InputError: a text holds a NUL character.
    """
    async with writing(engine, "write to") as connection:
        plan = await _plan(connection, rows, keep)
        if plan.updated:
            values = {name: bindparam(name, type_=_ROWS.c[name].type) for name in _CHANGEABLE}
            await connection.execute(_ROWS.update().where(_ROWS.c.id == bindparam("known_id")).values(values), plan.updated)
        if plan.added:
            first = await connection.scalar(select(func.coalesce(func.max(_ROWS.c.row_index) + 1, 0)).where(_ROWS.c.data_source == "real"))
            numbered = [row | {"row_index": place} for place, row in enumerate(plan.added, int(first or 0))]
            await append_rows(connection, pa.Table.from_pylist(numbered, schema=ROW_SCHEMA), run_id=None, moment=datetime.now(UTC))
        return plan.change


async def compare_real_rows(engine: AsyncEngine, rows: pa.Table, *, keep: Collection[str] = ()) -> RealChange:
    """What `store_real_rows` would do; writes nothing.

    Raises:
        EnvironmentFailure: the database cannot be read.
    """
    async with reading(engine, "read") as connection:
        return (await _plan(connection, rows, keep)).change


async def _plan(connection: AsyncConnection, rows: pa.Table, keep: Collection[str]) -> _Plan:
    wanted = {row["enhanced_prompt"]: row for row in rows.to_pylist()}
    updated, unchanged = [], 0
    query = select(_ROWS.c.id, *(_ROWS.c[name] for name in _CHANGEABLE)).where(_ROWS.c.data_source == "real").order_by(_ROWS.c.id)
    result = await connection.stream(query.execution_options(yield_per=_PART))
    async for stored in result.mappings():
        row = wanted.pop(stored["enhanced_prompt"], None)
        if row is None:
            continue
        values = {name: stored[name] if name in keep else row[name] for name in _CHANGEABLE}
        if all(stored[name] == value for name, value in values.items()):
            unchanged += 1
        else:
            updated.append({"known_id": stored["id"], **values})
    return _Plan(list(wanted.values()), updated, unchanged)
