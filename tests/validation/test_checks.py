"""A check that cannot fail is worth nothing: each one is shown rows that break it."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from prompt_improver import generate
from prompt_improver.batch import ROW_SCHEMA, Batch
from prompt_improver.recipe.recipe import DEFAULT_SHARES
from prompt_improver.validation.deep import check_deep
from prompt_improver.validation.findings import failures
from prompt_improver.validation.quick import Expectation, Sample, auc, check_sample, quality_validation


@pytest.fixture(scope="module")
def batch():
    return generate(1000)


def changed(batch: Batch, column: str, values) -> Batch:
    place = ROW_SCHEMA.names.index(column)
    return Batch(batch.origin, batch.rows.set_column(place, ROW_SCHEMA.field(column), pa.array(values, type=ROW_SCHEMA.field(column).type)))


def failing(batch: Batch, expected: Expectation | None = None, *, deep: bool = False) -> set[str]:
    sample = Sample()
    sample.add(batch)
    found = check_sample(sample, expected or Expectation(1000, DEFAULT_SHARES))
    if deep:
        found += check_deep(sample, ceiling=0.9)
    return {one.check for one in failures(found)}


def test_sound_rows_pass(batch):
    assert failing(batch) == set()


@pytest.mark.parametrize(
    "column, change, check",
    [
        ("clarity", lambda v: [float("nan"), *v[1:]], "no_invalid_values"),
        ("clarity", lambda v: [0.5] * len(v), "features_vary"),
        ("clarity", lambda v: [v[0] + 0.0001, *v[1:]], "text_grounding"),
        ("prompt_text", lambda v: [v[1], *v[1:]], "unique_prompts"),
        ("enhanced_prompt", lambda v: [v[1], *v[1:]], "unique_enhanced"),
        ("domain", lambda v: ["technical"] * len(v), "domain_quotas"),
        ("tier", lambda v: ["low"] * len(v), "class_diversity"),
        ("tier", lambda v: [{"low": "medium"}.get(v[0], "low"), *v[1:]], "tier_counts"),
        ("effectiveness_score", lambda v: [0.5 + x / 100 for x in v], "score_deviation"),
        ("effectiveness_score", lambda v: [0.35] * len(v), "tier_ranges"),
        ("effectiveness_score", lambda v: [min(x, 0.99) for x in v], "score_ends"),
        ("enhanced_prompt", lambda v: [x + x for x in v], "length_ratio"),
    ],
)
def test_broken_rows_are_found(batch, column, change, check):
    assert check in failing(changed(batch, column, change(batch.rows[column].to_pylist())))


def test_a_missing_row_is_found(batch):
    assert "rows" in failing(Batch(batch.origin, batch.rows.slice(1)))


def test_a_wrong_envelope_is_found(batch):
    asked = {"technical": dict.fromkeys(("clarity", "specificity", "context_richness", "actionability"), (0.0, 1.0))}
    asked["technical"] |= {"length": (1.0, 5.0), "complexity": (1.0, 10.0)}
    assert "envelope_technical" in failing(batch, Expectation(1000, DEFAULT_SHARES, asked))


def test_rows_that_teach_nothing_are_found(batch):
    order = np.random.default_rng(0).permutation(1000)
    rows = batch.rows
    for column in ("effectiveness_score", "tier"):
        rows = changed(Batch(batch.origin, rows), column, rows[column].take(pa.array(order)).to_pylist()).rows
    assert "learnable_auc" in failing(Batch(batch.origin, rows), deep=True)


def test_rows_that_tell_too_much_are_found(batch):
    sample = Sample()
    sample.add(changed(batch, "clarity", batch.rows["effectiveness_score"].to_pylist()))
    assert "auc_below_ceiling" in {one.check for one in failures(check_deep(sample, ceiling=0.9))}


def test_the_six_features_can_be_learnt_from(batch):
    sample = Sample()
    sample.add(batch)
    found = {one.check: one for one in check_deep(sample, ceiling=sample.ceiling())}
    assert not failures(found.values())
    assert 0.75 <= found["learnable_auc"].figure <= 0.92


def test_a_tier_of_another_name_is_outside_of_its_range_and_no_traceback(batch):
    few = Batch(batch.origin, batch.rows.slice(0, 19))
    odd = changed(few, "tier", ["odd", *few.rows["tier"].to_pylist()[1:]])
    assert {"tier_ranges", "tier_counts"} <= failing(odd, Expectation(19), deep=True)


def test_near_duplicates_are_found(batch):
    texts = batch.rows["prompt_text"].to_pylist()
    copies = [text + "!" for text in texts[:500]]
    assert "near_duplicates" in failing(changed(batch, "prompt_text", texts[:500] + copies), deep=True)


@given(st.lists(st.tuples(st.floats(-3, 3), st.booleans()), min_size=2, max_size=60).filter(lambda v: len({label for _, label in v}) == 2))
def test_auc_is_that_of_scikit_learn(values):
    scores, labels = np.array([v for v, _ in values]), np.array([label for _, label in values])
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_what_few_rows_cannot_show_is_a_note(n):
    sample = Sample()
    sample.add(generate(n))
    assert not failures(check_sample(sample, Expectation(n, DEFAULT_SHARES)))
    assert quality_validation(sample)["min_samples_met"] is False
    assert quality_validation(sample)["overall_quality"] is False


def test_no_rows_at_all_fall_short():
    assert {"rows", "scores"} <= {one.check for one in failures(check_sample(Sample(), Expectation(5)))}
