"""The commands about content: `domains check` and `domains list`."""

from pathlib import Path
from typing import Annotated

import typer

from prompt_improver.cli.shared import Json, print_json, say
from prompt_improver.errors import DataShortfall

__all__ = ["domains_app"]

domains_app = typer.Typer(help="The content that rows are made of.", no_args_is_help=True, rich_markup_mode=None)


@domains_app.command("check", epilog="Example:  prompt-improver domains check ./my-domains")
def check_domains(
    folder: Annotated[Path | None, typer.Argument(help="Folder of domain files; the built-in ones if left out.")] = None,
    proofreading: Annotated[bool, typer.Option("--proofread/--no-proofread", help="Also read proof: spelling, articles, near-duplicates, …")] = True,
) -> None:
    """Check a folder of domains: mistakes, clashing texts, capacity, surface shares; then read proof. Exit 1: there are remarks."""
    from prompt_improver.domains.compile import read_folder
    from prompt_improver.domains.grammar import BUILT_IN
    from prompt_improver.domains.proof import load_vocabulary, proofread
    from prompt_improver.domains.surface import describe

    folder = folder or BUILT_IN
    domains = read_folder(folder)
    for domain in domains:
        print("\n".join(describe(domain)))
    print("no mistakes, no clashes")
    remarks = proofread(domains, load_vocabulary(folder)) if proofreading else []
    for remark in remarks:
        say(remark)
    if remarks:
        say(f"{len(remarks)} remark(s) of the proofreader")
        raise typer.Exit(DataShortfall.exit_code)


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
        print_json({"domains": told})
        return
    for name, row in told.items():
        print(f"{name:15} {row['families']:3} families {row['prompts']:5} prompts, {row['capacity']:,} fillings: {row['title']}")
