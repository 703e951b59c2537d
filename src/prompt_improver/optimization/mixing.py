"""Real rows beside synthetic ones: what each kind is worth, measured on held-out real rows only."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from prompt_improver.optimization.evaluation import Judged, auc_over_median, make_folds, predict_unseen
from prompt_improver.optimization.pipelines import fit_pipeline
from prompt_improver.optimization.rows import LearningRows

__all__ = ["LEAST_REAL", "OVERFIT_GAP", "compare_kinds"]

LEAST_REAL = 20
"""From so many real rows on, figures are measured on them alone."""

OVERFIT_GAP = 0.2
_FIRST = 8
_LARGEST = 512
_TESTED = 2000
"""The curve stops at 512 rows and is read on 2,000 at most: it is to say some ten or some hundred, and must not take longer than the study."""


def compare_kinds(choice: dict[str, Any], rows: LearningRows, judged: Judged, *, real_auc: float, seed: int) -> dict[str, Any]:
    """How real and synthetic rows compare.

    Args:
        choice: what is fitted for the comparison.
        rows: rows of both kinds.
        judged: the real rows and their folds.
        real_auc: AUC of the model on real rows that it had not seen.
        seed: of folds, draws and learners.

    Returns:
        `mixing_ratio`: real rows' share of the rows, and of the training weight; `synthetic_only_auc`: trained without real rows, on real rows;
        `synthetic_auc`: on synthetic rows; `gap`: that less `real_auc`, with `overfit_warning` where it is over .2 either way;
        `curve`: AUC on real rows after learning from so many real rows alone; `worth_real_rows`: where that curve reaches
        `synthetic_only_auc`, None where it never does.
    """
    synthetic = rows.take(~rows.real)
    share = {"rows": float(rows.real.mean()), "weight": float(rows.weights[rows.real].sum() / rows.weights.sum())}
    found: dict[str, Any] = {"mixing_ratio": share, "real_auc": real_auc, "synthetic_only_auc": None, "synthetic_auc": None}
    found |= {"gap": None, "overfit_warning": False, "curve": _curve(choice, rows, judged, seed), "worth_real_rows": None}
    if len(synthetic) < 10:
        return found
    scores = rows.scores[judged.places]
    alone = fit_pipeline(choice, synthetic, seed=seed).predict(rows.table[judged.places])
    inside = make_folds(synthetic, folds=len(judged.folds), seed=seed)
    found["synthetic_only_auc"] = auc_over_median(scores, alone)
    found["synthetic_auc"] = auc_over_median(synthetic.scores, predict_unseen(choice, synthetic, inside, seed=seed))
    found["gap"] = found["synthetic_auc"] - real_auc
    found["overfit_warning"] = abs(found["gap"]) > OVERFIT_GAP
    found["worth_real_rows"] = _worth(found["curve"], found["synthetic_only_auc"])
    return found


def _curve(choice: dict[str, Any], rows: LearningRows, judged: Judged, seed: int) -> list[dict[str, Any]]:
    """AUC by number of real training rows, the mean over draws; sizes double, and small ones are drawn more often."""
    rng = np.random.default_rng([seed, 3])
    tested = rng.permutation(judged.places)[:_TESTED]
    most = min(_LARGEST, *(int(rows.real[train].sum()) for train, _ in judged.folds))
    sizes = [size for size in (_FIRST * 2**step for step in range(7)) if size < most] + [most]
    found = []
    for size in sizes:
        drawn = [_learn_from(choice, rows, judged, size, tested, rng, seed) for _ in range(1 if size > 256 else 2 if size > 64 else 5)]
        found.append({"rows": size, "auc": float(np.mean(drawn))})
    return found


def _learn_from(
    choice: dict[str, Any], rows: LearningRows, judged: Judged, size: int, tested: npt.NDArray[np.intp], rng: np.random.Generator, seed: int
) -> float:
    predicted = np.full(len(rows), np.nan)
    for train, test in judged.folds:
        drawn, there = rng.choice(train[rows.real[train]], size, replace=False), np.intersect1d(test, tested)
        if len(there):
            predicted[there] = fit_pipeline(choice, rows.take(drawn), seed=seed).predict(rows.table[there])
    return auc_over_median(rows.scores[tested], predicted[tested])


def _worth(curve: list[dict[str, Any]], reached: float) -> float | None:
    """Rows at which the curve first reaches a figure, between its points by straight lines."""
    before = {"rows": 0, "auc": 0.5}
    for point in curve:
        if point["auc"] >= reached:
            rise = point["auc"] - before["auc"]
            part = (reached - before["auc"]) / rise if rise > 0 else 1.0
            return float(round(before["rows"] + max(part, 0.0) * (point["rows"] - before["rows"]), 1))
        before = point
    return None
