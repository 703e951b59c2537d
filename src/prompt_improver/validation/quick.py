"""Checks inside every bootstrap: what numpy alone can measure, on the very rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from prompt_improver.batch import FEATURES, TIERS, Batch
from prompt_improver.features.extractor import extract
from prompt_improver.guarantees.quotas import TIER_SHARES, exact_shares, largest_remainder
from prompt_improver.guarantees.tiers import TIER_RANGES, TIER_RANGES_WITHOUT_GAPS
from prompt_improver.validation.findings import Finding, finding, note

__all__ = ["LOOK", "Expectation", "Sample", "auc", "check_sample"]

LOOK = 100_000
"""Rows whose texts and features are looked at; counts are of all rows."""

_GROUNDED = 64
_MEDIAN_AT_LEAST = 100
_RATIO_AT_LEAST = 1000

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Expectation:
    """What the rows were meant to be. `shares` and `envelopes` are empty where nobody knows."""

    samples: int
    shares: dict[str, float] = field(default_factory=dict)
    envelopes: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    gaps: bool = True


class Sample:
    """Rows on their way past: counts of all of them, the values of the first `LOOK`."""

    def __init__(self) -> None:
        self.rows = 0
        self.domains: Counter[str] = Counter()
        self.tiers: Counter[str] = Counter()
        self.outside = 0
        self._features: list[Floats] = []
        self._scores: list[Floats] = []
        self._known: list[Floats] = []
        self.originals: list[str] = []
        self.enhanced: list[str] = []
        self.domain_of: list[str] = []
        self.tier_of: list[str] = []

    def add(self, batch: Batch, *, gaps: bool = True) -> None:
        """Takes note of a batch."""
        rows = batch.rows
        domains, tiers = rows["domain"].to_pylist(), rows["tier"].to_pylist()
        scores = rows["effectiveness_score"].to_numpy()
        self.rows += len(batch)
        self.domains.update(domains)
        self.tiers.update(tiers)
        ranges = TIER_RANGES if gaps else TIER_RANGES_WITHOUT_GAPS
        place = np.array([TIERS.index(tier) if tier in TIERS else 0 for tier in tiers])
        low, high = np.array(ranges)[place].T
        self.outside += int(np.sum(~((scores >= low) & (scores <= high))))
        if len(self.originals) < LOOK:
            self.originals += rows["prompt_text"].to_pylist()
            self.enhanced += rows["enhanced_prompt"].to_pylist()
            self.domain_of += domains
            self.tier_of += tiers
            self._features.append(np.column_stack([rows[name].to_numpy() for name in FEATURES]))
            self._scores.append(scores)
            if batch.truth is not None:
                self._known.append(batch.truth["known_score"].to_numpy())

    @property
    def features(self) -> Floats:
        return np.concatenate(self._features) if self._features else np.empty((0, len(FEATURES)))

    @property
    def scores(self) -> Floats:
        return np.concatenate(self._scores) if self._scores else np.empty(0)

    def ceiling(self) -> float | None:
        """AUC over the median split of a learner that knows everything but fit and noise; None without truth."""
        if not self._known or len(self.scores) < 4:
            return None
        return auc(np.concatenate(self._known), self.scores > np.median(self.scores))


def auc(score: Floats, label: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the chance that a positive outranks a negative (ties count one half)."""
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[place]
    positive = int(label.sum())
    if positive in (0, len(label)):
        return float("nan")
    return float((ranks[label].sum() - positive * (positive + 1) / 2) / (positive * (len(label) - positive)))


def quality_validation(sample: Sample) -> dict[str, Any]:
    """The contract's seven figures, each measured on the rows."""
    scores, features = sample.scores, sample.features
    figures = {
        "sample_count": sample.rows,
        "min_samples_met": sample.rows >= 10,
        "ensemble_ready": sample.rows >= 20,
        "class_diversity": len(sample.tiers),
        "variance_sufficient": bool(len(scores) > 0 and scores.std() >= 0.05),
        "no_invalid_values": bool(np.isfinite(features).all() and np.isfinite(scores).all()),
    }
    enough = figures["min_samples_met"] and figures["class_diversity"] == len(TIERS)
    figures["overall_quality"] = bool(enough and figures["variance_sufficient"] and figures["no_invalid_values"])
    return figures


def check_sample(sample: Sample, expected: Expectation) -> list[Finding]:
    """Every quick check, in the order of a report."""
    return [
        finding("rows", sample.rows, f"= {expected.samples}", sample.rows == expected.samples, "rows made"),
        *_check_sizes(sample),
        *_check_shares(sample, expected),
        *_check_scores(sample),
        *_check_texts(sample),
        *_check_features(sample, expected),
        *_check_ratio(sample),
    ]


def _check_sizes(sample: Sample) -> list[Finding]:
    found = []
    for check, least, what in (("min_samples_met", 10, "basic optimisation"), ("ensemble_ready", 20, "ensembles")):
        passed = sample.rows >= least
        text = f"{what} asks for {least} rows"
        found.append(finding(check, sample.rows, f">= {least}", True, text) if passed else note(check, sample.rows, text, f">= {least}"))
    return found


