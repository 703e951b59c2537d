"""The schema's version: made, checked, upgraded. Alembic is imported only for an upgrade."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from prompt_improver.errors import SchemaError
from prompt_improver.storage.connect import reading, writing
from prompt_improver.storage.models import GenerationRun, TrainingPrompt, metadata
from prompt_improver.storage.urls import shown

__all__ = ["HEAD", "VERSION_TABLE", "check_schema", "migrations_folder", "prepare_schema", "upgrade"]

HEAD = "0001"
"""Newest revision in `migrations`; a test holds the two together."""

VERSION_TABLE = "prompt_improver_version"
_TABLES = (GenerationRun.__tablename__, TrainingPrompt.__tablename__)


def migrations_folder() -> Path:
    """Where the migrations lie: inside the installed package, or at the top of a source tree."""
    package = Path(__file__).parents[1]
    shipped = package / "_migrations"
    return shipped if shipped.is_dir() else package.parents[1] / "migrations"


def known_revisions() -> list[str]:
    """Revisions that this version can upgrade from, by the names of their files."""
    return sorted(file.name.split("_")[0] for file in (migrations_folder() / "versions").glob("[0-9]*_*.py"))


async def prepare_schema(engine: AsyncEngine) -> str:
    """Makes the schema current, in one transaction: "created", "upgraded" or "current".

    Raises:
        SchemaError: newer than this version, foreign, or half-migrated; nothing is written.
        EnvironmentFailure: the database cannot be reached or written.
    """
    async with reading(engine, "read the schema of") as connection:
        if await connection.run_sync(_state, shown(engine.url)) == "current":
            return "current"
    async with writing(engine, "prepare the schema of") as connection:
        state = await connection.run_sync(_state, shown(engine.url))
        if state == "fresh":
            await connection.run_sync(_create)
            return "created"
        if state == "older":
            await connection.run_sync(upgrade)
            return "upgraded"
        return state


async def check_schema(engine: AsyncEngine) -> bool:
    """Whether the tables are there and current; writes nothing.

    Raises:
        SchemaError: tables of another version.
        EnvironmentFailure: the database cannot be reached.
    """
    if engine.dialect.name == "sqlite" and not Path(str(engine.url.database)).expanduser().exists():
        return False
    async with reading(engine, "read the schema of") as connection:
        state = await connection.run_sync(_state, shown(engine.url))
    if state == "older":
        raise SchemaError(f"the schema of {shown(engine.url)} is older than this version. Run 'prompt-improver install' to upgrade it.")
    return state == "current"


def _state(connection: Connection, address: str) -> str:
    present = set(inspect(connection).get_table_names())
    ours = [name for name in _TABLES if name in present]
    if VERSION_TABLE not in present:
        if not ours:
            return "fresh"
        raise SchemaError(f"{address} has a table '{ours[0]}' that Prompt Improver did not make. Use another database, or move the table away.")
    revisions = [row[0] for row in connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))]
    if len(revisions) != 1 or revisions[0] not in known_revisions():
        found = ", ".join(map(str, revisions)) or "none"
        raise SchemaError(f"the schema of {address} is version {found}; this program knows up to {HEAD}. Upgrade Prompt Improver with pip.")
    if revisions[0] == HEAD and len(ours) < len(_TABLES):
        raise SchemaError(f"{address} says schema {HEAD}, but tables are missing. Restore it from a copy, or use another database.")
    return "current" if revisions[0] == HEAD else "older"


def _create(connection: Connection) -> None:
    """Tables from the models and the stamp: what an upgrade from nothing gives, without importing Alembic."""
    metadata.create_all(connection, tables=[metadata.tables[name] for name in _TABLES], checkfirst=False)
    connection.execute(
        text(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))")
    )
    connection.execute(text(f"INSERT INTO {VERSION_TABLE} (version_num) VALUES (:head)"), {"head": HEAD})


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Runs the migrations up to `revision` within the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
