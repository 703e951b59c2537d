"""The schema: made and migrated alike, and never touched where it is not ours."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from prompt_improver.errors import SchemaError
from prompt_improver.storage.connect import open_engine, reading, writing
from prompt_improver.storage.models import metadata
from prompt_improver.storage.schema import HEAD, VERSION_TABLE, check_schema, migrations_folder, prepare_schema, upgrade
from prompt_improver.storage.urls import database_url


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(migrations_folder()))
    return made


@pytest.fixture
async def engine(database):
    made = open_engine(database_url(database, Path()))
    yield made
    await made.dispose()


async def run(engine, work):
    async with writing(engine, "test") as connection:
        return await connection.run_sync(work)


def shape(connection):
    found = inspect(connection)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
            sorted((c["name"] or "", tuple(c["column_names"])) for c in found.get_unique_constraints(table)),
            sorted(c["name"] for c in found.get_check_constraints(table)),
            sorted((c["name"] or "", c["referred_table"]) for c in found.get_foreign_keys(table)),
        )
        for table in ("generation_runs", "training_prompts")
    }


def test_head_is_alembics_head():
    assert ScriptDirectory.from_config(config()).get_current_head() == HEAD


async def test_made_and_migrated_are_the_same(engine):
    assert await prepare_schema(engine) == "created"
    made = await run(engine, shape)
    for table in ("training_prompts", "generation_runs", VERSION_TABLE):
        await run(engine, lambda connection, table=table: connection.execute(text(f"DROP TABLE {table}")))
    await run(engine, upgrade)
    assert await run(engine, shape) == made
    assert await prepare_schema(engine) == "current"


async def test_up_down_up(engine):
    from alembic import command

    def down(connection):
        made = config()
        made.attributes["connection"] = connection
        command.downgrade(made, "base")

    await run(engine, upgrade)
    first = await run(engine, shape)
    await run(engine, down)
    assert "training_prompts" not in await run(engine, lambda connection: inspect(connection).get_table_names())
    await run(engine, upgrade)
    assert await run(engine, shape) == first


async def test_autogenerate_finds_nothing(engine):
    await prepare_schema(engine)

    def differences(connection):
        options = {"compare_type": True, "include_name": lambda name, kind, _parents: kind != "table" or name != VERSION_TABLE}
        return compare_metadata(MigrationContext.configure(connection, opts=options | {"version_table": VERSION_TABLE}), metadata)

    assert await run(engine, differences) == []


@pytest.mark.parametrize(
    "statements, told",
    [
        ([f"UPDATE {VERSION_TABLE} SET version_num = '9999'"], "version 9999"),
        ([f"DELETE FROM {VERSION_TABLE}"], "version none"),
        ([f"DROP TABLE {VERSION_TABLE}"], "did not make"),
        (["DROP TABLE training_prompts"], "tables are missing"),
    ],
)
async def test_other_schemas_are_never_written(engine, statements, told):
    await prepare_schema(engine)
    for statement in statements:
        await run(engine, lambda connection, statement=statement: connection.execute(text(statement)))
    before = await run(engine, lambda connection: sorted(inspect(connection).get_table_names()))
    for look in (prepare_schema, check_schema):
        with pytest.raises(SchemaError) as caught:
            await look(engine)
        assert told in str(caught.value)
    assert await run(engine, lambda connection: sorted(inspect(connection).get_table_names())) == before


async def test_looking_makes_no_file(tmp_path):
    engine = open_engine(database_url(f"sqlite:///{tmp_path / 'none.db'}", Path()))
    assert await check_schema(engine) is False
    assert list(tmp_path.iterdir()) == []
    await engine.dispose()


async def test_readers_are_not_held_up(engine):
    await prepare_schema(engine)
    async with writing(engine, "hold"), reading(engine, "look at") as connection:
        assert (await connection.execute(text("SELECT count(*) FROM training_prompts"))).scalar_one() == 0
