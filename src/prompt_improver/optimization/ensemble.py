"""Stacking: several choices together, weighted by what each adds on rows that none of them has seen.

Weights are non-negative least squares on out-of-fold predictions (Wolpert 1992, Stacked generalization; Breiman 1996, Stacked regressions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from prompt_improver.optimization.evaluation import Judged, predict_unseen
from prompt_improver.optimization.pipelines import describe_choice
from prompt_improver.optimization.rows import Floats, LearningRows
from prompt_improver.optimization.study import Trial

__all__ = ["Stack", "pick_members", "stack"]

_MEMBERS = 4
_LEAST = 0.01


@dataclass(frozen=True)
class Stack:
    """Choices with their weights, and what they say together of the judged rows: `unseen`, n predictions in [0, 1].

    No prediction, and no weight that it was made with, has seen the row or its group.
    """

    choices: tuple[dict[str, Any], ...]
    weights: tuple[float, ...]
    unseen: Floats


def pick_members(ranked: Sequence[Trial]) -> list[dict[str, Any]]:
    """The best trial of each kind (learner and what it sees), at most four."""
    kinds: dict[str, dict[str, Any]] = {}
    for trial in ranked:
        kinds.setdefault(describe_choice(trial.choice), trial.choice)
    return list(kinds.values())[:_MEMBERS]


def stack(choices: Sequence[dict[str, Any]], rows: LearningRows, judged: Judged, *, seed: int) -> Stack:
    """Weighs choices against each other; one choice alone keeps the weight 1.

    Args:
        choices: one or more.
        rows: n rows.
        judged: the rows to judge on, with folds.
        seed: of the learners.
    """
    scores = rows.scores[judged.places]
    columns = np.column_stack([predict_unseen(choice, rows, judged, seed=seed) for choice in choices])
    if len(choices) == 1:
        return Stack(tuple(choices), (1.0,), np.clip(columns[:, 0], 0.0, 1.0))
    unseen = np.empty(len(scores))
    for _, test in judged.folds:
        there = np.isin(judged.places, test)
        unseen[there] = columns[there] @ _weigh(columns[~there], scores[~there])
    weights = _weigh(columns, scores)
    kept = [place for place in range(len(choices)) if weights[place] >= _LEAST]
    chosen = tuple(choices[place] for place in kept)
    return Stack(chosen, tuple(float(weights[place]) for place in kept), np.clip(unseen, 0.0, 1.0))


def _weigh(columns: Floats, scores: Floats) -> Floats:
    from scipy.optimize import nnls

    weights: Floats = nnls(columns, scores)[0]
    return weights if weights.sum() > 0 else np.full(columns.shape[1], 1.0 / columns.shape[1])
