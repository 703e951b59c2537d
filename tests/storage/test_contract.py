"""One contract for both databases and all files: what goes in comes out, bit for bit."""

import asyncio
from pathlib import Path

import pyarrow as pa
import pytest

from prompt_improver import generate
from prompt_improver.batch import ROW_SCHEMA, Batch, Origin
from prompt_improver.errors import EnvironmentFailure, InputError
from prompt_improver.storage.connect import open_engine, writing
from prompt_improver.storage.database import count_rows, find_run, read_batches, store_run
from prompt_improver.storage.files import RowFile, read_file
from prompt_improver.storage.models import TrainingPrompt
from prompt_improver.storage.schema import prepare_schema
from prompt_improver.storage.urls import database_url, shown

ODD = ['plain "quoted", comma', "two\nlines\r\nthree", "=1+1", "+x", "-y", "@z", "\tTab", "'=kept", "'", "emoji 😀 дом 字", " blanks ", "a" * 9000]


@pytest.fixture
def batch() -> Batch:
    n = len(ODD)
    made = {
        "row_index": range(n),
        "domain": ["technical"] * n,
        "pattern": ["p"] * n,
        "prompt_text": ODD,
        "enhanced_prompt": [text + "!" for text in ODD],
        "rules": [[], ["give_steps"], ["a", "b"]] * (n // 3),
        "clarity": [0.1 + 0.2, 1e-300, 5e-324] * (n // 3),
        "length": [len(text) for text in ODD],
        "specificity": [1 / 3] * n,
        "complexity": [10] * n,
        "context_richness": [0.0] * n,
        "actionability": [1.0] * n,
        "effectiveness_score": [0.7000000000000001] * n,
        "tier": ["high"] * n,
        "data_source": ["synthetic"] * n,
        "training_priority": [10] * n,
        "is_active": [True, False, True] * (n // 3),
    }
    origin = Origin("r" * 32, 2**64 - 1, n, "f" * 32, "prompt-features/1", "0")
    return Batch(origin, pa.table([pa.array(made[f.name], type=f.type) for f in ROW_SCHEMA], schema=ROW_SCHEMA))


async def store(url: str, batches: list[Batch], *, replace: bool = False):
    engine = open_engine(database_url(url, Path()))
    await prepare_schema(engine)
    stored = await store_run(engine, batches[0].origin, iter(batches), lambda: {"told": True}, replace=replace)
    run = await find_run(engine)
    rows = pa.concat_tables([part.rows async for part in read_batches(engine, run, size=5)])
    counts = await count_rows(engine)
    await engine.dispose()
    return stored, run, rows, counts


async def test_a_database_gives_back_what_went_in(database, batch):
    stored, run, rows, counts = await store(database, [Batch(batch.origin, batch.rows.slice(0, 7)), Batch(batch.origin, batch.rows.slice(7))])
    assert rows.to_pylist() == batch.rows.to_pylist()
    assert (stored.written, run.status, run.seed, run.quality_report) == (True, "complete", str(2**64 - 1), {"told": True})
    assert run.finished_at.tzinfo is not None
    assert counts == {"synthetic": sum(batch.rows["is_active"].to_pylist())}


async def test_a_run_is_there_already(database):
    first, second = generate(20, seed=1), generate(30, seed=2)
    assert (await store(database, [first]))[0].written
    stored, run, rows, _ = await store(database, [second])
    assert (stored.written, run.seed, rows.num_rows) == (False, "1", 20)
    stored, run, rows, _ = await store(database, [second], replace=True)
    assert (stored.written, stored.replaced, run.seed, rows.num_rows) == (True, 20, "2", 30)


async def test_real_rows_stay(database):
    first, second = generate(20, seed=1), generate(30, seed=2)
    await store(database, [first])
    engine = open_engine(database_url(database, Path()))
    real = {**first.rows.slice(0, 1).to_pylist()[0], "run_id": None, "data_source": "real", "training_priority": 100}
    async with writing(engine, "write to") as connection:
        await connection.execute(TrainingPrompt.__table__.insert().values(**TrainingPrompt(**real).model_dump(exclude={"id"})))
    await engine.dispose()
    assert (await store(database, [second], replace=True))[3] == {"synthetic": 30, "real": 1}


async def test_a_failing_source_leaves_nothing(database):
    def broken():
        yield generate(20)
        raise InputError("no more")

    engine = open_engine(database_url(database, Path()))
    await prepare_schema(engine)
    with pytest.raises(InputError, match="no more"):
        await store_run(engine, generate(20).origin, broken(), dict)
    assert await find_run(engine) is None
    assert await count_rows(engine) == {}
    await engine.dispose()


async def test_the_event_loop_goes_on(database):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    beating = asyncio.create_task(tick())
    await store(database, [generate(4096)])
    beating.cancel()
    assert ticks >= 3


async def test_nul_is_refused_before_anything_is_kept(database, batch):
    place = ROW_SCHEMA.names.index("prompt_text")
    rows = batch.rows.set_column(place, ROW_SCHEMA.field("prompt_text"), pa.array(["a\0b", *ODD[1:]]))
    engine = open_engine(database_url(database, Path()))
    await prepare_schema(engine)
    with pytest.raises(InputError, match="NUL"):
        await store_run(engine, batch.origin, iter([Batch(batch.origin, rows)]), dict)
    assert await find_run(engine) is None
    await engine.dispose()


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv"])
def test_a_file_gives_back_what_went_in(tmp_path, batch, suffix):
    path = tmp_path / f"rows.{suffix}"
    for _ in range(2):
        with RowFile(path, batch.origin) as file:
            file.write(Batch(batch.origin, batch.rows.slice(0, 5)))
            file.write(Batch(batch.origin, batch.rows.slice(5)))
        assert pa.concat_tables([part.rows for part in read_file(path)]).to_pylist() == batch.rows.to_pylist()
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_no_cell_of_a_csv_is_a_formula(tmp_path, batch):
    import csv

    with RowFile(tmp_path / "rows.csv", batch.origin) as file:
        file.write(batch)
    with (tmp_path / "rows.csv").open(newline="", encoding="utf-8") as lines:
        cells = [cell for row in csv.reader(lines) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r")) or (cell.startswith("-") and not cell[1:].isdigit())]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv"])
def test_an_error_leaves_the_old_file(tmp_path, batch, suffix):
    path = tmp_path / f"rows.{suffix}"
    path.write_text("old")

    def fail() -> None:
        with RowFile(path, batch.origin) as file:
            file.write(batch)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "name, content, told",
    [
        ("a.jsonl", "{}", "line 1: 'row_index' is missing"),
        ("a.jsonl", "[]", "line 1 is list"),
        ("a.jsonl", "{", "line 1 is not JSON"),
        ("a.jsonl", "[" * 100_000, "line 1 is not JSON"),
        ("a.csv", "row_index\nx\n", "line 2: 'row_index' is 'x'"),
        ("a.csv", "a,b\n1\n", "line 2 has 1 cells; expected 2"),
        ("a.parquet", "PAR1", "not a file of training rows"),
        ("a.txt", "", "names no format"),
    ],
)
def test_broken_files_are_named(tmp_path, name, content, told):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as caught:
        list(read_file(tmp_path / name))
    assert told in str(caught.value)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    "given, driver, people",
    [
        (None, "sqlite+aiosqlite", "data/prompt_improver.db"),
        ("sqlite:///a.db", "sqlite+aiosqlite", "a.db"),
        ("sqlite:////tmp/a.db", "sqlite+aiosqlite", "/tmp/a.db"),
        ("postgres://u:secret@h:5/d", "postgresql+asyncpg", "postgresql://u:***@h:5/d"),
        ("postgresql+asyncpg://u:secret@h/d", "postgresql+asyncpg", "postgresql://u:***@h/d"),
    ],
)
def test_addresses_as_people_write_them(given, driver, people):
    url = database_url(given, Path("data"))
    assert (url.drivername, shown(url)) == (driver, people)


