"""How well a choice does on rows that it has not seen: folds, out-of-fold predictions, figures, baselines."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from prompt_improver.errors import DataShortfall
from prompt_improver.optimization.pipelines import LENGTH_ONLY, fit_pipeline
from prompt_improver.optimization.rows import Floats, LearningRows
from prompt_improver.validation.quick import auc

__all__ = ["Folds", "Judged", "auc_over_median", "baselines", "count_rarer", "figures", "judge", "make_folds", "predict_unseen", "upper_half"]

Folds = list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]
"""Train and test places; test places never share a group with their train places."""

_BINS = 5


@dataclass(frozen=True)
class Judged:
    """Rows that figures are measured on: their places, and the folds that test each of them once.

    `grouped`: whether groups are kept together, as they are unless there is one only. `note`: why real rows are not judged on alone.
    """

    places: npt.NDArray[np.intp]
    folds: Folds
    grouped: bool
    note: str = ""


def upper_half(scores: Floats) -> npt.NDArray[np.bool_]:
    """The median split: scores above the median, or from it on where nothing is above.

    Raises:
        DataShortfall: all scores are equal.
    """
    upper = _split(scores)
    if upper.all():
        raise DataShortfall(
            f"all {len(scores)} rows have the effectiveness {scores[0]:g}, so there is nothing to learn. Rate some that worked and some that did not."
        )
    return upper


def count_rarer(scores: Floats) -> int:
    """Rows in the smaller half of the median split; 0 where all scores are equal."""
    upper = _split(scores)
    return int(min(upper.sum(), (~upper).sum()))


def _split(scores: Floats) -> npt.NDArray[np.bool_]:
    middle = np.median(scores)
    upper = scores > middle
    return upper if upper.any() else scores >= middle


def auc_over_median(scores: Floats, predicted: Floats) -> float:
    """Area under the ROC curve over the median split of n scores."""
    return auc(predicted, upper_half(scores))


def make_folds(rows: LearningRows, *, folds: int, seed: int, judged: npt.NDArray[np.bool_] | None = None) -> Judged:
    """Stratified folds that keep the rows of a group together.

    Args:
        rows: n rows.
        folds: test sets; fewer where there are fewer groups, or fewer rows of the rarer half.
        seed: of the shuffle.
        judged: mask of the rows to test on; the others are in every train set. None: all.

    Raises:
        DataShortfall: all judged scores are equal.
    """
    places = np.flatnonzero(np.ones(len(rows), dtype=bool) if judged is None else judged)
    always = np.setdiff1d(np.arange(len(rows)), places)
    label, groups = upper_half(rows.scores[places]), rows.groups[places]
    count = min(folds, int(label.sum()), int((~label).sum()))
    if count < 2:
        raise DataShortfall(f"{len(places)} rows hold one of the rarer half; cross-validation needs 2. Add rated prompts.")
    parts = _split_rows(label, groups, count, seed)
    return Judged(places, [(np.concatenate([places[train], always]), places[test]) for train, test in parts], len(np.unique(groups)) > 1)


def _split_rows(label: npt.NDArray[np.bool_], groups: npt.NDArray[np.str_], folds: int, seed: int) -> Folds:
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold

    several, blank = len(np.unique(groups)), np.zeros(len(label))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class may be rarer than folds
        if several == 1:
            return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(blank, label))
        if several < 2 * folds:  # stratifying could leave a fold without a group
            return list(GroupKFold(min(folds, several)).split(blank, label, groups))
        parts = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(blank, label, groups)
        return [(train, test) for train, test in parts if len(test)]


def predict_unseen(choice: dict[str, Any], rows: LearningRows, judged: Judged, *, seed: int) -> Floats:
    """Predictions for the judged rows, in the order of `judged.places`, each by a pipeline that has not seen it or its group."""
    predicted = np.full(len(rows), np.nan)
    for train, test in judged.folds:
        predicted[test] = fit_pipeline(choice, rows.take(train), seed=seed).predict(rows.table[test])
    return predicted[judged.places]


def figures(scores: Floats, predicted: Floats) -> dict[str, Any]:
    """What n predictions are worth.

    Returns:
        `auc` over the median split; `r2` and `spearman` for the score itself; `calibration`: slope and intercept of the scores on the predictions
        (1 and 0 are right), and the mean distance of the two over fifths of the predictions.
    """
    spread = float(predicted.std())
    slope = float(np.cov(predicted, scores, bias=True)[0, 1] / spread**2) if spread > 0 else 0.0
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(_BINS, len(scores)))
    bins = [{"rows": len(part), "predicted": _mean(predicted[part]), "observed": _mean(scores[part])} for part in parts]
    error = sum(fifth["rows"] * abs(fifth["predicted"] - fifth["observed"]) for fifth in bins) / len(scores)
    return {
        "rows": len(scores),
        "auc": auc_over_median(scores, predicted),
        "r2": float(1.0 - ((scores - predicted) ** 2).sum() / ((scores - scores.mean()) ** 2).sum()),
        "spearman": _spearman(scores, predicted),
        "calibration": {"slope": slope, "intercept": float(scores.mean() - slope * predicted.mean()), "error": error, "bins": bins},
    }


def judge(choice: dict[str, Any], rows: LearningRows, judged: Judged, *, seed: int) -> dict[str, Any]:
    """The figures of a choice on rows that it has not seen."""
    return figures(rows.scores[judged.places], predict_unseen(choice, rows, judged, seed=seed))


def baselines(choice: dict[str, Any], rows: LearningRows, judged: Judged, *, seed: int, ceiling: float | None) -> dict[str, float | None]:
    """AUC of what a good result has to be held against, on the same folds.

    Returns:
        `shuffled_labels`: the same choice where labels changed hands; `domain_only`: the mean of a row's domain; `length_only`: the
        length of the text; `bayes_ceiling`: what no learner can beat, None where nobody knows.
    """
    scores = rows.scores[judged.places]
    rng = np.random.default_rng([seed, 1])
    shuffled = replace(rows, scores=rng.permutation(rows.scores))
    return {
        "shuffled_labels": auc_over_median(shuffled.scores[judged.places], predict_unseen(choice, shuffled, judged, seed=seed)),
        "domain_only": auc_over_median(scores, _domain_means(rows, judged)),
        "length_only": auc_over_median(scores, predict_unseen(LENGTH_ONLY, rows, judged, seed=seed)),
        "bayes_ceiling": ceiling,
    }


def _domain_means(rows: LearningRows, judged: Judged) -> Floats:
    predicted = np.full(len(rows), np.nan)
    for train, test in judged.folds:
        overall = float(np.average(rows.scores[train], weights=rows.weights[train]))
        for domain in np.unique(rows.domains[test]):
            there = train[rows.domains[train] == domain]
            mean = float(np.average(rows.scores[there], weights=rows.weights[there])) if len(there) else overall
            predicted[test[rows.domains[test] == domain]] = mean
    return predicted[judged.places]


def _mean(values: Floats) -> float:
    return float(values.mean())


def _spearman(one: Floats, other: Floats) -> float:
    from scipy.stats import spearmanr

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)
