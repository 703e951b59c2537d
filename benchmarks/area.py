"""One area, measured in a process of its own, so that areas do not share memory, imports or failures.

python -m benchmarks.area NAME ROUNDS full|quick RESULTS
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from benchmarks.facts import describe
from benchmarks.figures import Area, Figure, keep_area

__all__ = ["AREAS", "main"]

AREAS = ("block", "generate", "files", "databases", "duplicates", "start", "peers", "cluster", "growth")
"""Each is a module with `measure(rounds=, quick=)`, which gives figures and tables."""


def main(name: str, rounds: int, quick: bool, results: Path) -> None:
    """Measures an area and puts it into the file of results."""
    facts = describe(rounds=rounds, quick=quick)
    area = Area(name, [], {}, facts)
    for found in import_module(f"benchmarks.{name}").measure(rounds=rounds, quick=quick):
        if isinstance(found, Figure):
            area.figures.append(found)
            told = found.missing or f"{found.ratio:.3f} ({min(found.ratios):.3f} to {max(found.ratios):.3f})"
            print(f"{found.name}: {told}", file=sys.stderr, flush=True)
        else:
            area.tables.update(found)
            print(f"{name}: {sum(map(len, found.values()))} rows of a table", file=sys.stderr, flush=True)
    keep_area(results, area)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "quick", Path(sys.argv[4]))
