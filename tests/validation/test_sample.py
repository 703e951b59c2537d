"""What a sample says of its rows, against counting them one by one in Python's own types."""

from collections import Counter
from itertools import pairwise
from statistics import median

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prompt_improver import generate
from prompt_improver.batch import FEATURES, ROW_SCHEMA, Batch
from prompt_improver.validation import quick
from prompt_improver.validation.quick import Expectation, Sample, check_sample
from prompt_improver.validation.tally import add_up, tally_batch

RANGES = {True: {"low": (0, 0.3), "medium": (0.4, 0.6), "high": (0.7, 1)}, False: {"low": (0, 0.35), "medium": (0.35, 0.65), "high": (0.65, 1)}}


@pytest.fixture(scope="module")
def batch():
    return generate(900, seed=3)


def with_columns(batch: Batch, **columns: list) -> Batch:
    rows = batch.rows
    for name, values in columns.items():
        rows = rows.set_column(ROW_SCHEMA.names.index(name), ROW_SCHEMA.field(name), pa.array(values, type=ROW_SCHEMA.field(name).type))
    return Batch(batch.origin, rows, batch.truth)


def in_batches(batch: Batch, cuts: list[int]) -> list[Batch]:
    edges = [0, *sorted(cuts), len(batch)]
    return [Batch(batch.origin, batch.rows.slice(start, end - start), batch.truth.slice(start, end - start)) for start, end in pairwise(edges)]


texts = st.text(alphabet="aB é\n😀", max_size=12)
scores = st.one_of(st.floats(0, 1), st.sampled_from([0.3, 0.35, 0.65, 0.7, float("nan"), -0.1, 1.5]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(texts, texts, st.sampled_from(["technical", "mine", "creative"]), st.sampled_from(["low", "medium", "high", "odd"]), scores),
        min_size=1,
        max_size=40,
    ),
    st.lists(st.integers(0, 40), max_size=4),
    st.booleans(),
)
def test_figures_are_those_of_counting_row_by_row(batch, rows, cuts, gaps):
    old, new, domains, tiers, values = (list(column) for column in zip(*rows, strict=True))
    part = Batch(batch.origin, batch.rows.slice(0, len(rows)), batch.truth.slice(0, len(rows)))
    made = with_columns(part, prompt_text=old, enhanced_prompt=new, domain=domains, tier=tiers, effectiveness_score=values)
    sample = Sample()
    for some in in_batches(made, [min(cut, len(rows)) for cut in cuts]):
        sample.add(some, gaps=gaps)
    figures = {found.check: found.figure for found in check_sample(sample, Expectation(len(rows)))}
    inside = [tier in RANGES[gaps] and RANGES[gaps][tier][0] <= value <= RANGES[gaps][tier][1] for tier, value in zip(tiers, values, strict=True)]
    assert (sample.rows, sample.tally.domains, sample.tally.tiers) == (len(rows), Counter(domains), Counter(tiers))
    assert figures["tier_ranges"] == inside.count(False)
    assert (figures["unique_prompts"], figures["unique_enhanced"]) == (len(old) - len(set(old)), len(new) - len(set(new)))
    assert figures["length_ratio"] == round(median(len(after) / max(len(before), 1) for before, after in zip(old, new, strict=True)), 3)
    assert figures["no_longer_share"] == round(sum(len(after) <= len(before) for before, after in zip(old, new, strict=True)) / len(rows), 3)
    np.testing.assert_array_equal(sample.scores, values)
    assert sample.features.tolist() == [[row[name] for name in FEATURES] for row in part.rows.to_pylist()]


def test_counts_made_elsewhere_give_the_same_figures(batch):
    parts = in_batches(batch, [100, 500])
    here, there = Sample(), Sample()
    for part in parts:
        here.add(part)
        there.keep(part)
    there.count(add_up(tally_batch(part, gaps=True) for part in parts))
    expected = Expectation(900, {"technical": 1.0})
    assert check_sample(here, expected) == check_sample(there, expected)
    assert (there.tally, there.ceiling()) == (here.tally, here.ceiling())


def test_values_of_no_more_rows_than_asked_are_kept_to_the_end_of_a_batch(batch, monkeypatch):
    monkeypatch.setattr(quick, "LOOK", 250)
    sample, full = Sample(), []
    for part in in_batches(batch, list(range(100, 900, 100))):
        sample.add(part)
        full.append(sample.full)
    assert full == [False, False, *[True] * 7]
    assert (sample.rows, len(sample.looked), len(sample.features), len(sample.scores)) == (900, 300, 300, 300)
    assert sample.looked["enhanced_prompt"].to_pylist() == batch.rows["enhanced_prompt"].to_pylist()[:300]


def test_repeats_far_apart_and_of_every_size_are_counted():
    whole = generate(5000, seed=8)
    copied = whole.rows["enhanced_prompt"].to_pylist()
    copied[4000:4100] = copied[:100]
    sample = Sample()
    sample.add(with_columns(whole, enhanced_prompt=copied))
    assert {found.check: found.figure for found in check_sample(sample, Expectation(5000))}["unique_enhanced"] == 100
