"""Exact counts of rows that add up: by domain, by tier, and outside their tier's range."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prompt_improver.batch import TIERS, Batch
from prompt_improver.guarantees.tiers import TIER_RANGES, TIER_RANGES_WITHOUT_GAPS

__all__ = ["Tally", "add_up", "encode_names", "tally_batch"]

_NOWHERE = (np.nan, np.nan)


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of rows; names in alphabetical order."""

    rows: int
    domains: dict[str, int]
    tiers: dict[str, int]
    outside: int


def tally_batch(batch: Batch, *, gaps: bool) -> Tally:
    """Counts the rows of a batch; `gaps` says which ranges its tiers have. A tier that is none of the three has no range to lie in."""
    ranges = dict(zip(TIERS, TIER_RANGES if gaps else TIER_RANGES_WITHOUT_GAPS, strict=True))
    domains, tiers = encode_names(batch.rows["domain"]), encode_names(batch.rows["tier"])
    low, high = np.array([ranges.get(name, _NOWHERE) for name in tiers[0]]).reshape(-1, 2)[tiers[1]].T
    scores = batch.rows["effectiveness_score"].to_numpy()
    outside = len(batch) - int(np.count_nonzero((low <= scores) & (scores <= high)))
    return Tally(len(batch), _counted(*domains), _counted(*tiers), outside)


def encode_names(column: pa.ChunkedArray) -> tuple[list[str], npt.NDArray[np.integer]]:
    """The names in a column of n strings, in the order in which they come, and n places among them."""
    coded = column.combine_chunks().dictionary_encode()
    return coded.dictionary.to_pylist(), coded.indices.to_numpy()


def _counted(names: list[str], places: npt.NDArray[np.integer]) -> dict[str, int]:
    return dict(sorted(zip(names, np.bincount(places).tolist(), strict=True)))


def add_up(tallies: Iterable[Tally]) -> Tally:
    """One tally of all."""
    rows, outside = 0, 0
    domains: dict[str, int] = {}
    tiers: dict[str, int] = {}
    for tally in tallies:
        rows, outside = rows + tally.rows, outside + tally.outside
        for into, counts in ((domains, tally.domains), (tiers, tally.tiers)):
            for name, count in counts.items():
                into[name] = into.get(name, 0) + count
    return Tally(rows, dict(sorted(domains.items())), dict(sorted(tiers.items())), outside)
