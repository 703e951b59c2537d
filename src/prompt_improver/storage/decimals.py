"""Numbers from 0 to 1 with at most six places, written through two short tables instead of one by one.

A double that is k / 1,000,000 for a whole k is written by Python as that decimal without its last zeros: up to 15 digits no two decimals share
a double, so none is shorter. Python turns to an exponent below 0.0001.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["HEADS", "TAILS", "Decimals", "split_decimals"]

_PARTS = 1_000_000
_LEAST = 100

HEADS = pa.array([repr(head / 1000) for head in range(1001)] + [f"0.{head:03d}" for head in range(1000)], type=pa.string())
"""The first three places: as they stand alone, then as they stand before others."""

TAILS = pa.array([f"{tail:03d}".rstrip("0") for tail in range(1000)], type=pa.string())
"""The other three."""


class Decimals(NamedTuple):
    """Places of n numbers in `HEADS` and in `TAILS`."""

    heads: npt.NDArray[np.int32]
    tails: npt.NDArray[np.int32]


def split_decimals(numbers: npt.NDArray[np.float64]) -> Decimals | None:
    """Where each number's text lies in the tables; None where one of them is not such a number.

    Args:
        numbers: n of any size.
    """
    if not (numbers.size and numbers.min() >= 0 and numbers.max() <= 1) or np.signbit(numbers).any():
        return None
    parts = np.rint(numbers * _PARTS)
    if not np.array_equal(parts / _PARTS, numbers) or ((parts > 0) & (parts < _LEAST)).any():
        return None
    heads, tails = np.divmod(parts.astype(np.int32), 1000)
    return Decimals(heads + 1001 * (tails > 0), tails)
