"""Exact shares for every n, block by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

__all__ = ["BLOCK", "TIER_SHARES", "block_bounds", "exact_shares", "largest_remainder"]

BLOCK = 4096
"""Rows of a block, the unit of work."""

TIER_SHARES = (Fraction(1, 4), Fraction(1, 2), Fraction(1, 4))


def exact_shares(shares: Mapping[str, float]) -> tuple[Fraction, ...]:
    """Shares as written ("0.15" is 3/20), scaled to add up to 1 exactly."""
    written = [Fraction(repr(share)) for share in shares.values()]
    return tuple(share / sum(written) for share in written)


def largest_remainder(n: int, shares: Sequence[Fraction]) -> list[int]:
    """n split by Hamilton's method: floors first, what is left to the largest remainders.

    Ties go to the earlier share. The counts add up to n, each within 1 of n x share.
    """
    ideal = [n * share for share in shares]
    counts = [int(amount) for amount in ideal]
    by_rest = sorted(range(len(shares)), key=lambda i: (counts[i] - ideal[i], i))
    for i in by_rest[: n - sum(counts)]:
        counts[i] += 1
    return counts


def block_bounds(n: int, shares: Sequence[Fraction]) -> list[int]:
    """Row numbers where blocks begin, and n at the end.

    Quotas are cumulative: a block holds what the split of its end has more than the split of its
    beginning. Hamilton's method can take a row away as n grows (the apportionment paradox). Where that would ask a short
    last block for a negative count, it is planned as one with the block before it.
    """
    bounds = [*range(0, n, BLOCK), n]
    while len(bounds) > 2:
        before, after = largest_remainder(bounds[-2], shares), largest_remainder(n, shares)
        if all(a >= b for a, b in zip(after, before, strict=True)):
            break
        del bounds[-2]
    return bounds
