"""Checks inside every bootstrap: what numpy alone can measure, on the very rows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prompt_improver.batch import FEATURES, ROW_SCHEMA, TIERS, Batch
from prompt_improver.features.extractor import extract
from prompt_improver.guarantees.quotas import TIER_SHARES, exact_shares, largest_remainder
from prompt_improver.validation.findings import Finding, finding, note
from prompt_improver.validation.tally import Tally, add_up, encode_names, tally_batch

__all__ = ["LOOK", "Expectation", "Sample", "auc", "check_sample"]

LOOK = 3 << 14
"""Rows whose texts and features are looked at; counts are of all rows."""

_TEXTS = ("prompt_text", "enhanced_prompt")
_LOOKED = [*_TEXTS, "domain", "tier", "effectiveness_score"]
_LOOKED_SCHEMA = pa.schema([ROW_SCHEMA.field(name) for name in _LOOKED])
_GROUNDED = 64
_LOTS = 16
_MEDIAN_AT_LEAST = 100
_RATIO_AT_LEAST = 1000
_DEVIATIONS = 3.5

Floats = npt.NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Expectation:
    """What the rows were meant to be. `shares` and `envelopes` are empty where nobody knows."""

    samples: int
    shares: dict[str, float] = field(default_factory=dict)
    envelopes: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    gaps: bool = True


class Sample:
    """Rows on their way past: counts of all of them, the values of the first `LOOK`, to the end of their batch.

    Values stay in their Arrow buffers: some 0.8 KB a row of the built-in domains.
    """

    def __init__(self) -> None:
        self.tally = add_up([])
        self._looked: list[pa.Table] = []
        self._features: list[Floats] = []
        self._known: list[Floats] = []

    def add(self, batch: Batch, *, gaps: bool = True) -> None:
        """Takes note of a batch: counts its rows, and keeps their values unless it has enough."""
        self.count(tally_batch(batch, gaps=gaps))
        self.keep(batch)

    def count(self, tally: Tally) -> None:
        """Adds rows that were counted elsewhere."""
        self.tally = add_up([self.tally, tally])

    def keep(self, batch: Batch) -> None:
        """Keeps the values of a batch unless it has enough; does not count its rows."""
        if self.full:
            return
        self._looked.append(batch.rows.select(_LOOKED))
        self._features.append(np.column_stack([batch.rows[name].to_numpy() for name in FEATURES]).astype(np.float64, copy=False))
        if batch.truth is not None:
            self._known.append(batch.truth["known_score"].to_numpy())

    @property
    def kept(self) -> int:
        """Rows whose values are kept."""
        return sum(map(len, self._looked))

    @property
    def full(self) -> bool:
        """Whether it keeps no more values."""
        return self.kept >= LOOK

    @property
    def rows(self) -> int:
        return self.tally.rows

    @property
    def looked(self) -> pa.Table:
        """The k rows whose values were kept: the two texts, domain, tier and effectiveness."""
        return pa.concat_tables(self._looked) if self._looked else _LOOKED_SCHEMA.empty_table()

    @property
    def features(self) -> Floats:
        """The six features of the rows looked at: k x 6."""
        return np.concatenate([np.empty((0, len(FEATURES))), *self._features])

    @property
    def scores(self) -> Floats:
        """The effectiveness of the rows looked at: k numbers."""
        return np.asarray(self.looked["effectiveness_score"].to_numpy(), dtype=np.float64)

    def ceiling(self) -> float | None:
        """AUC over the median split of a learner that knows everything but fit and noise; None without truth."""
        scores = self.scores
        if not self._known or len(scores) < 4:
            return None
        return auc(np.concatenate(self._known), scores > np.median(scores))


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
        "class_diversity": len(sample.tally.tiers),
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
        got = {name: sample.tally.domains.get(name, 0) for name in wanted}
        same = got == wanted and sum(got.values()) == sample.rows
        found.append(finding("domain_quotas", got, f"= {wanted}", same, "rows by domain, split by largest remainder"))
    tiers = {name: sample.tally.tiers.get(name, 0) for name in TIERS}
    split = dict(zip(TIERS, largest_remainder(sample.rows, TIER_SHARES), strict=True))
    found.append(finding("tier_counts", tiers, f"= {split}", tiers == split, "rows by tier: 25 / 50 / 25 %"))
    found.append(finding("tier_ranges", sample.tally.outside, "= 0", sample.tally.outside == 0, "rows whose score lies outside its tier's range"))
    if sample.rows >= 3:
        found.append(finding("class_diversity", len(sample.tally.tiers), "= 3", len(sample.tally.tiers) == 3, "tiers present"))
    else:
        found.append(note("class_diversity", len(sample.tally.tiers), f"{sample.rows} row(s) cannot show three tiers", "= 3"))
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
    found, looked = [], sample.looked
    for check, twice in zip(("unique_prompts", "unique_enhanced"), _of_both_texts(_count_repeats, looked), strict=True):
        found.append(finding(check, twice, "= 0", twice == 0, f"texts that stand twice among {len(looked)}"))
    texts = looked["enhanced_prompt"].slice(0, _GROUNDED).to_pylist()
    wrong = int((extract(texts) != sample.features[: len(texts)]).any(axis=1).sum())
    found.append(finding("text_grounding", wrong, "= 0", wrong == 0, f"of {len(texts)} rows: measured again, features differ"))
    return found


def _of_both_texts(measure: Callable[[pa.ChunkedArray], T], looked: pa.Table) -> list[T]:
    """What a function of Arrow's, which runs beside itself, says of prompts and of enhanced prompts."""
    with ThreadPoolExecutor(len(_TEXTS)) as pool:
        return list(pool.map(measure, (looked[column] for column in _TEXTS)))


