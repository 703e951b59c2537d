"""Stacking weighs by what is added; weights never see the row that they are used on."""

import numpy as np

from prompt_improver.optimization.ensemble import _weigh, pick_members, stack
from prompt_improver.optimization.evaluation import auc_over_median, make_folds, predict_unseen
from prompt_improver.optimization.pipelines import LENGTH_ONLY, STARTS
from prompt_improver.optimization.study import Trial
from tests.optimization.conftest import mixed


def test_the_best_of_each_kind_is_a_member():
    near = {**STARTS[1], "depth": 2}
    trials = [Trial(place, choice, 1.0 - place / 10, 0.1) for place, choice in enumerate([STARTS[1], near, STARTS[0], STARTS[2]])]
    assert pick_members(trials) == [STARTS[1], STARTS[0], STARTS[2]]


def test_weights_are_those_of_the_mixture():
    rng = np.random.default_rng(1)
    columns = rng.random((200, 3))
    assert np.allclose(_weigh(columns, columns @ [0.7, 0.0, 0.3]), [0.7, 0.0, 0.3])
    assert np.allclose(_weigh(columns, -columns.sum(axis=1)), 1 / 3)


def test_a_useless_member_is_left_out(rows):
    made = stack([STARTS[0], LENGTH_ONLY], rows, make_folds(rows, folds=5, seed=1), seed=1)
    assert made.weights[0] > 0.8
    alone = stack([STARTS[0]], rows, make_folds(rows, folds=5, seed=1), seed=1)
    assert (alone.weights, alone.choices) == ((1.0,), (STARTS[0],))


def test_on_noise_the_stack_is_no_better_than_chance(rows):
    noise = mixed(rows, 0, seed=1)
    noise.scores[:] = np.random.default_rng(5).random(len(noise))
    judged = make_folds(noise, folds=5, seed=1)
    made = stack(list(STARTS), noise, judged, seed=1)
    assert abs(auc_over_median(noise.scores[judged.places], made.unseen) - 0.5) < 0.1


def test_together_is_not_worse_than_the_worst(rows):
    judged = make_folds(rows, folds=5, seed=1)
    made = stack(list(STARTS), rows, judged, seed=1)
    alone = [auc_over_median(rows.scores[judged.places], predict_unseen(choice, rows, judged, seed=1)) for choice in STARTS]
    assert auc_over_median(rows.scores[judged.places], made.unseen) > min(alone)
    assert ((made.unseen >= 0) & (made.unseen <= 1)).all()
