"""Counts side by side in 64-bit words, so that a sum over pieces adds several at once.

The first count, characters, has 32 bits; the others have 16 each. A sum is exact as long as no lane overflows, which the characters
tell: a token has at least one, and counts at most twice for anything, by itself and with its neighbour.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prompt_improver.features.counts import COUNTS

__all__ = ["SAFE_CHARS", "pack_counts", "unpack_counts"]

SAFE_CHARS = 1 << 15
"""A text of fewer characters than this overflows no lane."""

_PLACES = ((0, 0, 32), *((1 + place // 4, 16 * (place % 4), 16) for place in range(len(COUNTS) - 1)))
"""Word, shift and width of every count."""


def pack_counts(counts: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
    """Packs n x len(COUNTS) counts into n x words."""
    words = np.zeros((len(counts), 1 + _PLACES[-1][0]), dtype=np.uint64)
    for count, (word, shift, _) in enumerate(_PLACES):
        words[:, word] |= counts[:, count].astype(np.uint64) << np.uint64(shift)
    return words


def unpack_counts(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The counts again: n x len(COUNTS)."""
    counts = np.empty((len(words), len(COUNTS)), dtype=np.int64)
    for count, (word, shift, width) in enumerate(_PLACES):
        counts[:, count] = (words[:, word] >> np.uint64(shift)) & np.uint64((1 << width) - 1)
    return counts
