"""What the commands share: options, words and figures on the terminal, progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Coroutine
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from prompt_improver.installation.bootstrap import Outcome
    from prompt_improver.recipe.recipe import Recipe

__all__ = [
    "DatabaseUrl",
    "Json",
    "Progress",
    "RecipeFile",
    "Samples",
    "Seed",
    "print_json",
    "recipe_of",
    "run_async",
    "say",
    "show_preview",
    "tell_outcome",
]

T = TypeVar("T")

DatabaseUrl = Annotated[
    str | None,
    typer.Option(help="sqlite:///file.db or postgresql://user:password@host/name. Default: the settings file, else SQLite in the data folder."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]
Samples = Annotated[int | None, typer.Option(help="Rows to make; 1000 if neither this nor the recipe says.", show_default=False)]
Seed = Annotated[int | None, typer.Option(help="Whole number; the same seed gives the same rows. 42 if nothing says.", show_default=False)]
RecipeFile = Annotated[Path | None, typer.Option(help="Recipe (TOML): samples, seed, domain_distribution, noise, …")]


def say(text: str) -> None:
    print(text, file=sys.stderr)


def print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))


def run_async(work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    return asyncio.run(work)


class Progress(AbstractContextManager["Progress"]):
    """Rows done, with rate and time left, on standard error: a bar on a terminal, lines elsewhere."""

    def __init__(self, total: int) -> None:
        self._bar: Any = None
        self._told = 0
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("making rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("rows", total=total)

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __call__(self, done: int, total: int) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=done)
        elif done == total or done - self._told >= 100_000:
            self._told = done
            say(f"made {done:,} of {total:,} rows")

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def recipe_of(path: Path | None, samples: int | None, seed: int | None) -> Recipe:
    from prompt_improver.recipe.recipe import load_recipe, make_recipe

    fields = load_recipe(path) if path is not None else {}
    given = {"samples": samples, "seed": seed}
    fields |= {name: value for name, value in given.items() if value is not None}
    return make_recipe(fields, str(path) if path is not None else "command line")


def tell_outcome(outcome: Outcome) -> None:
    report = outcome.report
    if not outcome.written:
        print(f"rows       {outcome.rows:,} of an earlier run are in {outcome.where}; nothing was made. Replace them with: --replace")
        return
    print(
        f"rows       {outcome.rows:,} in {outcome.where}, made in {outcome.seconds:.2f} s"
        + (f", {outcome.replaced:,} replaced" if outcome.replaced else "")
    )
    print("domains    " + ", ".join(f"{name} {count:,}" for name, count in sorted(report["domains"].items(), key=lambda item: -item[1])))
    print("tiers      " + ", ".join(f"{name} {report['tiers'].get(name, 0):,}" for name in ("low", "medium", "high")))
    if report["bayes_auc"] is not None:
        print(f"ceiling    AUC {report['bayes_auc']:.3f}: no learner can do better on these labels")
    short = [found for found in report["findings"] if found["verdict"] == "fail"]
    for found in short:
        print(f"fell short {found['check']}: {found['figure']} (asked {found['threshold']}): {found['text']}")
    passed = sum(found["verdict"] == "pass" for found in report["findings"])
    print(f"quick checks: {passed} pass, {len(short)} fell short" + ("" if short else "; ready"))
    print("next       prompt-improver validate" + (f" --input {outcome.where}" if outcome.where.endswith((".parquet", ".jsonl", ".csv")) else ""))


def show_preview(recipe: Recipe, count: int, as_json: bool) -> None:
    from itertools import islice

    from prompt_improver.execution.local import open_run, stream_batches

    rows: list[dict[str, Any]] = []
    for batch in islice(stream_batches(open_run(recipe)), 1 + count // 4096):
        rows += batch.rows.slice(0, count - len(rows)).to_pylist()
    if as_json:
        print_json({"rows": rows})
        return
    for row in rows:
        head = f"row {row['row_index']}  {row['domain']} / {row['pattern']}  effectiveness {row['effectiveness_score']:.3f} ({row['tier']})"
        print(f"{head}\n{'-' * len(head)}")
        print(_indent("typed    ", row["prompt_text"]))
        print(_indent("improved ", row["enhanced_prompt"]))
        print(f"rules    {', '.join(row['rules']) or 'none'}")
        names = ("clarity", "length", "specificity", "complexity", "context_richness", "actionability")
        print("features " + "  ".join(f"{name} {row[name]:g}" for name in names) + "\n")


def _indent(label: str, text: str) -> str:
    import textwrap

    lines = [piece for line in text.split("\n") for piece in (textwrap.wrap(line, 100) or [""])]
    return "\n".join((label if place == 0 else " " * len(label)) + line for place, line in enumerate(lines))
