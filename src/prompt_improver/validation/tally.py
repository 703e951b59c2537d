"""Exact counts of rows that add up: by domain, by tier, and outside their tier's range."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from prompt_improver.batch import TIERS, Batch
from prompt_improver.guarantees.tiers import TIER_RANGES, TIER_RANGES_WITHOUT_GAPS

__all__ = ["Tally", "add_up", "tally_batch"]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of rows; names in alphabetical order."""

    rows: int
    domains: dict[str, int]
    tiers: dict[str, int]
    outside: int


def tally_batch(batch: Batch, *, gaps: bool) -> Tally:
    """Counts the rows of a batch; `gaps` says which ranges its tiers have."""
    scores, tiers, outside = batch.rows["effectiveness_score"], batch.rows["tier"], 0
    for tier, (low, high) in zip(TIERS, TIER_RANGES if gaps else TIER_RANGES_WITHOUT_GAPS, strict=True):
        inside = pc.and_(pc.greater_equal(scores, low), pc.less_equal(scores, high))
        outside += pc.sum(pc.and_(pc.equal(tiers, tier), pc.invert(inside))).as_py() or 0
    return Tally(len(batch), _counted(batch.rows["domain"]), _counted(tiers), outside)


def _counted(column: pa.ChunkedArray) -> dict[str, int]:
    return dict(sorted((found["values"], found["counts"]) for found in column.value_counts().to_pylist()))


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
