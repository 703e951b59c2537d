"""The page of benchmarks, made from the results that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.area import AREAS
from benchmarks.block import TABLE as BLOCK
from benchmarks.figures import Area, Figure
from benchmarks.growth import TABLE as GROWTH

__all__ = ["render"]

_HOW = """Every figure is a ratio: our time divided by that of a floor, measured in turn in the same run; below 1 we are quicker. A ratio is the
median of the rounds, with the least and the greatest in brackets. One round of each is thrown away first (two where whole processes are timed);
every other round begins with the floor. Where row counts differ, times are compared by row. Areas are measured in processes of their own, bytecode is
compiled before, and no cache of the system is dropped.

```bash
pip install -c constraints.txt -e '.[bench,ray,test]'
python benchmarks/run.py --write docs/benchmarks.md
python benchmarks/run.py --only growth --rounds 3 --write docs/benchmarks.md
```

The figures stand in `benchmarks/results.json`, from which this page is made.
"""


_QUIET = 10.0
"""Percentage of the processors that may be at work on something else."""


_REASONS = """- **A thousand rows** are mostly Python's start. Of .67 s of a processor's time, the floor's imports take .44, our own and what they
  need .11, making the rows .03, the quality report .04 (64 texts are measured anew, for which the word list is read), schema and storing .04.
- **Parquet** is bound by encoding and zstd, more than twice what making the rows takes, in a thread of their own. With two makers on two
  cores, these get in its way.
- **JSON lines** are the bytes of Python's `json.dumps`. Encoding takes 2 µs a row, as long as all of polars' writing; rows, features and
  report have to fit beside it on two cores.
