"""Rows into databases: bit for bit, or refused."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from prompt_improver import generate
from prompt_improver.batch import ROW_SCHEMA
from prompt_improver.errors import EnvironmentFailure, InputError
from prompt_improver.storage.append import append_rows
from prompt_improver.storage.connect import open_engine, reading, writing
from prompt_improver.storage.models import TrainingPrompt
from prompt_improver.storage.schema import prepare_schema
from prompt_improver.storage.slices import cut_table
from prompt_improver.storage.urls import database_url
from tests.storage.tables import tables, texts

MOMENT = datetime(2031, 12, 24, 23, 59, 59, 987654, tzinfo=UTC)
TABLE = TrainingPrompt.__table__
NAME = texts(nul=False).map(lambda name: name[:64])
STORABLE = {
    "row_index": st.integers(-(2**63), 2**63 - 1),
    "domain": NAME,
    "pattern": NAME,
    "prompt_text": texts(nul=False),
    "enhanced_prompt": texts(nul=False),
    **{name: st.integers(-(2**31), 2**31 - 1) for name in ("length", "complexity", "training_priority")},
    "effectiveness_score": st.floats(0, 1),
    "tier": st.sampled_from(["low", "medium", "high"]),
    "data_source": st.just("real"),
}


async def stored(url: str, rows: pa.Table, *, run_id: str | None = None) -> list[dict[str, object]]:
    """What the database holds after the rows went in; they are taken out again."""
    engine = open_engine(database_url(url, Path()))
    try:
        async with writing(engine, "write to") as connection:
            await append_rows(connection, rows, run_id=run_id, moment=MOMENT)
        async with reading(engine, "read") as connection:
            found = [dict(row) for row in (await connection.execute(TABLE.select().order_by(TABLE.c.id))).mappings()]
        async with writing(engine, "write to") as connection:
            await connection.execute(TABLE.delete())
    finally:
        await engine.dispose()
    return found


async def prepare(url: str) -> None:
    engine = open_engine(database_url(url, Path()))
    await prepare_schema(engine)
    await engine.dispose()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=tables(**STORABLE))
def test_any_row_comes_back_bit_for_bit(database, rows):
    asyncio.run(prepare(database))
    found = asyncio.run(stored(database, rows))
    wanted = [repr(row) for row in rows.to_pylist()]
    if database.startswith("sqlite"):  # which has one zero only
        wanted = [row.replace(": -0.0,", ": 0.0,") for row in wanted]
    assert [repr({name: row[name] for name in ROW_SCHEMA.names}) for row in found] == wanted
    assert {(row["run_id"], row["created_at"]) for row in found} <= {(None, MOMENT)}


async def test_long_texts_come_back(database):
    await prepare(database)
    rows = generate(2).rows
    long = pa.array(["字" * 300_000, "😀\n" * 100_000])
    rows = rows.set_column(3, ROW_SCHEMA.field("prompt_text"), long).set_column(14, ROW_SCHEMA.field("data_source"), pa.array(["real"] * 2))
    assert [row["prompt_text"] for row in await stored(database, rows)] == long.to_pylist()


async def test_rules_are_json_text_in_postgresql(postgres_url):
    await prepare(postgres_url)
    engine = open_engine(database_url(postgres_url, Path()))
    rows = generate(3).rows
    names = pa.array([['say "why"', "ü"], [], ["a"]], type=ROW_SCHEMA.field("rules").type)
    rows = rows.set_column(5, ROW_SCHEMA.field("rules"), names).set_column(14, ROW_SCHEMA.field("data_source"), pa.array(["real"] * 3))
    async with writing(engine, "write to") as connection:
        await append_rows(connection, rows, run_id=None, moment=MOMENT)
        found = await connection.execute(text("SELECT rules::text, pg_typeof(rules)::text FROM training_prompts ORDER BY id"))
        assert [tuple(row) for row in found] == [('["say \\"why\\"", "ü"]', "json"), ("[]", "json"), ('["a"]', "json")]
    await engine.dispose()


@pytest.mark.parametrize(
    "name, values, told",
    [
        ("prompt_text", ["fine", "a\0b"], "a prompt_text holds a NUL character"),
        ("enhanced_prompt", ["\0", "fine"], "a enhanced_prompt holds a NUL character"),
        ("domain", ["technical", None], "a domain is missing"),
        ("clarity", [None, 0.5], "a clarity is missing"),
    ],
)
async def test_rows_that_cannot_be_stored_are_refused(database, name, values, told):
    await prepare(database)
    place = ROW_SCHEMA.names.index(name)
    rows = generate(2).rows.set_column(place, ROW_SCHEMA.field(name), pa.array(values))
    with pytest.raises(InputError) as caught:
        await stored(database, rows)
    assert told in str(caught.value)


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1])
async def test_a_number_too_large_for_its_column_is_refused(postgres_url, number):
    await prepare(postgres_url)
    place = ROW_SCHEMA.names.index("length")
    rows = generate(2).rows.set_column(place, ROW_SCHEMA.field("length"), pa.array([1, number]))
    with pytest.raises(InputError, match=f"a length is {number}"):
        await stored(postgres_url, rows)


async def test_what_the_database_refuses_is_said(database):
    await prepare(database)
    place = ROW_SCHEMA.names.index("tier")
    rows = generate(2).rows.set_column(place, ROW_SCHEMA.field("tier"), pa.array(["low", "huge"]))
    rows = rows.set_column(14, ROW_SCHEMA.field("data_source"), pa.array(["real"] * 2))
    with pytest.raises(EnvironmentFailure, match="tier"):
        await stored(database, rows, run_id=None)


def test_a_table_is_cut_by_rows_and_by_bytes(monkeypatch):
    monkeypatch.setattr("prompt_improver.storage.slices._BYTES", 5000)
    rows = generate(40).rows
    parts = list(cut_table(rows))
    assert pa.concat_tables(parts).equals(rows)
    assert all(part.nbytes <= 5000 or len(part) == 1 for part in parts)
    assert list(cut_table(rows.slice(0, 0))) == []
