"""Effects of rules are recovered where they are known."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import spearmanr

from prompt_improver import generate
from prompt_improver.domains.content import RULES
from prompt_improver.generation.effectiveness import load_weights
from prompt_improver.optimization.effects import LEAST_ROWS, learn_effects
from prompt_improver.optimization.rows import SIX, build_table
from prompt_improver.optimization.sources import material_of

TEXTS = generate(1500, seed=4).rows["prompt_text"].to_pylist()


def simulate(effects, *, with_clarity=0.0, noise=0.1, seed=1):
    """Prompts with rules at random, and scores that follow from them by known effects."""
    rng = np.random.default_rng(seed)
    flags = rng.random((len(TEXTS), len(RULES))) < 0.2
    table = build_table(TEXTS)[0]
    clarity = table[:, SIX].astype(float)[:, 0]
    clarity = (clarity - clarity.mean()) / clarity.std()
    scores = 0.5 + 0.05 * clarity + flags @ np.array(effects) + with_clarity * clarity * flags[:, 0] + noise * rng.standard_normal(len(TEXTS))
    source = pa.table({"prompt_text": TEXTS, "rules": [[rule for rule, on in zip(RULES, row, strict=True) if on] for row in flags]})
    return source, scores, np.array([f"family-{place % 60}" for place in range(len(TEXTS))]), table, clarity


def test_known_effects_are_recovered():
    known = np.linspace(-0.2, 0.2, len(RULES))
    source, scores, groups, table, _ = simulate(known)
    mean, low, high = learn_effects(source, scores, groups, seed=1).predict(table)
    assert np.allclose(mean.mean(axis=0), known, atol=0.03)
    assert ((low <= mean) & (mean <= high)).all()
    assert np.mean((low.mean(axis=0) <= known) & (known <= high.mean(axis=0))) >= 6 / 9


def test_an_effect_that_depends_on_the_prompt_is_seen():
    source, scores, groups, table, clarity = simulate([0.0] * len(RULES), with_clarity=-0.1)
    mean = learn_effects(source, scores, groups, seed=1).predict(table)[0]
    assert np.corrcoef(mean[:, 0], clarity)[0, 1] < -0.9
    assert np.polyfit(clarity, mean[:, 0], 1)[0] == pytest.approx(-0.1, abs=0.04)


def test_without_effects_few_are_called_sure():
    source, scores, groups, table, _ = simulate([0.0] * len(RULES), noise=0.3)
    low = learn_effects(source, scores, groups, seed=1).predict(table)[1]
    assert (low > 0).mean() < 0.25


def test_effects_follow_the_truth_of_generated_rows():
    """Across rules, learnt effects agree in order with the mean of the stated ones, by how often each strength occurs."""
    batch = generate(20_000, seed=5)
    marks = np.array(batch.truth["rule_strengths"].to_pylist())
    material = material_of(batch)
    learnt = learn_effects(material.table, batch.rows["effectiveness_score"].to_numpy(), np.array(batch.rows["pattern"].to_pylist()), seed=1)
    mean = learnt.predict(build_table(TEXTS)[0])[0].mean(axis=0)
    # What a rule does through text and by itself: score differences between rows with it and the unchanged ones, standardised by family.
    scores = batch.truth["known_score"].to_numpy()
    unchanged = (marks == 0).all(axis=1)
    stated = np.array([scores[marks[:, place] > 0].mean() - scores[unchanged].mean() for place in range(len(RULES))])
    assert spearmanr(mean, stated).statistic > 0.5
    assert set(load_weights()["rules"]) == set(RULES)


def test_few_rows_give_no_effects():
    source, scores, groups, *_ = simulate([0.0] * len(RULES))
    assert learn_effects(source.slice(0, LEAST_ROWS - 1), scores[: LEAST_ROWS - 1], groups[: LEAST_ROWS - 1], seed=1) is None