- **PostgreSQL** is busy all the time; a quarter of its time is the foreign key from a row to its run, which `psql` pays too.
- **Two threads** share the interpreter's lock: numpy lets go of it in long calls only. That is why four blocks are made at once.
- **A bare assembly** of texts as long has no plan, features, label or other columns; joining pieces is a fifth of our time.
"""


def render(areas: Mapping[str, Area], images: Path) -> str:
    """The page as Markdown.

    Args:
        areas: what was measured, by name, in the order of the page.
        images: the folder of plots beside the page; those that are there are shown.
    """
    figures = [figure for area in areas.values() for figure in area.figures]
    peers = [figure for figure in figures if figure.name.startswith("peers.")]
    rest = [figure for figure in figures if figure not in peers]
    asked = [figure for figure in rest if figure.limit is not None]
    parts = [
        "# Benchmarks\n",
        _HOW,
        _busy(areas),
        "## Against the targets\n",
        _table([_target(figure) for figure in asked if not figure.missing]),
        _image(images, "benchmark-ratios.svg", "Ratios as shares of what they may be at most"),
        "## Stated only\n",
        _table([_stated(figure) for figure in rest if figure.limit is None and not figure.missing]),
        "## Other generators, rows of the same shape\n",
        _table([_peer(figure) for figure in peers if not figure.missing]),
        "## Growth\n",
        _growth(areas),
        _image(images, "benchmark-growth.svg", "Time and memory against rows"),
        "## Where the time of a block goes\n",
        "Each function without those that it calls; `make_blocks` is what it does itself. One thread.\n",
        _table(areas[BLOCK.lower()].tables[BLOCK]) if BLOCK.lower() in areas else "Not measured yet.\n",
        "## Slow for a reason\n",
        _REASONS,
        "## Measures\n",
        "Medians of what the ratios are made of, with the least and the greatest.\n",
        _table([_measures(figure) for figure in figures if not figure.missing]),
        "## Not measured\n",
        _table(
            [{"name": f"`{figure.name}`", "work": figure.work, "why": figure.missing} for figure in figures if figure.missing]
            + [{"name": f"`{name}`", "work": "the whole area", "why": "not run yet"} for name in AREAS if name not in areas]
        ),
        "## Machine and versions\n",
        _table([{"area": area.name, **{key: area.facts[key] for key in ("when", "commit", "rounds", "size", "busy")}} for area in areas.values()]),
        "`busy` is the share of the processors that worked on something else in the second before.\n",
        *(f"- {', '.join(names)}: {fact}" for key in ("machine", "versions") for fact, names in _shared(areas, key).items()),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _busy(areas: Mapping[str, Area]) -> str:
    """A warning where other work took part of the machine."""
    shares = {area.name: area.facts["busy"] for area in areas.values() if area.facts["busy"] != "unknown"}
    busy = ", ".join(f"{name} ({share})" for name, share in shares.items() if float(share.rstrip("%")) > _QUIET)
    return f"**The machine was busy** with something else when these areas began: {busy}. Their figures are worth little.\n" if busy else ""


def _target(figure: Figure) -> dict[str, Any]:
    assert figure.limit is not None
    goal = f" ({_number(figure.goal)})" if figure.goal is not None else ""
    most = f"{_number(figure.limit)}{goal}"
    return {**_stated(figure), "at most (goal)": most, "verdict": figure.verdict, "note": figure.note}


def _stated(figure: Figure) -> dict[str, Any]:
    return {"name": f"`{figure.name}`", "work": figure.work, "floor": figure.floor, "ratio": _ratio(figure), "note": figure.note}


def _peer(figure: Figure) -> dict[str, Any]:
    theirs, ours = figure.floor_n / median(figure.floors), figure.n / median(figure.ours)
    return {"generator": figure.floor, "its rows/s": f"{theirs:,.0f}", "ours": f"{ours:,.0f}", "ratio of times": _ratio(figure), "note": figure.note}


def _measures(figure: Figure) -> dict[str, Any]:
    rate = f"{figure.n / median(figure.ours):,.0f}" if figure.seed is not None and figure.unit == "s" else ""
    return {
        "name": f"`{figure.name}`",
        "rows": f"{figure.n:,}" if figure.n > 1 else "",
        "floor's rows": f"{figure.floor_n:,.0f}" if figure.n > 1 else "",
        "seed": "" if figure.seed is None else figure.seed,
        "rounds": len(figure.ours),
        "ours": _spread(figure.ours, figure.unit),
        "floor": _spread(figure.floors, figure.unit),
        "our rows/s": rate,
    }


def _growth(areas: Mapping[str, Area]) -> str:
    if GROWTH.lower() not in areas:
        return "Not measured yet.\n"
    rows = areas[GROWTH.lower()].tables[GROWTH]
    told = "Folders of Parquet parts, one thread, each run in a process of its own; time without starting Python, memory of the whole process.\n\n"
    return told + _table([{key: f"{value:,}" for key, value in row.items()} for row in rows])


def _ratio(figure: Figure) -> str:
    return f"{_number(figure.ratio)} ({_number(min(figure.ratios))} to {_number(max(figure.ratios))})"


def _number(value: float) -> str:
    """A small ratio as a part of one, so that it can be read."""
    return f"1/{1 / value:.3g}" if value < 0.7 else f"{value:.3g}"


def _spread(measures: Sequence[float], unit: str) -> str:
    middle, least, most = (f"{value:.3g}" if value < 1000 else f"{value:,.0f}" for value in (median(measures), min(measures), max(measures)))
    return f"{middle} {unit} ({least} to {most})"


def _shared(areas: Mapping[str, Area], key: str) -> dict[str, list[str]]:
    """Areas by a fact that they have in common."""
    found: dict[str, list[str]] = {}
    for area in areas.values():
        found.setdefault(area.facts[key], []).append(area.name)
    return found


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "None.\n"
    return "\n".join([_line(rows[0]), _line(["---"] * len(rows[0])), *(_line(row.values()) for row in rows)]) + "\n"


def _line(cells: Iterable[Any]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _image(images: Path, name: str, words: str) -> str:
    return f"![{words}]({images.name}/{name})\n" if (images / name).is_file() else ""
