"""The command about a user's own rated prompts: `import`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prompt_improver.cli.shared import DatabaseUrl, Json, print_json, run_async, say

if TYPE_CHECKING:
    from prompt_improver.installation.ratings import Imported

__all__ = ["IMPORT_EXAMPLES", "import_ratings"]

IMPORT_EXAMPLES = (
    "Examples:  prompt-improver import ratings.jsonl   |   prompt-improver import ratings.csv --scale 1 5 --prompt-column text "
    "--score-column stars   |   prompt-improver import ratings.csv --dry-run"
)


def import_ratings(
    file: Annotated[Path, typer.Argument(help="Your rated prompts: .jsonl (an object a line) or .csv (with a header), UTF-8.")],
    prompt_column: Annotated[str, typer.Option(metavar="NAME", help="Column of the prompt that was rated.")] = "prompt",
    score_column: Annotated[str, typer.Option(metavar="NAME", help="Column of its score.")] = "score",
    scale: Annotated[tuple[float, float], typer.Option(metavar="LOW HIGH", help="The scores' range; mapped to 0 .. 1.")] = (0.0, 1.0),
    original_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column of the prompt before it was improved.")] = None,
    domain_column: Annotated[str | None, typer.Option(metavar="NAME", help="Column of the domain; 'unknown' without one.")] = None,
    group_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of what belongs together; without one, rewrites of one prompt do.")
    ] = None,
    database_url: DatabaseUrl = None,
    skip_invalid: Annotated[bool, typer.Option("--skip-invalid", help="Import the good lines and list the others.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and store nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Store your own rated prompts as real rows. Importing them again changes nothing; a new score takes the old one's place."""
    from prompt_improver.installation.initializer import resolve_url
    from prompt_improver.installation.ratings import import_file
    from prompt_improver.storage.lines import tell_broken
    from prompt_improver.storage.ratings import RatingColumns

    columns = RatingColumns(prompt_column, score_column, original_column, domain_column, group_column, *scale)
    done = run_async(import_file(file, resolve_url(database_url), columns, skip_invalid=skip_invalid, dry_run=dry_run))
    if done.skipped:
        say("\n".join([f"left out {len(done.skipped):,} of {done.lines:,} lines:", *tell_broken(done.skipped)]))
    if as_json:
        print_json({"file": str(file), "dry_run": dry_run, **asdict(done)})
    else:
        _tell(file, done, dry_run)


def _tell(file: Path, done: "Imported", dry_run: bool) -> None:
    print(f"read       {done.lines:,} lines of {file}" + (f", {len(done.skipped):,} left out" if done.skipped else ""))
    if done.repeated:
        print(f"repeated   {done.repeated:,} prompt{' was' if done.repeated == 1 else 's were'} rated more than once; the mean is kept")
    print(f"rows       {done.added:,} added, {done.updated:,} updated, {done.unchanged:,} unchanged in {done.where}")
    print("tiers      " + ", ".join(f"{name} {count:,}" for name, count in done.tiers.items()))
    if dry_run:
        print("nothing was stored: this was a dry run")
    else:
        print("next       prompt-improver optimize")
