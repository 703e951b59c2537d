"""What a study learns from: labelled texts as a table of numbers beside the text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prompt_improver.batch import FEATURES
from prompt_improver.features.counts import COUNTS
from prompt_improver.features.extractor import count_texts
from prompt_improver.features.scales import scale_counts
from prompt_improver.storage.lines import plain_text

__all__ = ["BASIC_ROWS", "COUNTED", "LENGTH", "SIX", "TEXT", "Floats", "LearningRows", "build_table"]

Floats = npt.NDArray[np.float64]

BASIC_ROWS = 10
"""Rows that learning needs."""

TEXT = 0
SIX = slice(1, 1 + len(FEATURES))
LENGTH = slice(1 + FEATURES.index("length"), 2 + FEATURES.index("length"))
COUNTED = slice(1 + len(FEATURES), None)
"""Columns of a table: the text, the six features, the counts behind them."""


def build_table(texts: Sequence[str]) -> tuple[npt.NDArray[Any], Floats]:
    """Texts as a learner sees them.

    Args:
        texts: n texts.

    Returns:
        The table, n x (1 + 6 + len(COUNTS)) objects: the text, the six features (length as log(1 + characters)) and
        each count over sqrt(words + 4), so that a long text does not stand out by being long; and the six features
        as they are, n x 6.
    """
    counts = count_texts(texts)
    features = scale_counts(counts)
    table = np.empty((len(texts), 1 + len(FEATURES) + len(COUNTS)), dtype=object)
    table[:, TEXT] = texts
    table[:, SIX] = features
    table[:, LENGTH] = np.log1p(features[:, [FEATURES.index("length")]])
    table[:, COUNTED] = counts / np.sqrt(counts[:, [COUNTS.index("words")]] + 4.0)
    return table, features


@dataclass(frozen=True)
class LearningRows:
    """n labelled rows.

    `table` is n x columns (`build_table`), `scores` the effectiveness in [0, 1], `groups` what stays together in cross-validation
    (task family, or a real row's group), `weights` the training priority over its mean, `real` whether a user rated the row.
    """

    source: pa.Table
    table: npt.NDArray[Any]
    scores: Floats
    groups: npt.NDArray[np.str_]
    domains: npt.NDArray[np.str_]
    weights: Floats
    real: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def measure(cls, source: pa.Table, real: npt.NDArray[np.bool_]) -> LearningRows:
        """Measures the texts of n rows with `storage.database.LEARNING_COLUMNS`; `real` says which of them a user rated."""
        priority = source["training_priority"].to_numpy().astype(np.float64)
        return cls(
            source=source,
            table=build_table(source["enhanced_prompt"].to_pylist())[0],
            scores=source["effectiveness_score"].to_numpy().astype(np.float64),
            groups=np.array(source["pattern"].to_pylist(), dtype=np.str_),
            domains=np.array(source["domain"].to_pylist(), dtype=np.str_),
            weights=priority / priority.mean() if len(priority) else priority,
            real=real,
        )

    def take(self, places: npt.NDArray[Any]) -> LearningRows:
        """Some of the rows; `places` are numbers or a mask. Weights stay as they are."""
        chosen = np.arange(len(self))[places]
        return LearningRows(
            source=self.source.take(pa.array(chosen)),
            table=self.table[chosen],
            scores=self.scores[chosen],
            groups=self.groups[chosen],
            domains=self.domains[chosen],
            weights=self.weights[chosen],
            real=self.real[chosen],
        )

    def without_rated(self) -> LearningRows:
        """The rows without synthetic ones whose text a user rated: the rating counts, and a held-out text must not be learnt from elsewhere."""
        texts = [plain_text(text) for text in self.source["enhanced_prompt"].to_pylist()] if self.real.any() else []
        rated = {text for text, real in zip(texts, self.real, strict=False) if real}
        twice = np.array([text in rated for text in texts], dtype=np.bool_) & ~self.real if rated else np.zeros(len(self), dtype=np.bool_)
        return self.take(~twice)

    def digest(self) -> str:
        """A digest of all that a study reads, in order: the same rows have the same one everywhere."""
        state = hashlib.sha256()
        for name in ("prompt_text", "enhanced_prompt", "rules", "domain"):
            for value in self.source[name].to_pylist():
                part = repr(value).encode()
                state.update(len(part).to_bytes(8, "big") + part)
        for group in self.groups.tolist():
            state.update(repr(group).encode())
        state.update(self.scores.astype("<f8").tobytes() + self.weights.astype("<f8").tobytes() + self.real.tobytes())
        return state.hexdigest()
