"""Real rows in both databases: added, updated, never doubled, all or none; and what a learner reads."""

from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import text

from prompt_improver import generate
from prompt_improver.batch import ROW_SCHEMA
from prompt_improver.errors import EnvironmentFailure
from prompt_improver.storage.connect import open_engine, writing
from prompt_improver.storage.database import LEARNING_COLUMNS, count_rows, read_learning_rows, store_run
from prompt_improver.storage.models import TrainingPrompt
from prompt_improver.storage.real_rows import RealChange, compare_real_rows, store_real_rows
from prompt_improver.storage.schema import prepare_schema
from prompt_improver.storage.urls import database_url


@pytest.fixture
async def engine(database):
    made = open_engine(database_url(database, Path()))
    await prepare_schema(made)
    yield made
    await made.dispose()


def real(*names: str, **changed) -> pa.Table:
    fields = {"data_source": "real", "training_priority": 100, "rules": [], "domain": "d", "pattern": "p", "prompt_text": "o", **changed}
    plain = generate(1).rows.to_pylist()[0]
    return pa.Table.from_pylist([plain | fields | {"enhanced_prompt": name} for name in names], schema=ROW_SCHEMA)


async def stored(engine) -> list[dict]:
    async with writing(engine, "read") as connection:
        table = TrainingPrompt.__table__
        return [dict(row) for row in (await connection.execute(table.select().order_by(table.c.id))).mappings()]


async def forbid(engine, name: str) -> None:
    """From now on the database itself refuses a row."""
    async with writing(engine, "test") as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text(f"ALTER TABLE training_prompts ADD CONSTRAINT refused CHECK (enhanced_prompt <> '{name}') NOT VALID"))
        else:
            trigger = f"CREATE TRIGGER refused BEFORE INSERT ON training_prompts WHEN NEW.enhanced_prompt = '{name}'"
            await connection.execute(text(f"{trigger} BEGIN SELECT RAISE(ABORT, 'refused'); END"))


async def test_rows_are_added_updated_or_left_alone(engine):
    assert await store_real_rows(engine, real("a", "b")) == RealChange(2, 0, 0)
    first = await stored(engine)
    assert await store_real_rows(engine, real("b", "a")) == RealChange(0, 0, 2)
    assert await stored(engine) == first
    changed = real("b", "c", domain="other", effectiveness_score=0.123456789012345, tier="low", rules=["x"])
    assert await store_real_rows(engine, changed) == RealChange(1, 1, 0)
    a, b, c = await stored(engine)
    assert a == first[0]
    assert b == first[1] | {"domain": "other", "effectiveness_score": 0.123456789012345, "tier": "low", "rules": ["x"]}
    assert (c["enhanced_prompt"], c["run_id"], c["row_index"], c["is_active"]) == ("c", None, 2, True)
    assert c["created_at"].tzinfo is not None


async def test_what_is_to_be_kept_is_kept(engine):
    await store_real_rows(engine, real("a", domain="mine", pattern="q"))
    assert await store_real_rows(engine, real("a"), keep=["domain", "pattern"]) == RealChange(0, 0, 1)
    assert await store_real_rows(engine, real("a", tier="low"), keep=["domain"]) == RealChange(0, 1, 0)
    assert [(row["domain"], row["pattern"], row["tier"]) for row in await stored(engine)] == [("mine", "p", "low")]


async def test_a_row_out_of_use_stays_out(engine):
    await store_real_rows(engine, real("a", is_active=False))
    assert await store_real_rows(engine, real("a", domain="other")) == RealChange(0, 1, 0)
    assert [(row["domain"], row["is_active"]) for row in await stored(engine)] == [("other", False)]


async def test_a_synthetic_row_with_the_same_text_is_another_row(engine):
    run = generate(20)
    await store_run(engine, run.origin, iter([run]), dict)
    before = await stored(engine)
    names = run.rows["enhanced_prompt"].to_pylist()[:3]
    assert await store_real_rows(engine, real(*names)) == RealChange(3, 0, 0)
    assert (await stored(engine))[:20] == before
    assert await count_rows(engine) == {"synthetic": 20, "real": 3}


async def test_comparing_writes_nothing(engine):
    await store_real_rows(engine, real("a", "b"))
    before = await stored(engine)
    assert await compare_real_rows(engine, real("b", domain="other")) == RealChange(0, 1, 0)
    assert await compare_real_rows(engine, real("a", "c")) == RealChange(1, 0, 1)
    assert await stored(engine) == before


async def test_a_failure_in_the_middle_leaves_nothing(engine):
    await store_real_rows(engine, real("a"))
    before = await stored(engine)
    await forbid(engine, "refused")
    # "a" would be updated and "b" added before the row that the database refuses.
    with pytest.raises(EnvironmentFailure, match="refused"):
        await store_real_rows(engine, real("a", "b", "refused", "c", domain="other"))
    assert await stored(engine) == before
    assert await store_real_rows(engine, real("a", "b", "c", domain="other")) == RealChange(2, 1, 0)


async def test_what_a_learner_reads_of_a_run(engine):
    run = generate(5000)
    await store_run(engine, run.origin, iter([run]), dict)
    await store_real_rows(engine, real("a"))
    rows = await read_learning_rows(engine, source="synthetic")
    assert rows.equals(run.rows.select(list(LEARNING_COLUMNS)))
    assert (await read_learning_rows(engine, source="synthetic", limit=7)).equals(rows.slice(0, 7))
    async with writing(engine, "test") as connection:
        await connection.execute(text("UPDATE training_prompts SET is_active = false WHERE row_index = 0"))
    assert (await read_learning_rows(engine, source="synthetic", limit=7)).equals(rows.slice(1, 7))
    async with writing(engine, "test") as connection:
        await connection.execute(text("UPDATE generation_runs SET status = 'running'"))
    assert (await read_learning_rows(engine, source="synthetic")).num_rows == 0


async def test_what_a_learner_reads_of_real_rows(engine):
    empty = await read_learning_rows(engine, source="real")
    assert (empty.num_rows, empty.schema) == (0, pa.schema([ROW_SCHEMA.field(name) for name in LEARNING_COLUMNS]))
    await store_real_rows(engine, real("b", "a", rules=["x", "y"]))
    await store_real_rows(engine, real("out", is_active=False))
    await store_real_rows(engine, real("c"))
    rows = await read_learning_rows(engine, source="real")
    assert rows["enhanced_prompt"].to_pylist() == ["b", "a", "c"]
    assert rows["rules"].to_pylist() == [["x", "y"], ["x", "y"], []]
    assert (await read_learning_rows(engine, source="real", limit=1)).equals(rows.slice(0, 1))
