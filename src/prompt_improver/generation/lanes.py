"""Counts side by side in 64-bit words, so that a sum over pieces adds several at once.

Characters and words have lanes of 21 bits, every other count has 8. The first word also holds a bound, the largest of those others
(256 if it is more): as long as its sum is below 256, no lane of 8 bits has overflowed. A piece has fewer characters than `_SAFE_CHARS` and a
row at most `SAFE_PIECES` pieces, so that the lanes of the first word cannot overflow: there are fewer than 2**21 characters, a
word takes one at least, and the bounds of pieces and seams add up to 2**18 at most.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prompt_improver.features.counts import COUNTS

__all__ = ["SAFE_PIECES", "pack_counts", "unpack_counts"]

SAFE_PIECES = 512
_SAFE_CHARS = 4096
_WIDE = 21
_MASK = np.uint64((1 << _WIDE) - 1)
_CLEAR = 256
_NARROW = 2
"""Counts before this place are the wide ones: characters and words."""

assert COUNTS[:_NARROW] == ("chars", "words")


def pack_counts(counts: npt.NDArray[np.integer]) -> list[npt.NDArray[np.uint64]] | None:
    """Packs n x len(COUNTS) counts into words of n numbers each; None if a text is too long."""
    if counts[:, 0].max(initial=0) >= _SAFE_CHARS:
        return None
    chars, words = (counts[:, place].astype(np.uint64) for place in range(_NARROW))
    bound = np.minimum(counts[:, _NARROW:].max(axis=1), _CLEAR).astype(np.uint64)
    narrow = np.zeros((len(counts), -(-(len(COUNTS) - _NARROW) // 8) * 8), dtype=np.uint8)
    narrow[:, : len(COUNTS) - _NARROW] = np.minimum(counts[:, _NARROW:], _CLEAR - 1)
    lanes = narrow.view("<u8").astype(np.uint64)
    return [chars | words << np.uint64(_WIDE) | bound << np.uint64(2 * _WIDE), *np.ascontiguousarray(lanes.T)]


def unpack_counts(words: list[npt.NDArray[np.uint64]]) -> npt.NDArray[np.int64] | None:
    """The counts again, n x len(COUNTS); None if a lane may have overflowed."""
    first, *lanes = words
    if (first >> np.uint64(2 * _WIDE)).max(initial=0) >= _CLEAR:
        return None
    counts = np.empty((len(COUNTS), len(first)), dtype=np.int64)
    counts[0], counts[1] = first & _MASK, first >> np.uint64(_WIDE) & _MASK
    narrow = np.column_stack(lanes).astype("<u8").view(np.uint8)
    counts[_NARROW:] = narrow[:, : len(COUNTS) - _NARROW].T
    return counts.T
