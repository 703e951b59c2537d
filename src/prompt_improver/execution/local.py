"""A run on this machine: blocks in order, made by threads."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from prompt_improver.batch import Batch, Origin
from prompt_improver.domains.grammar import load_grammar
from prompt_improver.features.extractor import extractor_id
from prompt_improver.generation.block import make_blocks
from prompt_improver.generation.plan import RunPlan, plan_run
from prompt_improver.recipe.recipe import DEFAULT_SHARES, Recipe

__all__ = ["BLOCKS_AT_ONCE", "Run", "engine_version", "make_batches", "open_run", "stream_batches"]


@dataclass(frozen=True)
class Run:
    """A recipe, planned: its capacity is checked, nothing is made yet."""

    recipe: Recipe
    plan: RunPlan
    origin: Origin
    shares: dict[str, float]

    @property
    def envelopes(self) -> dict[str, dict[str, tuple[float, float]]]:
        """(low, high) of every feature, by domain."""
        return {self.plan.grammar.domains[number].name: self.plan.grammar.domains[number].envelopes for number in self.plan.domains}


def engine_version() -> str:
    """Version of the installed package."""
    try:
        return version("prompt-improver")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0+source"


def open_run(recipe: Recipe) -> Run:
    """Plans a run.

    Raises:
        DomainError: the recipe's folder of domains is wrong.
        RecipeError: a share names an unknown domain.
        CapacityError: the content holds fewer prompts than asked.
    """
    folder = Path(recipe.domains_folder) if recipe.domains_folder else None
    grammar = load_grammar(folder)
    shares = recipe.domain_distribution
    if shares is None and folder is None:
        shares = DEFAULT_SHARES
    if shares is None:
        total = sum(facts.share for facts in grammar.domains)
        shares = {facts.name: facts.share / total for facts in grammar.domains}
    plan = plan_run(
        grammar,
        shares,
        samples=recipe.samples,
        seed=recipe.seed,
        unchanged_share=recipe.unchanged_share,
        clause_rate=recipe.clause_rate,
        slip_rate=recipe.slip_rate,
    )
    fingerprint = recipe.fingerprint(f"{grammar.digest}/{sorted(shares.items())}")
    facts = (fingerprint, recipe.seed, recipe.samples, extractor_id(), engine_version())
    run_id = hashlib.sha256(repr(facts).encode()).hexdigest()[:32]
    return Run(recipe, plan, Origin(run_id, recipe.seed, recipe.samples, fingerprint, facts[3], facts[4]), shares)


BLOCKS_AT_ONCE = 4
"""Blocks that are made at once, at most."""


def make_batches(run: Run, blocks: range, *, together: int = BLOCKS_AT_ONCE) -> Iterator[Batch]:
    """The batches of neighbouring blocks, so many of them made together."""
    for start in range(blocks.start, blocks.stop, together):
        gulp = range(start, min(start + together, blocks.stop))
        yield from make_blocks(run.plan, gulp, run.origin, noise_share=run.recipe.noise, gaps=run.recipe.tier_gaps)


def stream_batches(run: Run, *, workers: int = 1) -> Generator[Batch]:
    """The batches of a run in order, made in `workers` threads while the last one is being used.

    At most (`workers` + 2) times `BLOCKS_AT_ONCE` blocks are in memory at once. The bytes do not depend on `workers`. When the iterator is closed,
    blocks that are being made are waited for, others are not begun, and no thread is left.
    """
    size = min(BLOCKS_AT_ONCE, max(1, run.plan.blocks // (2 * workers)))
    gulps = [range(start, min(start + size, run.plan.blocks)) for start in range(0, run.plan.blocks, size)]
    if len(gulps) == 1:
        yield from make_batches(run, gulps[0])
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="block") as pool:
        pending: deque[Future[list[Batch]]] = deque()
        try:
            for gulp in gulps:
                pending.append(pool.submit(list, make_batches(run, gulp)))
                if len(pending) > workers:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
