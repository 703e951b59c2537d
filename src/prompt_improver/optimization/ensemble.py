"""Stacking: several choices together, weighted by what each adds on rows that none of them has seen.

Weights are non-negative least squares on out-of-fold predictions (Wolpert 1992, Stacked generalization; Breiman 1996, Stacked regressions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from prompt_improver.optimization.evaluation import Judged, auc_over_median, count_rarer
from prompt_improver.optimization.journal import Trial
from prompt_improver.optimization.pipelines import describe_choice
from prompt_improver.optimization.rows import Floats, LearningRows
from prompt_improver.optimization.study import StudyResult

__all__ = ["Stack", "combine", "pick_members"]

_MEMBERS = 4
_LEAST = 0.01


@dataclass(frozen=True)
class Stack:
    """Choices with their weights, and what the whole procedure says of the judged rows: `unseen`, n predictions in [0, 1].

    For each fold, members and weights were chosen anew on the rows of the other folds, so a figure of `unseen` does not gain from the choice among
    many trials.
    """

    choices: tuple[dict[str, Any], ...]
    weights: tuple[float, ...]
    unseen: Floats


def pick_members(ranked: Sequence[Trial]) -> list[Trial]:
    """The best trial of each kind (learner and what it sees), at most four."""
    kinds: dict[str, Trial] = {}
    for trial in ranked:
        kinds.setdefault(describe_choice(trial.choice), trial)
    return list(kinds.values())[:_MEMBERS]


def combine(study: StudyResult, rows: LearningRows, judged: Judged, *, several: bool) -> Stack:
    """Chooses among the trials of a study.

    Args:
        study: with the predictions of its trials.
        rows: n rows.
        judged: the rows to judge on, with folds.
        several: stack the best of each kind; else the best alone, with the weight 1.
    """
    scores = rows.scores[judged.places]
    unseen = np.empty(len(scores))
    for _, test in judged.folds:
        there = np.isin(judged.places, test)
        members, weights = _choose(study, scores, ~there, several)
        unseen[there] = _columns(study, members)[there] @ weights
    members, weights = _choose(study, scores, np.ones(len(scores), dtype=bool), several)
    kept = [place for place in range(len(members)) if weights[place] >= _LEAST * weights.max()]
    return Stack(tuple(members[place].choice for place in kept), tuple(float(weights[place]) for place in kept), np.clip(unseen, 0.0, 1.0))


def _choose(study: StudyResult, scores: Floats, there: npt.NDArray[np.bool_], several: bool) -> tuple[list[Trial], Floats]:
    """Members and weights from some of the judged rows; where these show one class only, in the order of all."""
    ranked = study.ranked
    if not there.all() and count_rarer(scores[there]) > 0:
        figure = {trial.number: auc_over_median(scores[there], study.unseen[trial.number][there]) for trial in ranked}
        ranked = sorted(ranked, key=lambda trial: (-figure[trial.number], trial.number))
    members = pick_members(ranked) if several else ranked[:1]
    return members, _weigh(_columns(study, members)[there], scores[there]) if len(members) > 1 else np.ones(1)


def _columns(study: StudyResult, members: Sequence[Trial]) -> Floats:
    return np.column_stack([study.unseen[trial.number] for trial in members])


def _weigh(columns: Floats, scores: Floats) -> Floats:
    from scipy.optimize import nnls

    weights: Floats = nnls(columns, scores)[0]
    return weights if weights.sum() > 0 else np.full(columns.shape[1], 1.0 / columns.shape[1])
