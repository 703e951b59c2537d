"""Slips: at the rate that was asked, recorded with what was meant, and never at the cost of a guarantee."""

import re

import pyarrow as pa
import pytest

from prompt_improver.domains.content import Text
from prompt_improver.domains.grammar import BUILT_IN
from prompt_improver.domains.slips import SHORT, SLIP_KINDS, SlipFinder
from prompt_improver.domains.source import read_domain
from prompt_improver.execution.local import open_run, stream_batches
from prompt_improver.recipe.recipe import make_recipe


def made(samples: int = 12_000, **fields: object) -> pa.Table:
    """Prompts and the truth about their slips."""
    batches = list(stream_batches(open_run(make_recipe({"samples": samples, "seed": 5, **fields}))))
    rows = pa.concat_tables([batch.rows for batch in batches])
    truth = pa.concat_tables([batch.truth for batch in batches])
    return truth.select(["slip", "slip_wrote", "slip_meant"]).append_column("prompt_text", rows["prompt_text"])


@pytest.fixture(scope="module")
def all_that_can() -> pa.Table:
    return made(slip_rate=1.0)


def test_undoing_what_is_recorded_gives_the_row_without_slips(all_that_can):
    clean = made(slip_rate=0.0)["prompt_text"].to_pylist()
    slipped = 0
    for row, meant in zip(all_that_can.to_pylist(), clean, strict=True):
        if row["slip"] is None:
            assert row["prompt_text"] == meant
            assert row["slip_wrote"] is row["slip_meant"] is None
        else:
            slipped += 1
            wrote = re.escape(row["slip_wrote"])
            undone = {
                row["prompt_text"][: m.start()] + row["slip_meant"] + row["prompt_text"][m.end() :] for m in re.finditer(wrote, row["prompt_text"])
            }
            assert meant in undone
            assert row["prompt_text"] != meant
    assert slipped > 3000


def test_every_kind_occurs_and_no_text_twice(all_that_can):
    assert set(all_that_can["slip"].to_pylist()) - {None} == set(SLIP_KINDS)
    texts = all_that_can["prompt_text"].to_pylist()
    assert len({re.sub(r"\s+", " ", text.casefold()) for text in texts}) == len(texts)


@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_a_share_of_those_that_can_slip_do(rate, all_that_can):
    able = sum(slip is not None for slip in all_that_can["slip"].to_pylist())
    slipped = sum(slip is not None for slip in made(slip_rate=rate)["slip"].to_pylist())
    assert abs(slipped / able - rate) < 4 * (rate * (1 - rate) / able) ** 0.5


def test_slips_leave_a_mark_that_goes_back_to_one_text():
    domains = [read_domain(BUILT_IN / "technical.toml")]
    finder = SlipFinder(domains)
    meant_by: dict[str, Text] = {}
    for family in domains[0].families:
        for prompt in family.prompts:
            for slip in finder.find(prompt.text, f"{family.name}/{prompt.key}"):
                assert meant_by.setdefault(repr(slip.text), prompt.text) == prompt.text
                assert sum(len(part.split()) for part in prompt.text.parts if isinstance(part, str)) <= SHORT
    assert meant_by
