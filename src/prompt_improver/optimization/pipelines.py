"""The search space: what a trial may choose, and the scikit-learn pipeline that a choice stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from prompt_improver.optimization.rows import COUNTED, LENGTH, SIX, TEXT, LearningRows

if TYPE_CHECKING:
    from optuna.trial import Trial
    from sklearn.pipeline import Pipeline

__all__ = ["LEARNERS", "LENGTH_ONLY", "SPACE_VERSION", "STARTS", "build_pipeline", "choose", "describe_choice", "fit_pipeline"]

SPACE_VERSION = 2
"""Goes into a study's name: a study made with another space is not continued."""

LEARNERS = ("linear", "boosting", "forest")
STARTS: tuple[dict[str, Any], ...] = (
    {"learner": "linear", "linear_inputs": "six", "knots": 4, "alpha": 1.0},
    {"learner": "boosting", "tree_inputs": "six", "depth": 3, "iterations": 120, "rate": 0.06, "leaf_share": 0.02},
    {"learner": "boosting", "tree_inputs": "counts", "depth": 3, "iterations": 120, "rate": 0.06, "leaf_share": 0.02},
)
"""Choices of the first trials, so that a short study has seen what usually works."""
LENGTH_ONLY: dict[str, Any] = {"learner": "linear", "linear_inputs": "length", "knots": 4, "alpha": 1.0}
_LINEAR_INPUTS = ("six", "counts", "words", "chars")
_NGRAMS_FROM = 100
_NGRAMS: dict[str, dict[str, Any]] = {"words": {"ngram_range": (1, 2)}, "chars": {"analyzer": "char_wb", "ngram_range": (2, 4)}}
_INPUT_WORDS = {
    "length": "length",
    "six": "six features",
    "counts": "six features and counts",
    "words": "six features, counts and words",
    "chars": "six features, counts and letters",
}


def choose(trial: Trial, *, rows: int) -> dict[str, Any]:
    """Asks a trial for a choice: a learner, what it sees, and its settings. n-grams are offered from 100 rows on."""
    choice: dict[str, Any] = {"learner": trial.suggest_categorical("learner", LEARNERS)}
    if choice["learner"] == "linear":
        choice["linear_inputs"] = trial.suggest_categorical("linear_inputs", _LINEAR_INPUTS if rows >= _NGRAMS_FROM else _LINEAR_INPUTS[:2])
        choice["knots"] = trial.suggest_int("knots", 3, 6)
        choice["alpha"] = trial.suggest_float("alpha", 0.1, 100.0, log=True)
        return choice
    choice["tree_inputs"] = trial.suggest_categorical("tree_inputs", ("six", "counts"))
    choice["leaf_share"] = trial.suggest_float("leaf_share", 0.002, 0.04, log=True)
    if choice["learner"] == "boosting":
        choice["depth"] = trial.suggest_int("depth", 2, 4)
        choice["iterations"] = trial.suggest_int("iterations", 60, 240, step=20)
        choice["rate"] = trial.suggest_float("rate", 0.03, 0.12, log=True)
    else:
        choice["seen_share"] = trial.suggest_float("seen_share", 0.3, 1.0)
    return choice


def describe_choice(choice: dict[str, Any]) -> str:
    """A choice in words, such as "boosting on six features"."""
    return f"{choice['learner']} on {_INPUT_WORDS[_inputs(choice)]}"


def build_pipeline(choice: dict[str, Any], *, rows: int, seed: int) -> Pipeline:
    """An unfitted pipeline over the table of `rows.build_table`.

    Args:
        choice: as `choose` gives it.
        rows: training rows it will see; the least rows of a leaf are a share of them.
        seed: random state of the learners that draw.
    """
    from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import Pipeline

    if choice["learner"] == "linear":
        learner = Ridge(choice["alpha"], solver="lsqr" if _inputs(choice) in _NGRAMS else "auto", tol=1e-6)
    elif choice["learner"] == "boosting":
        learner = HistGradientBoostingRegressor(
            max_depth=choice["depth"],
            max_iter=choice["iterations"],
            learning_rate=choice["rate"],
            min_samples_leaf=max(2, round(choice["leaf_share"] * rows)),
            max_bins=63,
            early_stopping=False,
            random_state=seed,
        )
    else:
        leaf = max(2, round(choice["leaf_share"] * rows))
        learner = ExtraTreesRegressor(100, min_samples_leaf=leaf, max_features=choice["seen_share"], random_state=seed)
    return Pipeline([("columns", _columns(choice)), ("learner", learner)])


def fit_pipeline(choice: dict[str, Any], rows: LearningRows, *, seed: int) -> Pipeline:
    """A pipeline fitted to rows with their weights."""
    pipeline = build_pipeline(choice, rows=len(rows), seed=seed)
    weights = rows.weights if np.ptp(rows.weights) > 0 else None  # boosting takes ten times as long with weights
    return pipeline.fit(rows.table, rows.scores, learner__sample_weight=weights)


def _inputs(choice: dict[str, Any]) -> str:
    return str(choice["linear_inputs"] if choice["learner"] == "linear" else choice["tree_inputs"])


def _columns(choice: dict[str, Any]) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    inputs = _inputs(choice)
    parts: list[tuple[str, Any, Any]] = []
    # The same shape for everything measured, however odd a text is: beyond the training rows a spline stays level.
    shape = SplineTransformer(choice["knots"], degree=3) if choice["learner"] == "linear" else StandardScaler()
    parts.append(("six", shape, LENGTH if inputs == "length" else SIX))
    if inputs not in ("length", "six"):
        parts.append(("counts", StandardScaler(), COUNTED))
    if inputs in _NGRAMS:
        # Hashed, so that there is no vocabulary that could be empty for some rows and not for others.
        counted = HashingVectorizer(**_NGRAMS[inputs], n_features=1 << 16, alternate_sign=False, norm=None)
        parts.append((inputs, make_pipeline(counted, TfidfTransformer(sublinear_tf=True)), TEXT))
    return ColumnTransformer(parts)
