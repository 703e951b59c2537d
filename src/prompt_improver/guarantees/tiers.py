"""Three tiers: with exact counts in the order of the structural score, or read off a score that is there already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from prompt_improver.batch import TIERS

__all__ = ["TIER_RANGES", "TIER_RANGES_WITHOUT_GAPS", "assign_tiers", "tier_of"]

TIER_RANGES = ((0.0, 0.3), (0.4, 0.6), (0.7, 1.0))
TIER_RANGES_WITHOUT_GAPS = ((0.0, 0.35), (0.35, 0.65), (0.65, 1.0))


def assign_tiers(
    score: npt.NDArray[np.float64], counts: Sequence[int], *, gaps: bool = True
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Maps structural scores monotonically onto the tiers.

    Args:
        score: n structural scores, any scale; a tie keeps the order of rows.
        counts: rows of the low, medium and high tier; they add up to n.
        gaps: keep (.3, .4) and (.6, .7) empty.

    Returns:
        Effectiveness in [0, 1], evenly spread over each tier's range (0 and 1 are reached when the outer
        tiers have at least two rows), and the tier of each row: 0, 1, 2.
    """
    value = np.empty(len(score))
    tier = np.repeat(np.arange(3), counts)
    start = 0
    for place, ((low, high), count) in enumerate(zip(TIER_RANGES if gaps else TIER_RANGES_WITHOUT_GAPS, counts, strict=True)):
        steps = np.arange(count, dtype=np.float64)
        even = (steps + 0.5) / max(count, 1) if place == 1 or count == 1 else steps / max(count - 1, 1)
        value[start : start + count] = low + (high - low) * even
        start += count
    order = np.argsort(score, kind="stable")
    scores, tiers = np.empty_like(value), np.empty_like(tier)
    scores[order], tiers[order] = np.rint(value * 1e6) / 1e6, tier
    return scores, tiers


def tier_of(scores: Sequence[float] | npt.NDArray[np.float64]) -> list[str]:
    """The tier of scores that nobody placed, such as a user's: low below .35, medium below .65, else high.

    The limits are the midpoints of the gaps between the tiers, so that every score in [0, 1] has one and rows with gaps keep theirs.

    Args:
        scores: n numbers in [0, 1].

    Raises:
        ValueError: a score is outside of [0, 1] or not a number.
    """
    given = np.asarray(scores, dtype=np.float64)
    if not np.all((given >= 0) & (given <= 1)):
        raise ValueError("a score is outside of [0, 1]")
    limits = [high for _, high in TIER_RANGES_WITHOUT_GAPS[:-1]]
    return [TIERS[place] for place in np.digitize(given, limits)]
