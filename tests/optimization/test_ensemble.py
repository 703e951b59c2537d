"""Stacking weighs by what is added; what is reported does not gain from choosing among many."""

import numpy as np
import pytest

from prompt_improver.optimization.ensemble import _weigh, combine, pick_members
from prompt_improver.optimization.evaluation import auc_over_median, make_folds
from prompt_improver.optimization.journal import Trial
from prompt_improver.optimization.pipelines import LENGTH_ONLY, STARTS
from prompt_improver.optimization.study import StudyResult, run_study
from tests.optimization.conftest import mixed


def made_up(rows, columns, choices):
    """A study whose trials predicted just this for every row."""
    trials = tuple(
        Trial(place, choice, auc_over_median(rows.scores, column), 0.1) for place, (choice, column) in enumerate(zip(choices, columns, strict=True))
    )
    return StudyResult("made up", trials, dict(enumerate(columns)), 0, False)


def test_the_best_of_each_kind_is_a_member():
    near = {**STARTS[1], "depth": 2}
    trials = [Trial(place, choice, 1.0 - place / 10, 0.1) for place, choice in enumerate([STARTS[1], near, STARTS[0], STARTS[2]])]
    assert [trial.number for trial in pick_members(trials)] == [0, 2, 3]


def test_weights_are_those_of_the_mixture():
    rng = np.random.default_rng(1)
    columns = rng.random((200, 3))
    assert np.allclose(_weigh(columns, columns @ [0.7, 0.0, 0.3]), [0.7, 0.0, 0.3])
    assert np.allclose(_weigh(columns, -columns.sum(axis=1)), 1 / 3)


def test_what_adds_nothing_is_left_out(rows):
    rng = np.random.default_rng(1)
    near, noise = rows.scores + 0.1 * rng.standard_normal(len(rows)), 0.2 * rng.random(len(rows))
    made = combine(made_up(rows, [noise, near], [LENGTH_ONLY, STARTS[1]]), rows, make_folds(rows, folds=5, seed=1), several=True)
    assert made.choices[0] == STARTS[1]
    assert made.weights[0] > 0.9


def test_the_best_alone_has_the_weight_one(rows):
    rng = np.random.default_rng(1)
    columns = [rows.scores + size * rng.standard_normal(len(rows)) for size in (0.5, 0.1, 0.3)]
    made = combine(made_up(rows, columns, STARTS), rows, make_folds(rows, folds=5, seed=1), several=False)
    assert (made.choices, made.weights) == ((STARTS[1],), (1.0,))
    assert np.array_equal(made.unseen, np.clip(columns[1], 0, 1))


@pytest.mark.parametrize("several", [False, True])
def test_choosing_among_many_trials_of_noise_is_not_rewarded(rows, several):
    """The best of forty random predictions looks good on the rows it was chosen on; what is reported stays at chance."""
    few = rows.take(np.arange(60))
    best, told = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        study = made_up(few, list(rng.random((40, len(few)))), [STARTS[place % 3] for place in range(40)])
        best.append(study.ranked[0].auc)
        told.append(auc_over_median(few.scores, combine(study, few, make_folds(few, folds=3, seed=1), several=several).unseen))
    assert np.mean(best) > 0.62
    assert abs(np.mean(told) - 0.5) < 0.05


def test_a_fold_is_predicted_by_a_choice_made_without_its_labels(rows):
    """Other labels in a fold leave its own predictions as they are, where learners are fixed."""
    rng = np.random.default_rng(2)
    judged = make_folds(rows, folds=5, seed=1)
    columns, test = list(rng.random((6, len(rows)))), judged.folds[0][1]
    changed = mixed(rows, 0, seed=1)
    changed.scores[test] = 1.0 - changed.scores[test]
    first, second = (combine(made_up(few, columns, [*STARTS, *STARTS]), few, judged, several=True) for few in (rows, changed))
    assert np.array_equal(first.unseen[test], second.unseen[test])
    assert not np.array_equal(first.unseen, second.unseen)


def test_together_is_not_worse_than_the_worst(rows, tmp_path):
    judged = make_folds(rows, folds=5, seed=1)
    study = run_study(rows, judged, folder=tmp_path, trials=3, timeout=600, seed=1)
    made = combine(study, rows, judged, several=True)
    assert auc_over_median(rows.scores[judged.places], made.unseen) > min(trial.auc for trial in study.trials)
    assert ((made.unseen >= 0) & (made.unseen <= 1)).all()
