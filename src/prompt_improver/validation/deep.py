"""Checks that take seconds: intervals, near-duplicates, what a learner gets out of the rows, every text again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prompt_improver.batch import TIERS
from prompt_improver.features.extractor import extract
from prompt_improver.validation.findings import Finding, finding, note
from prompt_improver.validation.near import find_near_copies
from prompt_improver.validation.quick import Sample, auc
from prompt_improver.validation.tally import encode_names

__all__ = ["check_deep"]

_LEARN = 5000
_NEAR = 0.8
_NEAR_JUDGED = 1000
_NEAR_SHARE = 0.35
_BOOTSTRAP = 1000
_AT_ONCE = 4096

Floats = npt.NDArray[np.float64]


def check_deep(sample: Sample, *, ceiling: float | None) -> list[Finding]:
    """The slow checks.

    Args:
        sample: the rows.
        ceiling: best attainable AUC, from the run's report; None if nobody knows it.
    """
    return [*_check_tier_shares(sample), _check_near_duplicates(sample), *_check_learning(sample, ceiling), _check_grounding(sample)]


def _check_tier_shares(sample: Sample) -> list[Finding]:
    """Shares of the tiers and of each domain's tiers, with 95 % bootstrap intervals."""
    rng = np.random.default_rng(1)
    names, places = encode_names(sample.looked["tier"])
    n = len(places)
    if not n:
        return []
    tiers = np.array([TIERS.index(name) if name in TIERS else -1 for name in names])[places]
    found = []
    for place, (name, wanted) in enumerate(zip(TIERS, (0.25, 0.5, 0.25), strict=True)):
        share = float((tiers == place).mean())
        low, high = np.quantile(rng.binomial(n, share, _BOOTSTRAP) / n, [0.025, 0.975])
        figure = [round(share, 4), round(float(low), 4), round(float(high), 4)]
        text = f"share of tier {name}, with a 95 % bootstrap interval"
        found.append(finding(f"tier_share_{name}", figure, f"interval holds {wanted}", low <= wanted <= high, text))
    by_domain = {}
    names, places = encode_names(sample.looked["domain"])
    for place, domain in enumerate(names):
        here = tiers[places == place]
        by_domain[domain] = [round(float((here == tier).mean()), 3) for tier in range(len(TIERS))]
    found.append(note("tier_shares_by_domain", by_domain, "low / medium / high within each domain", "none: domains differ by design"))
    return found


def _check_near_duplicates(sample: Sample) -> Finding:
    """Share of prompts with an earlier one nearly alike."""
    texts = sample.looked["prompt_text"]
    share = round(find_near_copies(texts, threshold=_NEAR).share, 4)
    text = f"share of {len(texts)} prompts nearly alike to an earlier one: {_NEAR:.0%} of all their words in common"
    if len(texts) > _NEAR_JUDGED:
        return note("near_duplicates", share, text, "none over 1000 rows: prompts are filled again and again")
    return finding("near_duplicates", share, f"<= {_NEAR_SHARE}", share <= _NEAR_SHARE, text)


def _check_learning(sample: Sample, ceiling: float | None) -> list[Finding]:
    """Cross-validated AUC of a forest on the six features, against shuffled labels and the ceiling."""
    features, scores = sample.features[:_LEARN], sample.scores[:_LEARN]
    label = scores > np.median(scores) if len(scores) else np.empty(0, dtype=bool)
    n = len(scores)
    if not (np.isfinite(features).all() and np.isfinite(scores).all()):
        return [note("learnable_auc", None, "nothing is learned from values that are not finite")]
    if n < 20 or min(label.sum(), n - label.sum()) < 5:
        return [note("learnable_auc", None, f"{n} rows are too few for five folds", ">= 20 rows")]
    reached = round(_cross_validated(features, label), 4)
    floor = round(_cross_validated(features, np.random.default_rng(3).permutation(label)), 4)
    error = 1 / np.sqrt(3 * n)  # of an AUC near .5 with equal classes (Hanley and McNeil 1982)
    least = 0.75 if n >= 1000 else 0.65
    text = f"AUC over the median split, {n} rows, 5 folds, random forest on the six features"
    found = [finding("learnable_auc", reached, f">= {least}", reached >= least, text) if n >= 100 else note("learnable_auc", reached, text)]
    bound = 0.5 + 4 * error
    found.append(finding("shuffled_auc", floor, f"<= {bound:.3f}", floor <= bound, "the same with labels shuffled; .5 is chance"))
    if ceiling is not None:
        text = "the same may not beat what can be known (AUC of the noise-free score)"
        found.append(finding("auc_below_ceiling", reached, f"<= {ceiling + 2 * error:.4f}", reached <= ceiling + 2 * error, text))
    return found


def _cross_validated(features: Floats, label: npt.NDArray[np.bool_]) -> float:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=200, min_samples_leaf=3, random_state=0))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return auc(cross_val_predict(model, features, label, cv=folds, method="predict_proba")[:, 1], label)


def _check_grounding(sample: Sample) -> Finding:
    texts, features, wrong = sample.looked["enhanced_prompt"], sample.features, 0
    for start in range(0, len(texts), _AT_ONCE):
        stop = start + _AT_ONCE
        wrong += int((extract(texts[start:stop].to_pylist()) != features[start:stop]).any(axis=1).sum())
    return finding("text_grounding_all", wrong, "= 0", wrong == 0, f"of {len(texts)} rows: measured again, features differ")