def _count_repeats(texts: pa.ChunkedArray) -> int:
    """How many texts are equal to an earlier one; those of some sizes at a time, which takes a tenth of the memory."""
    lot = pc.binary_length(texts).to_numpy() % _LOTS
    return len(texts) - sum(len(texts.filter(pa.array(lot == number)).unique()) for number in range(_LOTS))


def _check_features(sample: Sample, expected: Expectation) -> list[Finding]:
    features, found = sample.features, []
    flat = [name for place, name in enumerate(FEATURES) if len(features) >= 10 and features[:, place].std() == 0]
    if sample.rows >= 10:
        found.append(finding("features_vary", flat, "= []", not flat, "features that are the same in every row"))
    names, domain_of = encode_names(sample.looked["domain"])
    for domain, envelopes in expected.envelopes.items():
        rows = features[domain_of == (names.index(domain) if domain in names else -1)]
        if len(rows) < _MEDIAN_AT_LEAST:
            if len(rows):
                found.append(note(f"envelope_{domain}", len(rows), f"rows; envelopes are judged from {_MEDIAN_AT_LEAST} rows a domain"))
            continue
        found.append(_check_envelope(domain, rows, envelopes))
    return found


def _check_envelope(domain: str, rows: Floats, envelopes: dict[str, tuple[float, float]]) -> Finding:
    """The median lies inside; the central half too, but for length; each within its error.

    A quantile's error is told by the ranks around it, whatever the values are like: one at `p` of n rows is that of their source within
    `_DEVIATIONS` sqrt(p (1 - p) / n).
    """
    off = []
    at = np.array([0.25, 0.5, 0.75])
    error = _DEVIATIONS * np.sqrt(at * (1.0 - at) / len(rows))
    found, least, most = (np.quantile(rows, np.clip(at + slack, 0.0, 1.0), axis=0) for slack in (0.0, -error, error))
    for place, name in enumerate(FEATURES):
        low, high = envelopes[name]
        inside = (most[:, place] >= low) & (least[:, place] <= high)
        if not (inside[1] if name == "length" else inside.all()):
            lower, middle, upper = (float(q) for q in found[:, place])
            off.append(f"{name} {lower:.3g}/{middle:.3g}/{upper:.3g} (asked {low:g} to {high:g})")
    return finding(f"envelope_{domain}", off, "= []", not off, f"features whose quartiles leave the domain's envelope, of {len(rows)} rows")


def _check_ratio(sample: Sample) -> list[Finding]:
    looked = sample.looked
    if not len(looked):
        return []
    old, new = _of_both_texts(lambda texts: pc.utf8_length(texts).to_numpy(), looked)
    ratio = round(float(np.median(new / np.maximum(old, 1))), 3)
    same = round(float(np.mean(new <= old)), 3)
    texts = ("median length ratio enhanced / prompt", "share of rows no longer than their prompt")
    if sample.rows < _RATIO_AT_LEAST:
        return [note("length_ratio", ratio, texts[0]), note("no_longer_share", same, texts[1])]
    return [
        finding("length_ratio", ratio, "1.2 to 2.5", 1.2 <= ratio <= 2.5, texts[0]),
        finding("no_longer_share", same, ">= 0.15", same >= 0.15, texts[1]),
    ]
