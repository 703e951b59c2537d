"""The command line. Exit codes: 0 done, 1 the data fell short, 2 bad input, 3 environment, 5 privacy stop."""

from __future__ import annotations

import json
import sys
from collections.abc import Coroutine
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from prompt_improver.errors import DataShortfall, InputError, PromptImproverError

if TYPE_CHECKING:
    from prompt_improver.installation.bootstrap import Outcome
    from prompt_improver.recipe.recipe import Recipe

__all__ = ["app", "main"]

T = TypeVar("T")

app = typer.Typer(
    name="prompt-improver",
    help="Training rows for a prompt optimiser that nobody has used yet: true to their texts, the same for the same seed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Start with: prompt-improver install",
)
domains_app = typer.Typer(help="The content that rows are made of.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(domains_app, name="domains")

DatabaseUrl = Annotated[
    str | None,
    typer.Option(help="sqlite:///file.db or postgresql://user:password@host/name. Default: the settings file, else SQLite in the data folder."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]
Samples = Annotated[int | None, typer.Option(help="Rows to make; 1000 if neither this nor the recipe says.", show_default=False)]
Seed = Annotated[int | None, typer.Option(help="Whole number; the same seed gives the same rows. 42 if nothing says.", show_default=False)]
RecipeFile = Annotated[Path | None, typer.Option(help="Recipe (TOML): samples, seed, domain_distribution, noise, …")]


def main() -> None:
    """Runs the command line; our errors become one message and an exit code."""
    as_json = "--json" in sys.argv
    try:
        app()
    except PromptImproverError as error:
        if as_json:
            _print_json({"error": {"kind": type(error).__name__, "message": str(error), "exit_code": error.exit_code}})
        _say(f"error: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say("stopped; nothing was half-written. Run the same command to start again.")
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        sys.stderr.close()
        sys.exit(0)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))


def _await(work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    return asyncio.run(work)


class _Progress(AbstractContextManager["_Progress"]):
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

    def __enter__(self) -> _Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __call__(self, done: int, total: int) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=done)
        elif done == total or done - self._told >= 100_000:
            self._told = done
            _say(f"made {done:,} of {total:,} rows")

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _recipe(path: Path | None, samples: int | None, seed: int | None) -> Recipe:
    from prompt_improver.recipe.recipe import load_recipe, make_recipe

    fields = load_recipe(path) if path is not None else {}
    given = {"samples": samples, "seed": seed}
    fields |= {name: value for name, value in given.items() if value is not None}
    return make_recipe(fields, str(path) if path is not None else "command line")


@app.command(epilog="Examples:  prompt-improver install   |   prompt-improver install --database-url postgresql://me@localhost/prompts")
def install(
    database_url: DatabaseUrl = None,
    samples: Samples = None,
    bootstrap: Annotated[bool, typer.Option("--bootstrap/--no-bootstrap", help="Make training rows on a cold start.")] = True,
    as_json: Json = False,
) -> None:
    """Set everything up: settings file, schema, training rows, readiness check. Safe to run again."""
    from prompt_improver.installation import initializer

    recipe = _recipe(None, samples, None)
    with _Progress(recipe.samples) as progress:
        done = _await(initializer.install(url=database_url, recipe=recipe, bootstrap=bootstrap, progress=progress))
    if as_json:
        told = {"settings": str(done.settings), "schema": done.schema, "database": done.where, "changed": done.changed}
        _print_json({**told, "bootstrap": asdict(done.bootstrap) if done.bootstrap else None, "failure": str(done.failure or "") or None})
    else:
        print(f"settings   {done.settings}" + ("" if done.settings_written else " (kept)"))
        print(f"database   {done.where}, schema {done.schema}")
        if done.bootstrap is not None:
            _tell_outcome(done.bootstrap)
        if not done.changed:
            print("nothing to do: everything was in place already")
    if done.failure is not None:
        _say(f"error: the installation works, but no rows were made: {done.failure}")
        _say("go on with: prompt-improver bootstrap")
        raise typer.Exit(done.failure.exit_code)
    if done.bootstrap is not None and not done.bootstrap.ready:
        raise typer.Exit(DataShortfall.exit_code)


@app.command(
    epilog="Examples:  prompt-improver bootstrap --samples 1000   |   prompt-improver bootstrap --output rows.parquet   |   "
    "prompt-improver bootstrap --preview 3"
)
def bootstrap(
    samples: Samples = None,
    seed: Seed = None,
    database_url: DatabaseUrl = None,
    output: Annotated[Path | None, typer.Option(help="Write a file instead: .parquet, .jsonl or .csv.")] = None,
    recipe: RecipeFile = None,
    replace: Annotated[bool, typer.Option("--replace", help="Put the new rows in place of an earlier run's, in one transaction.")] = False,
    preview: Annotated[int, typer.Option(min=0, help="Show the first K rows and store nothing.")] = 0,
    truth: Annotated[Path | None, typer.Option(help="Also write what a learner must not see: .parquet, .jsonl or .csv.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Threads; the rows do not depend on them.")] = 1,
    as_json: Json = False,
) -> None:
    """Make training rows. Where a complete run is in the database already, nothing is done."""
    from prompt_improver.installation.bootstrap import bootstrap_database, bootstrap_file
    from prompt_improver.installation.initializer import resolve_url

    plan = _recipe(recipe, samples, seed)
    if preview:
        _preview(plan, preview, as_json)
        return
    if output is not None and database_url is not None:
        raise InputError("--output and --database-url were both given; rows go to one of them.")
    if output is not None and truth is not None and output.absolute() == truth.absolute():
        raise InputError(f"--output and --truth both name {output}; give the truth a file of its own.")
    with _Progress(plan.samples) if not as_json else nullcontext() as progress:
        if output is not None:
            outcome = bootstrap_file(plan, output, workers=workers, truth=truth, progress=progress)
        else:
            work = bootstrap_database(plan, resolve_url(database_url), replace=replace, workers=workers, truth=truth, progress=progress)
            outcome = _await(work)
    if as_json:
        _print_json({**asdict(outcome), "ready": outcome.ready})
    else:
        _tell_outcome(outcome)
    if not outcome.ready:
        raise typer.Exit(DataShortfall.exit_code)


def _tell_outcome(outcome: Outcome) -> None:
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


def _preview(recipe: Recipe, count: int, as_json: bool) -> None:
    from itertools import islice

    from prompt_improver.execution.local import open_run, stream_batches

    rows: list[dict[str, Any]] = []
    for batch in islice(stream_batches(open_run(recipe)), 1 + count // 4096):
        rows += batch.rows.slice(0, count - len(rows)).to_pylist()
    if as_json:
        _print_json({"rows": rows})
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


@app.command(epilog="Examples:  prompt-improver validate   |   prompt-improver validate --input rows.parquet --json")
def validate(
    database_url: DatabaseUrl = None,
    input_file: Annotated[Path | None, typer.Option("--input", help="Rows in a file: .parquet, .jsonl or .csv.")] = None,
    as_json: Json = False,
) -> None:
    """Check that an ML pipeline can learn from the rows. Exit 0: ready; 1: not ready."""
    from prompt_improver.installation.initializer import resolve_url
    from prompt_improver.installation.stored import look_at_database, look_at_file
    from prompt_improver.validation.deep import check_deep
    from prompt_improver.validation.findings import ready, to_json
    from prompt_improver.validation.quick import check_sample, quality_validation
    from prompt_improver.validation.report import tell

    if input_file is not None and database_url is not None:
        raise InputError("--input and --database-url were both given; name one place.")
    looked = look_at_file(input_file) if input_file is not None else _await(look_at_database(resolve_url(database_url)))
    findings = [*check_sample(looked.sample, looked.expected), *check_deep(looked.sample, ceiling=looked.ceiling)]
    if as_json:
        _print_json({"ready": ready(findings), "quality_validation": quality_validation(looked.sample), "findings": to_json(findings)})
    else:
        print("\n".join(tell(findings)))
    if not ready(findings):
        raise typer.Exit(DataShortfall.exit_code)


@app.command(epilog='Examples:  prompt-improver features "Write a haiku about Osaka."   |   cat prompt.txt | prompt-improver features -')
def features(text: Annotated[str, typer.Argument(help="The text, or - for standard input.")], as_json: Json = False) -> None:
    """Measure the six features of a text."""
    from prompt_improver.batch import FEATURES
    from prompt_improver.features.extractor import extract, extractor_id

    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    row = dict(zip(FEATURES, extract([text])[0].tolist(), strict=True))
    row |= {name: int(row[name]) for name in ("length", "complexity")}
    if as_json:
        _print_json({"extractor": extractor_id(), "features": row})
        return
    for name, value in row.items():
        print(f"{name:17} {value:g}")


@app.command(epilog="Example:  prompt-improver status --json")
def status(database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Say what is stored, where it came from, and what to do next."""
    from prompt_improver.installation.initializer import resolve_url
    from prompt_improver.installation.stored import describe_database
    from prompt_improver.settings import settings_file

    told = {"settings": str(settings_file()), **_await(describe_database(resolve_url(database_url)))}
    if as_json:
        _print_json(told)
        return
    told["rows"] = ", ".join(f"{count:,} {source}" for source, count in told["rows"].items()) if told["rows"] else "none"
    if "fell_short" in told:
        told["fell_short"] = ", ".join(told["fell_short"]) or "nothing"
    for name, value in told.items():
        print(f"{name:12} {value}")


@app.command(epilog="Example:  prompt-improver export rows.parquet")
def export(
    output: Annotated[Path, typer.Argument(help="File to write: .parquet, .jsonl or .csv.")],
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Write the stored run to a file: the same bytes as bootstrap --output with its recipe and seed."""
    from prompt_improver.installation.initializer import resolve_url
    from prompt_improver.installation.stored import export_run
    from prompt_improver.storage.files import check_target

    check_target(output)
    rows = _await(export_run(resolve_url(database_url), output))
    if as_json:
        _print_json({"rows": rows, "where": str(output)})
    else:
        print(f"wrote {rows:,} rows to {output}")


@domains_app.command("check", epilog="Example:  prompt-improver domains check ./my-domains")
def check_domains(folder: Annotated[Path, typer.Argument(help="Folder of domain files.")]) -> None:
    """Check a folder of domains: mistakes, clashing texts, capacity and surface shares."""
    from prompt_improver.domains.compile import read_folder
    from prompt_improver.domains.surface import describe

    for domain in read_folder(folder):
        print("\n".join(describe(domain)))
    print("no mistakes, no clashes")


@domains_app.command("list", epilog="Example:  prompt-improver domains list --json")
def list_domains(
    folder: Annotated[Path | None, typer.Argument(help="Folder of domain files; the built-in ones if left out.")] = None,
    as_json: Json = False,
) -> None:
    """List domains with their task families, prompts and capacity."""
    from prompt_improver.domains.grammar import load_grammar

    grammar = load_grammar(folder)
    told = {}
    for number, facts in enumerate(grammar.domains):
        prompts = int((grammar.base_domain == number).sum())
        families = int((grammar["family_domain"] == number).sum())
        told[facts.name] = {"title": facts.title, "families": families, "prompts": prompts, "capacity": grammar.capacity(number)}
    if as_json:
        _print_json({"domains": told})
        return
    for name, row in told.items():
        print(f"{name:15} {row['families']:3} families {row['prompts']:5} prompts, {row['capacity']:,} fillings: {row['title']}")


if __name__ == "__main__":
    main()
