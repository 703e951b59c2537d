"""Folds keep families apart; figures agree with scikit-learn and scipy; baselines are what they say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import linregress, spearmanr
from sklearn.metrics import r2_score, roc_auc_score

from prompt_improver import generate
from prompt_improver.errors import DataShortfall
from prompt_improver.optimization.evaluation import (
    auc_over_median,
    baselines,
    count_rarer,
    figures,
    judge,
    make_folds,
    predict_unseen,
    upper_half,
)
from prompt_improver.optimization.pipelines import STARTS
from tests.optimization.conftest import measured, mixed


@pytest.mark.parametrize("samples, folds", [(10, 3), (20, 3), (99, 3), (100, 5), (400, 5)])
@pytest.mark.parametrize("seed", range(4))
def test_folds_test_each_row_once_and_keep_families_together(samples, folds, seed):
    rows = measured(generate(samples, seed=seed))
    judged = make_folds(rows, folds=folds, seed=seed)
    assert sorted(np.concatenate([test for _, test in judged.folds]).tolist()) == list(range(samples))
    for train, test in judged.folds:
        assert not set(train) & set(test)
        assert len(train) + len(test) == samples
        assert not set(rows.groups[train]) & set(rows.groups[test])
    assert judged.grouped


@pytest.mark.parametrize("groups", [1, 2, 3, 5, 7])
def test_few_groups_are_kept_together_too_and_one_is_told_of(rows, groups):
    few = replace(rows, groups=np.array([f"g{place % groups}" for place in range(len(rows))]))
    judged = make_folds(few, folds=5, seed=1)
    assert judged.grouped == (groups > 1)
    assert len(judged.folds) == (5 if groups == 1 else min(groups, 5))
    assert sorted(np.concatenate([test for _, test in judged.folds]).tolist()) == list(range(len(rows)))
    if groups > 1:
        assert all(not set(few.groups[train]) & set(few.groups[test]) for train, test in judged.folds)


def test_a_label_that_is_its_group_cannot_be_learnt(rows):
    """Scattered over folds, such rows would be predicted from their own group."""
    few = replace(rows, groups=np.array([f"g{place % 5}" for place in range(len(rows))]), scores=np.arange(len(rows)) % 5 / 4)
    assert judge(STARTS[0], few, make_folds(few, folds=5, seed=1), seed=1)["auc"] < 0.6


def test_real_rows_alone_are_judged_and_synthetic_ones_always_learnt_from(rows):
    both = mixed(rows, 60, seed=1)
    judged = make_folds(both, folds=3, seed=1, judged=both.real)
    assert both.real[judged.places].all()
    assert sorted(np.concatenate([test for _, test in judged.folds]).tolist()) == judged.places.tolist()
    assert all(set(np.flatnonzero(~both.real)) <= set(train) for train, _ in judged.folds)


SCORES = arrays.arrays(np.float64, st.integers(4, 60), elements=st.floats(0, 1, width=16))


@given(SCORES, st.integers(0, 2**32 - 1))
def test_figures_agree_with_other_libraries(scores, seed):
    predicted = np.random.default_rng(seed).random(len(scores)).round(1)  # ties, too
    assume(np.ptp(predicted) > 0)
    if np.ptp(scores) == 0:
        assert count_rarer(scores) == 0
        with pytest.raises(DataShortfall, match="nothing to learn"):
            auc_over_median(scores, predicted)
        return
    got, label = figures(scores, predicted), upper_half(scores)
    assert got["auc"] == pytest.approx(roc_auc_score(label, predicted))
    assert got["r2"] == pytest.approx(r2_score(scores, predicted))
    assert got["spearman"] == pytest.approx(spearmanr(scores, predicted).statistic)
    line = linregress(predicted, scores)
    assert got["calibration"]["slope"] == pytest.approx(line.slope)
    assert got["calibration"]["intercept"] == pytest.approx(line.intercept)
    assert sum(fifth["rows"] for fifth in got["calibration"]["bins"]) == len(scores)


def test_a_calibrated_prediction_has_no_error_and_a_shifted_one_its_shift():
    scores = np.linspace(0, 0.8, 500)
    assert figures(scores, scores)["calibration"]["error"] == pytest.approx(0.0, abs=1e-12)
    assert figures(scores, scores + 0.1)["calibration"]["error"] == pytest.approx(0.1)
    assert figures(scores, np.full(500, 0.4))["calibration"]["slope"] == 0.0


def test_the_median_split_copes_with_ratings_that_are_mostly_the_same():
    assert upper_half(np.array([1.0] * 8 + [0.2, 0.3])).sum() == 8
    assert count_rarer(np.array([0.0] * 9 + [1.0])) == 1


def test_predictions_are_of_rows_that_were_not_seen(rows):
    """A learner that remembers every row does no better than chance on noise."""
    rng = np.random.default_rng(1)
    noise = mixed(rows, 0, seed=1)
    noise.scores[:] = rng.random(len(noise))
    judged = make_folds(noise, folds=5, seed=1)
    memory = {"learner": "forest", "tree_inputs": "counts", "leaf_share": 0.002, "seen_share": 1.0}
    assert abs(auc_over_median(noise.scores, predict_unseen(memory, noise, judged, seed=1)) - 0.5) < 0.1


def test_baselines_lie_where_they_must(rows):
    judged = make_folds(rows, folds=5, seed=2)
    found = baselines(STARTS[0], rows, judged, seed=2, ceiling=0.9)
    best = judge(STARTS[0], rows, judged, seed=2)["auc"]
    assert found["bayes_ceiling"] == 0.9
    assert abs(found["shuffled_labels"] - 0.5) < 0.12
    assert found["length_only"] < best
    assert found["domain_only"] < best


def test_the_domain_baseline_is_the_mean_of_a_domain(rows):
    told = mixed(rows, 0, seed=1)
    told.scores[:] = np.where(told.domains == "technical", 0.9, 0.1)
    found = baselines(STARTS[0], told, make_folds(told, folds=5, seed=2), seed=2, ceiling=None)
    assert found["domain_only"] == 1.0
    assert found["bayes_ceiling"] is None
