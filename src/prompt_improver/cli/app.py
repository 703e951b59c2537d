"""The command line. Exit codes: 0 done, 1 the data fell short, 2 bad input, 3 environment, 5 privacy stop."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prompt_improver.cli.domains import domains_app
from prompt_improver.cli.learning import OPTIMIZE_EXAMPLES, SCORE_EXAMPLES, optimize, score
from prompt_improver.cli.progress import PhaseProgress
from prompt_improver.cli.ratings import IMPORT_EXAMPLES, import_ratings
from prompt_improver.cli.shared import (
    DatabaseUrl,
    Engine,
    Json,
    Output,
    PartBlocks,
    RecipeFile,
    Samples,
    Seed,
    check_truth,
    print_json,
    recipe_of,
    run_async,
    say,
    show_preview,
    tell_outcome,
    wants_folder,
)
from prompt_improver.errors import DataShortfall, InputError, PromptImproverError

if TYPE_CHECKING:
    from prompt_improver.installation.outcome import Outcome

__all__ = ["app", "main"]

app = typer.Typer(
    name="prompt-improver",
    help="Training rows for a prompt optimiser that nobody has used yet: true to their texts, the same for the same seed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Start with: prompt-improver install",
)
app.add_typer(domains_app, name="domains")


_INTERRUPTED = 130


def main() -> None:
    """Runs the command line; our errors become one message and an exit code."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as fast, and keeps less of what it is given back; read when Arrow is imported
    as_json = "--json" in sys.argv
    try:
        app()
    except PromptImproverError as error:
        if as_json:
            print_json({"error": {"kind": type(error).__name__, "message": str(error), "exit_code": error.exit_code}})
        say(f"error: {error}")
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            say("stopped; nothing was half-written. Run the same command again.")
        raise
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        sys.stderr.close()
        sys.exit(0)


@app.command(epilog="Examples:  prompt-improver install   |   prompt-improver install --database-url postgresql://me@localhost/prompts")
def install(
    database_url: DatabaseUrl = None,
    samples: Samples = None,
    bootstrap: Annotated[bool, typer.Option("--bootstrap/--no-bootstrap", help="Make training rows on a cold start.")] = True,
    as_json: Json = False,
) -> None:
    """Set everything up: settings file, schema, training rows, readiness check. Safe to run again."""
    from prompt_improver.installation import initializer

    recipe = recipe_of(None, samples, None)
    with PhaseProgress(shown=not as_json) as progress:
        done = run_async(initializer.install(url=database_url, recipe=recipe, bootstrap=bootstrap, progress=progress))
    if as_json:
        told = {"settings": str(done.settings), "schema": done.schema, "database": done.where, "changed": done.changed}
        print_json({**told, "bootstrap": done.bootstrap.to_json() if done.bootstrap else None, "failure": str(done.failure or "") or None})
    else:
        print(f"settings   {done.settings}" + ("" if done.settings_written else " (kept)"))
        print(f"database   {done.where}, schema {done.schema}")
        if done.bootstrap is not None:
            tell_outcome(done.bootstrap)
        if not done.changed:
            print("nothing to do: everything was in place already")
    if done.failure is not None:
        say(f"error: the installation works, but no rows were made: {done.failure}")
        say("go on with: prompt-improver bootstrap")
        raise typer.Exit(done.failure.exit_code)
    if done.bootstrap is not None and not done.bootstrap.ready:
        raise typer.Exit(DataShortfall.exit_code)


