"""What the commands share: options, words and figures on the terminal, progress."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Coroutine
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from prompt_improver.errors import InputError

if TYPE_CHECKING:
    from prompt_improver.installation.bootstrap import Outcome
    from prompt_improver.installation.parts import FolderOutcome
    from prompt_improver.recipe.recipe import Recipe

__all__ = [
    "DatabaseUrl",
    "Engine",
    "Json",
    "Output",
    "PartBlocks",
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
    "wants_folder",
]

T = TypeVar("T")

_TELL_EVERY = 5.0
"""Seconds between two lines of progress where there is no terminal."""

DatabaseUrl = Annotated[
    str | None,
    typer.Option(help="sqlite:///file.db or postgresql://user:password@host/name. Default: the settings file, else SQLite in the data folder."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]
Samples = Annotated[int | None, typer.Option(help="Rows to make; 1000 if neither this nor the recipe says.", show_default=False)]
Seed = Annotated[int | None, typer.Option(help="Whole number; the same seed gives the same rows. 42 if nothing says.", show_default=False)]
RecipeFile = Annotated[Path | None, typer.Option(help="Recipe (TOML): samples, seed, domain_distribution, noise, …")]

Output = Annotated[
    str | None, typer.Option(help="Write a file instead: .parquet, .jsonl or .csv; or, with a slash at its end or an address, a folder of parts.")
]
Engine = Annotated[str, typer.Option(metavar="local|ray", help="Who makes the parts of a folder: threads, or a Ray cluster (extra 'ray').")]
PartBlocks = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Blocks of 4,096 rows in a part of a folder; 64 if not said.", show_default=False)
]


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
        self._begun, self._told = time.monotonic(), 0.0
        self._before: int | None = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("making rows"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("rows", total=total, rate="")

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._before is None:  # rows of an earlier call say nothing about the rate
            self._before, self._begun = done, now
        rate = (done - self._before) / (now - self._begun) if now > self._begun else 0.0
        if self._bar is not None:
            self._bar.update(self._task, completed=done, rate=f"{rate:,.0f} rows/s" if rate else "")
        elif done == total or now - self._told >= _TELL_EVERY:
            self._told = now
            left = f", {rate:,.0f} rows/s, {(total - done) / rate:,.0f} s left" if rate and done < total else ""
            say(f"made {done:,} of {total:,} rows{left}")

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def wants_folder(output: str | None, *, only_there: dict[str, bool]) -> bool:
    """Whether rows go to a folder of parts; options that mean something only there are refused elsewhere."""
    from prompt_improver.storage.parts import names_folder

    folder = output is not None and names_folder(output)
    given = [name for name, asked in only_there.items() if asked]
    if given and not folder:
        raise InputError(f"{given[0]} is for a folder of parts; name one with --output, with a slash at its end: --output rows/")
    return folder


def recipe_of(path: Path | None, samples: int | None, seed: int | None) -> Recipe:
    from prompt_improver.recipe.recipe import load_recipe, make_recipe

    fields = load_recipe(path) if path is not None else {}
    given = {"samples": samples, "seed": seed}
    fields |= {name: value for name, value in given.items() if value is not None}
    return make_recipe(fields, str(path) if path is not None else "command line")


def tell_outcome(outcome: Outcome) -> None:
    report = outcome.report
    parts: FolderOutcome | None = outcome if hasattr(outcome, "parts") else None  # type: ignore[assignment]
    if not outcome.written and parts is not None:
        print(f"rows       {outcome.rows:,} of this run are complete in {outcome.where} already ({parts.parts:,} parts); nothing was made")
        return
    if not outcome.written:
        print(f"rows       {outcome.rows:,} of an earlier run are in {outcome.where}; nothing was made. Replace them with: --replace")
        return
    print(
        f"rows       {outcome.rows:,} in {outcome.where}, made in {outcome.seconds:.2f} s"
        + (f", {outcome.replaced:,} replaced" if outcome.replaced else "")
    )
    if parts is not None:
        memory = f", at most {parts.peak_memory / 1e6:,.0f} MB of memory" if parts.peak_memory else ""
        print(f"parts      {parts.parts:,}, {parts.kept:,} of them from an earlier call; {parts.bytes / 1e6:,.1f} MB on disk{memory}")
    print("domains    " + ", ".join(f"{name} {count:,}" for name, count in sorted(report["domains"].items(), key=lambda item: -item[1])))
    print("tiers      " + ", ".join(f"{name} {report['tiers'].get(name, 0):,}" for name in ("low", "medium", "high")))
    if report["bayes_auc"] is not None:
        print(f"ceiling    AUC {report['bayes_auc']:.3f}: no learner can do better on these labels")
    short = [found for found in report["findings"] if found["verdict"] == "fail"]
    for found in short:
        print(f"fell short {found['check']}: {found['figure']} (asked {found['threshold']}): {found['text']}")
    passed = sum(found["verdict"] == "pass" for found in report["findings"])
    print(f"quick checks: {passed} pass, {len(short)} fell short" + ("" if short else "; ready"))
    print(
        "next       prompt-improver validate" + (f" --input {outcome.where}" if outcome.where.endswith((".parquet", ".jsonl", ".csv", "/")) else "")
    )


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
