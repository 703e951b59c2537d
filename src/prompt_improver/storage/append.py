"""Rows into a database, as fast as it takes them: binary COPY, or statements of several rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy.ext.asyncio import AsyncConnection

from prompt_improver.batch import ROW_SCHEMA
from prompt_improver.errors import InputError
from prompt_improver.storage.ahead import ahead
from prompt_improver.storage.copy_format import copy_chunks, encode_copy
from prompt_improver.storage.insert_format import encode_inserts
from prompt_improver.storage.json_text import text_bytes
from prompt_improver.storage.models import TrainingPrompt
from prompt_improver.storage.slices import cut_table

__all__ = ["append_rows", "append_tables"]

_TABLE = TrainingPrompt.__tablename__
_COLUMNS = ("run_id", *ROW_SCHEMA.names, "created_at")


async def append_rows(connection: AsyncConnection, rows: pa.Table, *, run_id: str | None, moment: datetime) -> None:
    """Adds rows of `ROW_SCHEMA` within the caller's transaction.

    Args:
        connection: of `writing`.
        rows: n of them.
        run_id: their run; None for real rows.
        moment: their `created_at`, with its zone.

    Raises:
        InputError: a text holds a NUL character, a value is missing, or a number is too large for its column.
    """
    await append_tables(connection, iter([rows]), run_id=run_id, moment=moment)


async def append_tables(connection: AsyncConnection, tables: Iterator[pa.Table], *, run_id: str | None, moment: datetime) -> None:
    """Adds tables as `append_rows` does; while the database takes one, the next is made and put into its form in a thread.

    Raises:
        InputError: as `append_rows`.
    """
    raw: Any = (await connection.get_raw_connection()).driver_connection
    parts = (part for table in tables for part in cut_table(table))
    if connection.dialect.name == "postgresql":
        async with ahead(encode_copy(_checked(part), run_id=run_id, moment=moment) for part in parts) as streams:
            async for data in streams:
                await _copy(raw, data)
    else:
        async with ahead(encode_inserts(_checked(part), table=_TABLE, run_id=run_id, moment=moment) for part in parts) as several:
            async for inserts in several:
                for statement, values in inserts:
                    await raw.executemany(statement, values)


def _checked(rows: pa.Table) -> pa.Table:
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        if column.null_count:
            raise InputError(f"a {name} is missing; every row needs one.")
    for name in ("prompt_text", "enhanced_prompt"):
        if any((text_bytes(chunk) == 0).any() for chunk in rows[name].chunks):
            raise InputError(f"a {name} holds a NUL character, which PostgreSQL cannot store; remove it from the content.")
    return rows


async def _copy(raw: Any, data: pa.Buffer) -> None:
    """Binary COPY that ends when the server does.

    asyncpg waits for ever where a connection is lost while it writes, so its end is watched for beside it.

    Raises:
        ConnectionResetError: the server closed the connection.
    """
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_end(_connection: Any) -> None:
        if not lost.done():
            lost.set_result(None)

    raw.add_termination_listener(on_end)
    copying = asyncio.ensure_future(raw.copy_to_table(_TABLE, source=_chunks(data), columns=list(_COLUMNS), format="binary"))
    try:
        await asyncio.wait({copying, lost}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        copying.cancel()
        raise
    if not copying.done():
        copying.cancel()
        raise ConnectionResetError("the server closed the connection")
    raw.remove_termination_listener(on_end)
    copying.result()


async def _chunks(data: pa.Buffer) -> AsyncIterator[bytes | memoryview]:
    for chunk in copy_chunks(data):
        yield chunk