@app.command(
    epilog="Examples:  prompt-improver bootstrap --samples 1000   |   prompt-improver bootstrap --output rows.parquet   |   "
    "prompt-improver bootstrap --samples 1000000 --output rows/ --workers 2   |   prompt-improver bootstrap --preview 3"
)
def bootstrap(
    samples: Samples = None,
    seed: Seed = None,
    database_url: DatabaseUrl = None,
    output: Output = None,
    recipe: RecipeFile = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put the new rows in place of an earlier run's; in a database, in one transaction.")
    ] = False,
    preview: Annotated[int, typer.Option(min=0, help="Show the first K rows and store nothing.")] = 0,
    truth: Annotated[
        str | None,
        typer.Option(help="Also write what a learner must not see: .parquet, .jsonl or .csv; of a folder of parts, name that folder again."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Threads, or workers of the cluster; the rows do not depend on them.")] = 1,
    engine: Engine = "local",
    part_blocks: PartBlocks = None,
    verify: Annotated[bool, typer.Option("--verify", help="Compare the checksums of parts that are kept, not their sizes only.")] = False,
    as_json: Json = False,
) -> None:
    """Make training rows. Where a complete run is in the database already, nothing is done."""
    from prompt_improver.installation.bootstrap import bootstrap_database, bootstrap_file
    from prompt_improver.installation.parts import PART_BLOCKS, bootstrap_folder

    plan = recipe_of(recipe, samples, seed)
    if preview:
        show_preview(plan, preview, as_json)
        return
    if output is not None and database_url is not None:
        raise InputError("--output and --database-url were both given; rows go to one of them.")
    folder = wants_folder(output, only_there={"--engine ray": engine != "local", "--part-blocks": part_blocks is not None, "--verify": verify})
    check_truth(truth, output, folder=folder)
    with PhaseProgress(shown=not as_json) as progress:
        outcome: Outcome
        apart = Path(truth) if truth is not None else None
        if output is not None and folder:
            how = partial(bootstrap_folder, engine=engine, workers=workers, part_blocks=part_blocks or PART_BLOCKS, truth=truth is not None)
            outcome = how(plan, output, replace=replace, verify=verify, progress=progress)
        elif output is not None:
            outcome = bootstrap_file(plan, Path(output), workers=workers, truth=apart, progress=progress)
        else:
            from prompt_improver.installation.initializer import resolve_url

            work = bootstrap_database(plan, resolve_url(database_url), replace=replace, workers=workers, truth=apart, progress=progress)
            outcome = run_async(work)
    if as_json:
        print_json(outcome.to_json())
    else:
        tell_outcome(outcome)
    if not outcome.ready:
        raise typer.Exit(DataShortfall.exit_code)


@app.command(epilog="Examples:  prompt-improver validate   |   prompt-improver validate --input rows.parquet --json")
def validate(
    database_url: DatabaseUrl = None,
    input_file: Annotated[str | None, typer.Option("--input", help="Rows in a file (.parquet, .jsonl, .csv) or a folder of parts.")] = None,
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
    with PhaseProgress(shown=not as_json) as progress:
        if input_file is not None:
            looked = look_at_file(input_file, progress=progress)
        else:
            looked = run_async(look_at_database(resolve_url(database_url), progress=progress))
        progress.work_on(f"looking for near-copies and learning from {looked.sample.kept:,} rows")
        findings = [*check_sample(looked.sample, looked.expected), *check_deep(looked.sample, ceiling=looked.ceiling)]
    if as_json:
        print_json({"ready": ready(findings), "quality_validation": quality_validation(looked.sample), "findings": to_json(findings)})
    else:
        print("\n".join(tell(findings)))
    if not ready(findings):
        raise typer.Exit(DataShortfall.exit_code)


app.command("import", epilog=IMPORT_EXAMPLES)(import_ratings)
app.command("optimize", epilog=OPTIMIZE_EXAMPLES)(optimize)
app.command("score", epilog=SCORE_EXAMPLES)(score)


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
        print_json({"extractor": extractor_id(), "features": row})
        return
    for name, value in row.items():
        print(f"{name:17} {value:g}")


@app.command(epilog="Example:  prompt-improver status --json")
def status(database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Say what is stored, where it came from, and what to do next."""
    from prompt_improver.installation.initializer import resolve_url
    from prompt_improver.installation.stored import describe_database, describe_model
    from prompt_improver.settings import data_folder, settings_file

    told = {"settings": str(settings_file()), **run_async(describe_database(resolve_url(database_url)))}
    told |= describe_model(data_folder() / "models", rows=sum(told["rows"].values()) if told["rows"] else 0)
    told["next"] = told.pop("next")  # last, where one looks for it
    if as_json:
        print_json(told)
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
    rows = run_async(export_run(resolve_url(database_url), output))
    if as_json:
        print_json({"rows": rows, "where": str(output)})
    else:
        print(f"wrote {rows:,} rows to {output}")
