"""What was measured, and the file it is kept in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["Area", "Figure", "keep_area", "read_areas"]


@dataclass(frozen=True)
class Figure:
    """One row of the tables: our measures and those of the floor, taken in turn.

    `n` rows were made by us and `floor_n` by the floor; measures are compared by row unless `by_row` is false. `limit` is what the ratio
    may be at most and `goal` what it should be, None where nothing is asked. `missing` says why there are no measures.
    """

    name: str
    work: str
    floor: str
    n: int = 1
    floor_n: float = 1
    by_row: bool = True
    unit: str = "s"
    seed: int | None = None
    limit: float | None = None
    goal: float | None = None
    ours: Sequence[float] = ()
    floors: Sequence[float] = ()
    note: str = ""
    missing: str = ""

    @property
    def ratios(self) -> list[float]:
        """Ours divided by the floor's, round by round."""
        scale = self.floor_n / self.n if self.by_row else 1.0
        return [ours / floor * scale for ours, floor in zip(self.ours, self.floors, strict=True)]

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def verdict(self) -> str:
        if self.missing:
            return "not measured"
        if self.limit is None:
            return "stated"
        if self.ratio > self.limit:
            return "missed"
        return "goal met" if self.goal is not None and self.ratio <= self.goal else "met"


@dataclass(frozen=True)
class Area:
    """What one area measured, and on what. `tables` are lists of rows by title; a row is a dictionary, the same keys in each."""

    name: str
    figures: list[Figure]
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)


def read_areas(path: Path) -> dict[str, Area]:
    """The areas kept in a file, by name; none if there is no file."""
    if not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return {area["name"]: Area(**{**area, "figures": [Figure(**figure) for figure in area["figures"]]}) for area in found}


def keep_area(path: Path, area: Area) -> None:
    """Puts an area into the file, in place of what was measured of it before; other areas stay as they are."""
    areas = {**read_areas(path), area.name: area}
    path.write_text(json.dumps([asdict(areas[name]) for name in sorted(areas)], indent=1) + "\n", encoding="utf-8")
