"""Connections, transactions and the one place where database errors become ours."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from prompt_improver.errors import EnvironmentFailure
from prompt_improver.storage.urls import shown

__all__ = ["database_errors", "open_engine", "reading", "writing"]

LOCK_KEY = 7_036_874_417_766_400
"""Key of the PostgreSQL advisory lock that writers hold until they commit."""

BUSY_SECONDS = 300.0
"""How long a SQLite writer waits for another one."""

CONNECT_SECONDS = 5.0


def open_engine(url: URL) -> AsyncEngine:
    """An engine for SQLite (rollback journal, synchronous FULL, real transactions) or PostgreSQL.

    Raises:
        EnvironmentFailure: the folder of a SQLite file cannot be made.
    """
    if url.get_backend_name() == "postgresql":
        return create_async_engine(url, poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
    with database_errors(url, "make the folder of"):
        Path(str(url.database)).expanduser().absolute().parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None})
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("foreign_keys=ON", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # The driver would begin only before the first write, outside of which tables could be made half.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@asynccontextmanager
async def writing(engine: AsyncEngine, doing: str) -> AsyncIterator[AsyncConnection]:
    """A transaction that holds the writers' lock: all of it is kept, or nothing.

    Raises:
        EnvironmentFailure: the database cannot be reached, written or kept.
    """
    with database_errors(engine.url, doing):
        async with engine.connect() as connection:
            connection = await connection.execution_options(writes=True)
            async with connection.begin():
                if engine.dialect.name == "postgresql":
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
                yield connection


@asynccontextmanager
async def reading(engine: AsyncEngine, doing: str) -> AsyncIterator[AsyncConnection]:
    """A transaction for reading.

    Raises:
        EnvironmentFailure: as `writing`.
    """
    with database_errors(engine.url, doing):
        async with engine.connect() as connection:
            yield connection


@contextmanager
def database_errors(url: URL, doing: str) -> Iterator[None]:
    """Turns what a driver raises into one sentence, without the password."""
    kinds: tuple[type[BaseException], ...] = (DBAPIError, sqlite3.Error, OSError, *_driver_errors(url))
    try:
        yield
    except kinds as error:
        error = _first(error, kinds)
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        said = " ".join(str(cause).split()) or type(cause).__name__
        said = said.rsplit(">: ", 1)[-1]
        if url.password:
            said = said.replace(str(url.password), "***")
        raise EnvironmentFailure(f"could not {doing} the database {shown(url)}: {said[:300]}. {_advice(url, said)}") from None


def _first(error: BaseException, kinds: tuple[type[BaseException], ...]) -> BaseException:
    """What came first says more than the rollback that failed after it."""
    found, link = error, error.__context__
    while link is not None:
        found = link if isinstance(link, kinds) else found
        link = link.__context__
    return found


def _driver_errors(url: URL) -> tuple[type[BaseException], ...]:
    if url.get_backend_name() != "postgresql":
        return ()
    import asyncpg

    return (asyncpg.PostgresError, asyncpg.InterfaceError)


def _advice(url: URL, said: str) -> str:
    low = said.lower()
    if url.get_backend_name() == "sqlite":
        if "locked" in low:
            return "Another process holds it; wait for that one and run the command again."
        if "full" in low or "no space" in low:
            return "Free some space and run the same command again; nothing was half-written."
        if "not a database" in low or "malformed" in low:
            return "Name another file with --database-url, or move this one away."
        return "Check that the folder exists and can be written, or name another file with --database-url."
    if "password" in low or "role" in low or "authentication" in low:
        return "Check user and password in the URL."
    if "does not exist" in low:
        return "Create the database first, or correct its name in the URL."
    if "no space" in low or "full" in low:
        return "Free space on the server and run the same command again; nothing was half-written."
    return "Check that the server runs and can be reached, then run the same command again; nothing was half-written."
