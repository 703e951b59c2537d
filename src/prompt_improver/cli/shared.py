"""What the commands share: options, words and figures on the terminal."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from prompt_improver.errors import InputError

if TYPE_CHECKING:
    from prompt_improver.installation.outcome import Outcome
    from prompt_improver.recipe.recipe import Recipe

__all__ = [
    "DatabaseUrl",
    "Engine",
    "Json",
    "Output",
    "PartBlocks",
    "RecipeFile",
    "Samples",
    "Seed",
    "check_truth",
    "print_json",
    "recipe_of",
    "run_async",
    "say",
    "show_preview",
    "tell_outcome",
    "wants_folder",
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
    print(json.dumps(_finite(value), ensure_ascii=False, allow_nan=False))


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON has no word for: NaN and infinities."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def run_async(work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    return asyncio.run(work)


def wants_folder(output: str | None, *, only_there: dict[str, bool]) -> bool:
    """Whether rows go to a folder of parts; options that mean something only there are refused elsewhere."""
    from prompt_improver.storage.parts import names_folder

    folder = output is not None and names_folder(output)
    given = [name for name, asked in only_there.items() if asked]
    if given and not folder:
        raise InputError(f"{given[0]} is for a folder of parts; name one with --output, with a slash at its end: --output rows/")
    return folder


def check_truth(truth: str | None, output: str | None, *, folder: bool) -> None:
    """Refuses a truth that would take the rows' place, or that is not beside the parts of a folder."""
    same = truth is not None and output is not None and Path(truth).resolve() == Path(output).resolve()
    if same and not folder:
        raise InputError(f"--output and --truth both name {output}; give the truth a file of its own.")
    if folder and truth is not None and not same:
        raise InputError(f"the truth of a folder of parts stands beside its parts: --output {output} --truth {output}")


def recipe_of(path: Path | None, samples: int | None, seed: int | None) -> Recipe:
    from prompt_improver.recipe.recipe import load_recipe, make_recipe

    fields = load_recipe(path) if path is not None else {}
    given = {"samples": samples, "seed": seed}
    fields |= {name: value for name, value in given.items() if value is not None}
    return make_recipe(fields, str(path) if path is not None else "command line")


def tell_outcome(outcome: Outcome) -> None:
    report = outcome.report
    if not outcome.written:
        told = f" of this run are complete in {outcome.where} already ({outcome.parts:,} parts); nothing was made" if outcome.parts else ""
        print(f"rows       {outcome.rows:,}" + (told or f" of an earlier run are in {outcome.where}; nothing was made. Replace them with: --replace"))
        return
    replaced = f", {outcome.replaced:,} replaced" if outcome.replaced else ""
    print(f"rows       {outcome.rows:,} in {outcome.where}, made in {outcome.seconds:.2f} s{replaced}")
    phases = ", ".join(f"{phase.replace('_', ' ')} {seconds:.2f} s" for phase, seconds in outcome.phases.items())
    memory = f", at most {outcome.peak_memory / 1e6:,.0f} MB of memory" if outcome.peak_memory else ""
    speed = f"{outcome.rows_per_second:,.0f} rows/s" if outcome.made else "nothing made"
    print(f"figures    {speed} ({phases}); {outcome.bytes / 1e6:,.1f} MB on disk{memory}")
    if outcome.parts is not None:
        print(f"parts      {outcome.parts:,}, {outcome.kept:,} of them from an earlier call")
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
