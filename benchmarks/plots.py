"""Plots for the page: ratios against what they may be, and time and memory against rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.figures import Area, Figure
from benchmarks.growth import TABLE
from benchmarks.workload import lacking

__all__ = ["draw"]

_MET, _MISSED, _INK = "#4c78a8", "#d1603d", "#333333"
_STYLE = {"svg.fonttype": "none", "svg.hashsalt": "benchmarks", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


def draw(areas: Mapping[str, Area], folder: Path) -> None:
    """Draws what there are results for, as SVG; nothing where matplotlib is not installed."""
    if lacking("matplotlib"):
        return
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(exist_ok=True)
    with matplotlib.rc_context(_STYLE):
        judged = [figure for area in areas.values() for figure in area.figures if figure.limit is not None and not figure.missing]
        if judged:
            _save(_ratios(plt, judged), folder / "benchmark-ratios.svg")
        rows = [row for area in areas.values() for row in area.tables.get(TABLE, ())]
        if rows:
            _save(_growth(plt, rows), folder / "benchmark-growth.svg")
    plt.close("all")


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})


def _ratios(plt: Any, figures: list[Figure]) -> Any:
    """A bar a figure: the ratio as a share of what it may be at most, its spread, and a mark at the goal."""
    drawn, axes = plt.subplots(figsize=(8, 0.8 + 0.38 * len(figures)), layout="constrained")
    for place, figure in enumerate(reversed(figures)):
        limit = figure.limit or 1.0
        low, middle, high = min(figure.ratios) / limit, figure.ratio / limit, max(figure.ratios) / limit
        axes.barh(place, middle, height=0.6, color=_MET if middle <= 1 else _MISSED)
        axes.plot([low, high], [place, place], color=_INK, linewidth=1)
        if figure.goal is not None:
            axes.plot([figure.goal / limit] * 2, [place - 0.36, place + 0.36], color=_INK, linewidth=1, linestyle=":")
        axes.annotate(f"{figure.ratio:.3g}", (max(high, 1.0), place), (4, 0), textcoords="offset points", va="center", color=_INK)
    axes.axvline(1.0, color=_INK, linewidth=1)
    axes.set_yticks(range(len(figures)), [figure.name for figure in reversed(figures)])
    axes.set_xlabel("ratio as a share of the most that it may be, line at 1\ndotted: goal; thin line: least to greatest; number: the ratio itself")
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    return drawn


def _growth(plt: Any, rows: list[dict[str, Any]]) -> Any:
    drawn, (time, memory) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    sizes = [row["rows"] for row in rows]
    for axes, middle, low, high, label in ((time, "s", "s, min", "s, max", "seconds"), (memory, "peak MB", "MB, min", "MB, max", "peak memory, MB")):
        axes.fill_between(sizes, [row[low] for row in rows], [row[high] for row in rows], color=_MET, alpha=0.25, linewidth=0)
        axes.plot(sizes, [row[middle] for row in rows], color=_MET, marker="o", markersize=4)
        axes.set_xscale("log")
        axes.set_xlabel("rows")
        axes.set_ylabel(label)
    time.set_yscale("log")
    slope = [rows[-1]["s"] * size / sizes[-1] for size in sizes]
    time.plot(sizes, slope, color=_INK, linewidth=1, linestyle=":", label="in proportion to the rows")
    time.legend(frameon=False, fontsize=8)
    memory.axhline(300, color=_INK, linewidth=1, linestyle=":", label="300 MB")
    memory.set_ylim(bottom=0)
    memory.legend(frameon=False, fontsize=8)
    return drawn