def _check_shares(sample: Sample, expected: Expectation) -> list[Finding]:
    found = []
    if expected.shares:
        wanted = dict(zip(expected.shares, largest_remainder(expected.samples, exact_shares(expected.shares)), strict=True))
        got = {name: sample.domains.get(name, 0) for name in wanted}
        same = got == wanted and sum(got.values()) == sample.rows
        found.append(finding("domain_quotas", got, f"= {wanted}", same, "rows by domain, split by largest remainder"))
    tiers = {name: sample.tiers.get(name, 0) for name in TIERS}
    split = dict(zip(TIERS, largest_remainder(sample.rows, TIER_SHARES), strict=True))
    found.append(finding("tier_counts", tiers, f"= {split}", tiers == split, "rows by tier: 25 / 50 / 25 %"))
    found.append(finding("tier_ranges", sample.outside, "= 0", sample.outside == 0, "rows whose score lies outside its tier's range"))
    if sample.rows >= 3:
        found.append(finding("class_diversity", len(sample.tiers), "= 3", len(sample.tiers) == 3, "tiers present"))
    else:
        found.append(note("class_diversity", len(sample.tiers), f"{sample.rows} row(s) cannot show three tiers", "= 3"))
    return found


def _check_scores(sample: Sample) -> list[Finding]:
    scores = sample.scores
    if not len(scores):
        return [finding("scores", 0, "> 0", False, "no rows to look at")]
    found = []
    spread = round(float(scores.std()), 4)
    if sample.rows > 1:
        found.append(finding("score_deviation", spread, ">= 0.15", spread >= 0.15, "standard deviation of effectiveness"))
    else:
        found.append(note("score_deviation", spread, "one row has no spread", ">= 0.15"))
    ends = [float(scores.min()), float(scores.max())]
    text = "lowest and highest effectiveness"
    reached = ends == [0.0, 1.0]
    found.append(finding("score_ends", ends, "= [0, 1]", reached, text) if sample.rows >= 100 else note("score_ends", ends, text))
    invalid = int((~np.isfinite(sample.features)).sum() + (~np.isfinite(scores)).sum())
    found.append(finding("no_invalid_values", invalid, "= 0", invalid == 0, "values that are NaN or infinite"))
    return found


def _check_texts(sample: Sample) -> list[Finding]:
    found = []
    for check, texts in (("unique_prompts", sample.originals), ("unique_enhanced", sample.enhanced)):
        twice = len(texts) - len(set(texts))
        found.append(finding(check, twice, "= 0", twice == 0, f"texts that stand twice among {len(texts)}"))
    looked = sample.enhanced[:_GROUNDED]
    wrong = int((extract(looked) != sample.features[: len(looked)]).any(axis=1).sum())
    found.append(finding("text_grounding", wrong, "= 0", wrong == 0, f"of {len(looked)} rows: measured again, features differ"))
    return found


def _check_features(sample: Sample, expected: Expectation) -> list[Finding]:
    features, found = sample.features, []
    flat = [name for place, name in enumerate(FEATURES) if len(features) >= 10 and features[:, place].std() == 0]
    if sample.rows >= 10:
        found.append(finding("features_vary", flat, "= []", not flat, "features that are the same in every row"))
    domain_of = np.array(sample.domain_of)
    for domain, envelopes in expected.envelopes.items():
        rows = features[domain_of == domain]
        if len(rows) < _MEDIAN_AT_LEAST:
            if len(rows):
                found.append(note(f"envelope_{domain}", len(rows), f"rows; envelopes are judged from {_MEDIAN_AT_LEAST} rows a domain"))
            continue
        found.append(_check_envelope(domain, rows, envelopes))
    return found


def _check_envelope(domain: str, rows: Floats, envelopes: dict[str, tuple[float, float]]) -> Finding:
    """The median lies inside; the central half too, within the error of a quartile, but for length."""
    off = []
    quarters = np.quantile(rows, [0.25, 0.5, 0.75], axis=0)
    spread = np.maximum(quarters[2] - quarters[0], 1e-9)
    error = 3.5 * spread / np.sqrt(len(rows))
    for place, name in enumerate(FEATURES):
        low, high = envelopes[name]
        lower, middle, upper = (float(q) for q in quarters[:, place])
        slack = float(error[place])
        halves = name == "length" or (low - slack <= lower and upper <= high + slack)
        if not (low - slack <= middle <= high + slack and halves):
            off.append(f"{name} {lower:.3g}/{middle:.3g}/{upper:.3g} (asked {low:g} to {high:g})")
    return finding(f"envelope_{domain}", off, "= []", not off, f"features whose quartiles leave the domain's envelope, of {len(rows)} rows")


def _check_ratio(sample: Sample) -> list[Finding]:
    if not sample.originals:
        return []
    sizes = np.array([(len(new), len(old)) for new, old in zip(sample.enhanced, sample.originals, strict=True)])
    ratio = round(float(np.median(sizes[:, 0] / np.maximum(sizes[:, 1], 1))), 3)
    same = round(float(np.mean(sizes[:, 0] <= sizes[:, 1])), 3)
    texts = ("median length ratio enhanced / prompt", "share of rows no longer than their prompt")
    if sample.rows < _RATIO_AT_LEAST:
        return [note("length_ratio", ratio, texts[0]), note("no_longer_share", same, texts[1])]
    return [
        finding("length_ratio", ratio, "1.2 to 2.5", 1.2 <= ratio <= 2.5, texts[0]),
        finding("no_longer_share", same, ">= 0.15", same >= 0.15, texts[1]),
    ]
