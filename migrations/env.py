"""Alembic environment. Online within a given connection; otherwise with an engine of its own."""

import asyncio
import os
from pathlib import Path

from alembic import context
from sqlalchemy import Connection

from prompt_improver.storage.connect import open_engine, writing
from prompt_improver.storage.models import metadata
from prompt_improver.storage.schema import VERSION_TABLE
from prompt_improver.storage.urls import database_url


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_alone() -> None:
    engine = open_engine(database_url(os.environ.get("PROMPT_IMPROVER_DATABASE_URL"), Path.cwd()))
    async with writing(engine, "migrate") as connection:
        await connection.run_sync(run)


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_alone())
