"""The import of rated prompts, from a file into both databases."""

import json
from pathlib import Path

import pytest

from prompt_improver.batch import FEATURES
from prompt_improver.errors import InputError
from prompt_improver.features.extractor import extract
from prompt_improver.installation.bootstrap import bootstrap_database
from prompt_improver.installation.ratings import import_file
from prompt_improver.installation.stored import describe_database
from prompt_improver.recipe.recipe import make_recipe
from prompt_improver.storage.connect import open_engine, writing
from prompt_improver.storage.models import TrainingPrompt
from prompt_improver.storage.ratings import RatingColumns
from prompt_improver.storage.schema import check_schema
from prompt_improver.storage.urls import database_url

PLAIN = RatingColumns()
FULL = RatingColumns(original="before", domain="area", group="task")
LINES = [
    {"prompt": "Write a haiku about Osaka in autumn, 3 lines.", "score": 0.9, "before": "haiku", "area": "creative", "task": "t1"},
    {"prompt": "do it", "score": 0.2, "before": "do", "area": "technical", "task": "t2"},
    {"prompt": "List five risks of the plan 😀.", "score": 0.5, "before": "risks", "area": "analytical", "task": "t3"},
]


@pytest.fixture
def url(database):
    return database_url(database, Path())


def write(folder: Path, lines: list) -> Path:
    path = folder / "ratings.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


async def rows_of(url) -> list[dict]:
    engine = open_engine(url)
    table = TrainingPrompt.__table__
    async with writing(engine, "read") as connection:
        found = [dict(row) for row in (await connection.execute(table.select().where(table.c.data_source == "real").order_by(table.c.id))).mappings()]
    await engine.dispose()
    return found


async def test_a_file_becomes_real_rows(url, tmp_path):
    done = await import_file(write(tmp_path, LINES), url, FULL)
    assert (done.lines, done.added, done.updated, done.unchanged, done.written) == (3, 3, 0, 0, True)
    assert done.tiers == {"low": 1, "medium": 1, "high": 1}
    rows = await rows_of(url)
    expected = [
        {"prompt_text": line["before"], "enhanced_prompt": line["prompt"], "domain": line["area"], "pattern": line["task"], "row_index": place}
        | {"effectiveness_score": line["score"], "tier": tier, "data_source": "real", "training_priority": 100, "run_id": None, "rules": []}
        | {"is_active": True}
        | dict(zip(FEATURES, extract([line["prompt"]])[0].tolist(), strict=True))
        for place, (line, tier) in enumerate(zip(LINES, ("high", "low", "medium"), strict=True))
    ]
    assert [{name: row[name] for name in row if name not in ("id", "created_at")} for row in rows] == expected


async def test_a_second_import_changes_nothing(url, tmp_path):
    path = write(tmp_path, [*LINES, LINES[0] | {"score": 0.4}])
    assert (await import_file(path, url, FULL)).repeated == 1
    first = await rows_of(url)
    again = await import_file(path, url, FULL)
    assert (again.added, again.updated, again.unchanged, again.written) == (0, 0, 3, False)
    assert await rows_of(url) == first
    assert first[0]["effectiveness_score"] == 0.65


async def test_another_score_takes_the_place_of_the_first(url, tmp_path):
    await import_file(write(tmp_path, LINES), url, FULL)
    before = await rows_of(url)
    done = await import_file(write(tmp_path, [{"prompt": "do it", "score": 5}, {"prompt": "New.", "score": 1}]), url, RatingColumns(low=1, high=5))
    assert (done.added, done.updated, done.unchanged) == (1, 1, 0)
    rows = await rows_of(url)
    # What the second file did not say is as the first one said it.
    assert rows[:3] == [before[0], before[1] | {"effectiveness_score": 1.0, "tier": "high"}, before[2]]
    assert (rows[3]["enhanced_prompt"], rows[3]["domain"], rows[3]["row_index"]) == ("New.", "unknown", 3)


async def test_an_original_that_comes_later_brings_its_group(url, tmp_path):
    await import_file(write(tmp_path, [{"prompt": "one", "score": 1}, {"prompt": "two", "score": 0}]), url, PLAIN)
    assert len({row["pattern"] for row in await rows_of(url)}) == 2
    again = [{"prompt": "one", "score": 1, "before": "x"}, {"prompt": "two", "score": 0, "before": "x"}]
    assert (await import_file(write(tmp_path, again), url, RatingColumns(original="before"))).updated == 2
    assert len({row["pattern"] for row in await rows_of(url)}) == 1


async def test_broken_lines_stop_everything_unless_they_are_left_out(url, tmp_path):
    path = write(tmp_path, [LINES[0], *["{"] * 25, LINES[1]])
    with pytest.raises(InputError) as caught:
        await import_file(path, url, PLAIN)
    told = str(caught.value)
    assert "25 of 27 lines cannot be used; nothing was stored" in told
    assert ["  line 2: " in told, "  line 21: " in told, "  line 22: " in told, "  and 5 more" in told] == [True, True, False, True]
    engine = open_engine(url)
    assert await check_schema(engine) is False
    await engine.dispose()
    done = await import_file(path, url, PLAIN, skip_invalid=True)
    assert (done.lines, done.added, [found.line for found in done.skipped]) == (27, 2, list(range(2, 27)))
    assert len(await rows_of(url)) == 2


async def test_a_file_without_a_good_line_is_refused(url, tmp_path):
    with pytest.raises(InputError, match=r"the only line cannot be used(.|\n)*No line is left(.|\n)*--scale LOW HIGH"):
        await import_file(write(tmp_path, [{"prompt": "x", "score": 7}]), url, PLAIN, skip_invalid=True)


async def test_a_dry_run_stores_nothing(url, tmp_path):
    path = write(tmp_path, LINES)
    dry = await import_file(path, url, PLAIN, dry_run=True)
    assert (dry.added, dry.updated, dry.unchanged, dry.written) == (3, 0, 0, False)
    engine = open_engine(url)
    assert await check_schema(engine) is False
    await engine.dispose()
    await import_file(write(tmp_path, LINES[:2]), url, PLAIN)
    before = await rows_of(url)
    dry = await import_file(write(tmp_path, [LINES[0], LINES[1] | {"score": 1}, LINES[2]]), url, PLAIN, dry_run=True)
    assert (dry.added, dry.updated, dry.unchanged, dry.written) == (1, 1, 1, False)
    assert await rows_of(url) == before


async def test_real_rows_and_the_bootstrap_leave_each_other_alone(url, tmp_path):
    await import_file(write(tmp_path, LINES), url, FULL)
    before = await rows_of(url)
    told = await describe_database(url)
    assert (told["rows"], told["next"]) == ({"real": 3}, "prompt-improver bootstrap")
    assert (await bootstrap_database(make_recipe({"samples": 20}, "test"), url)).written
    assert (await describe_database(url))["rows"] == {"real": 3, "synthetic": 20}
    replaced = await bootstrap_database(make_recipe({"samples": 30}, "test"), url, replace=True)
    assert (replaced.written, replaced.replaced) == (True, 20)
    assert (await describe_database(url))["rows"] == {"real": 3, "synthetic": 30}
    assert await rows_of(url) == before
    assert (await import_file(write(tmp_path, LINES), url, FULL)).unchanged == 3