@pytest.mark.parametrize(
    "given", ["mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:", "postgresql://u:secret@h", "secret", "postgresql://u:secret@h:port/d"]
)
def test_other_addresses_are_refused_without_their_password(given):
    with pytest.raises(InputError) as caught:
        database_url(given, Path())
    assert "secret@" not in str(caught.value)


async def test_a_wrong_password_is_never_shown(monkeypatch):
    import asyncpg

    async def refuse(*_arguments, **_keywords):
        raise asyncpg.InvalidPasswordError('password authentication failed for user "u" with hunter2')

    monkeypatch.setattr(asyncpg, "connect", refuse)
    engine = open_engine(database_url("postgresql://u:hunter2@localhost/d", Path()))
    with pytest.raises(EnvironmentFailure) as caught:
        await prepare_schema(engine)
    assert "hunter2" not in str(caught.value)
    assert "Check user and password" in str(caught.value)


async def test_names_that_look_like_sql_are_plain_text(database, batch):
    place = ROW_SCHEMA.names.index("prompt_text")
    hostile = ["'; DROP TABLE training_prompts; --", "%s %(x)s :id ? $1", *ODD[2:]]
    rows = batch.rows.set_column(place, ROW_SCHEMA.field("prompt_text"), pa.array(hostile))
    _, _, got, _ = await store(database, [Batch(batch.origin, rows)])
    assert got["prompt_text"].to_pylist() == hostile
