"""The plan of blocks: which prompt each row fills, how, and what is done to it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import comb, prod

import numpy as np
import numpy.typing as npt

from prompt_improver.domains.content import RULES, STRENGTHS
from prompt_improver.domains.grammar import Grammar
from prompt_improver.errors import CapacityError, RecipeError
from prompt_improver.generation.prompts import Rota, Slots, deal_slots, fill_slots, make_rota
from prompt_improver.generation.streams import Words, bell, below, draw, key_of, mix, unit
from prompt_improver.guarantees.quotas import BLOCK, block_bounds, exact_shares, largest_remainder

__all__ = ["CLAUSES", "RowPlan", "RunPlan", "plan_blocks", "plan_run"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
CLAUSES = 3
"""Clauses that may follow a rewrite, at most."""

_ORDER, _CARE, _PICK, _UNCHANGED, _SLIP, _CLAUSES, _KEY, _FIT, _NOISE = range(9)
"""Random words of a row, and what each is for."""


@dataclass(frozen=True)
class RunPlan:
    """Everything about a run that does not depend on the block."""

    grammar: Grammar
    seed: int
    samples: int
    domains: tuple[int, ...]  # numbers in the grammar, in the order of the shares
    shares: tuple[Fraction, ...]
    bounds: tuple[int, ...]
    unchanged_share: float
    clause_rate: float
    slip_rate: float

    @property
    def blocks(self) -> int:
        return len(self.bounds) - 1

    @cached_property
    def rotas(self) -> tuple[Rota, ...]:
        """A rota for every domain of the run."""
        bases = [np.flatnonzero(self.grammar.base_domain == domain) for domain in self.domains]
        capacity = self.grammar.wide("base_capacity")
        return tuple(make_rota(found, capacity[found], key_of(self.seed, "rota", place)) for place, found in enumerate(bases))

    @cached_property
    def slots(self) -> Slots:
        return deal_slots(self.grammar.wide("radix_start"), self.grammar.wide("radices"))

    @cached_property
    def rule_keys(self) -> Words:
        return np.array([key_of(self.seed, "rule", rule) for rule in RULES], dtype=np.uint64)

    @cached_property
    def clause_keys(self) -> list[np.uint64]:
        return [np.uint64(key_of(self.seed, "clause", number)) for number in range(2 * CLAUSES)]

    @cached_property
    def salts(self) -> Words:
        """A key for every prompt's filling order."""
        return mix(self.grammar["base_salt"].astype(np.uint64) ^ np.uint64(key_of(self.seed, "filling")))


@dataclass(frozen=True)
class RowPlan:
    """What to write in n rows, and what a learner must not see."""

    start: int  # row_index of the first
    domain: Ints  # place among the run's domains
    base: Ints
    digits: Ints  # fillings, row behind row
    digit_start: Ints  # where each row's begin
    key: Words  # of each row, for slots that are no part of the identity
    original: Ints  # the prompt's text, with its slip if it has one
    slip: Ints  # place among the content's slips, -1 for none
    text: Ints  # the enhanced prompt's own text
    separator: Ints  # the text that stands before a clause
    clause: Ints  # texts of all clauses, in the order of rows
    clause_row: Ints
    strengths: npt.NDArray[np.int8]  # n x rules: 0 not applied, 1 badly, 2 weakly, 3 well
    care: Floats
    fit: Floats
    noise: Floats

    def __len__(self) -> int:
        return len(self.base)


def plan_run(
    grammar: Grammar,
    shares: dict[str, float],
    *,
    samples: int,
    seed: int,
    unchanged_share: float = 0.16,
    clause_rate: float = 0.15,
    slip_rate: float = 0.05,
) -> RunPlan:
    """Checks that the content can say what is asked, before anything is made.

    Raises:
        RecipeError: a share names a domain that the content does not have.
        CapacityError: a domain holds fewer prompts than its share of rows.
    """
    numbers = {facts.name: number for number, facts in enumerate(grammar.domains)}
    for name in shares:
        if name not in numbers:
            raise RecipeError(f"domain '{name}' is unknown; known are {', '.join(numbers)}.")
    exact = exact_shares(shares)
    for name, count in zip(shares, largest_remainder(samples, exact), strict=True):
        capacity = grammar.capacity(numbers[name])
        if count > capacity:
            raise CapacityError(
                f"domain '{name}' holds {capacity:,} different prompts, and {samples:,} samples ask for {count:,} of them. "
                f"Ask for fewer samples, lower its share, or add prompts and fillers to the domain."
            )
    bounds = tuple(block_bounds(samples, exact))
    if len(bounds) > 2 and min(exact) * BLOCK < 1:
        name, share = min(shares.items(), key=lambda item: item[1])
        raise RecipeError(
            f"domain '{name}' has a share of {share:g}; in a run of more than {BLOCK:,} rows the least is {1 / BLOCK:g}: a smaller one has no row in "
            "some blocks, and exact counts could then not be kept block by block. Give it more, or leave it out."
        )
    domains = tuple(numbers[name] for name in shares)
    return RunPlan(grammar, seed, samples, domains, exact, bounds, unchanged_share, clause_rate, slip_rate)


def plan_blocks(run: RunPlan, blocks: range) -> RowPlan:
    """The plan of neighbouring blocks; that of a row depends on content, recipe, seed and its block alone."""
    words = np.hstack([draw(run.seed, "plan", block, (_NOISE + 1, run.bounds[block + 1] - run.bounds[block])) for block in blocks])
    splits = [largest_remainder(run.bounds[block], run.shares) for block in (*blocks, blocks.stop)]
    start, domains = run.bounds[blocks.start], []
    for place, block in enumerate(blocks):
        sorted_ = np.repeat(np.arange(len(run.domains)), np.subtract(splits[place + 1], splits[place]))
        order = words[_ORDER, run.bounds[block] - start : run.bounds[block + 1] - start]
        domains.append(sorted_[np.argsort(order, kind="stable")])
    domain = np.concatenate(domains)
    base, number = np.empty_like(domain), np.empty_like(domain)
    for d, rota in enumerate(run.rotas):
        rows = np.flatnonzero(domain == d)
        if len(rows):
            base[rows], number[rows] = rota.take(splits[0][d], len(rows))
    return _treat(run, start, domain, base, number, words)


def _slips(grammar: Grammar, base: Ints, words: Words, rate: float) -> Ints:
    """The slip of each row, -1 for none; prompts without slips are the longer ones."""
    slip = np.full(len(base), -1)
    rows = np.flatnonzero(unit(words) < rate)
    starts = grammar.wide("slip_start")
    first = starts.take(base[rows])
    size = starts.take(base[rows] + 1) - first
    slip[rows] = np.where(size > 0, first + _below(mix(words[rows]), size), -1)
    return slip


def _treat(run: RunPlan, start: int, domain: Ints, base: Ints, number: Ints, words: Words) -> RowPlan:
    """Chooses the rewrite and the clauses of each row.

    Care is a latent of the row: who takes more of it picks better rewrites and applies rules better. How
    many clauses follow does not depend on it, so that length and quality stay apart.
    """
    grammar = run.grammar
    care = unit(words[_CARE])
    starts = grammar.wide("rewrite_start")
    picked = np.clip(care + 0.6 * (unit(words[_PICK]) - 0.5), 0.0, 0.999999)
    first = starts.take(base)
    rewrite = first + (picked * (starts.take(base + 1) - first)).astype(np.int64)
    unchanged = unit(words[_UNCHANGED]) < run.unchanged_share
    strengths = grammar.rewrite_rules.take(rewrite, axis=0)
    strengths[unchanged] = 0
    slip = _slips(grammar, base, words[_SLIP], run.slip_rate)
    original, slipped = grammar.wide("base_text").take(base), np.flatnonzero(slip >= 0)
    original[slipped] = grammar["slip_text"][slip[slipped]]
    text = np.where(unchanged, original, grammar.wide("rewrite_text").take(rewrite))
    ending = np.where(unchanged, grammar.wide("base_separator").take(base), grammar.wide("rewrite_separator").take(rewrite))
    digits, digit_start = fill_slots(run.slots, run.salts, base, number)
    key = mix(words[_KEY])
    clause, clause_row = _clauses(run, base, care, key, words[_CLAUSES], strengths)
    return RowPlan(
        start=start,
        domain=domain,
        base=base,
        digits=digits,
        digit_start=digit_start,
        key=key,
        original=original,
        slip=slip,
        text=text,
        separator=grammar.wide("separators").take(ending),
        clause=clause,
        clause_row=clause_row,
        strengths=strengths,
        care=care,
        fit=bell(words[_FIT]),
        noise=bell(words[_NOISE]),
    )


def _clauses(run: RunPlan, base: Ints, care: Floats, key: Words, words: Words, strengths: npt.NDArray[np.int8]) -> tuple[Ints, Ints]:
    """The clauses that follow, and their rows in ascending order; the rules that they apply are marked in `strengths`.

    Each of the `CLAUSES` comes with the same chance; which rule a clause applies is drawn from those that the rewrite does not.
    """
    grammar = run.grammar
    rate = run.clause_rate / CLAUSES
    reached = np.cumsum([comb(CLAUSES, k) * prod([rate] * k + [1.0 - rate] * (CLAUSES - k)) for k in range(CLAUSES)])  # chance of k clauses or fewer
    share = unit(words)
    rows = np.flatnonzero(share >= reached[0])
    wanted = np.searchsorted(reached, share[rows], side="right")
    lots = mix(key[rows, None] ^ run.rule_keys) >> np.uint64(1) | np.where(strengths[rows] > 0, np.uint64(2**63), np.uint64(0))
    order = np.argsort(lots, axis=1, kind="stable")
    group = grammar.wide("base_family")[base[rows]] * len(RULES)
    first = grammar.wide("clause_start")
    clauses = np.full((len(rows), CLAUSES), -1)
    for k in range(CLAUSES):
        here = np.flatnonzero(wanted > k)
        rule = order[here, k]
        here, rule = (found[strengths[rows[here], rule] == 0] for found in (here, rule))
        grade = care[rows[here]] + 0.35 * bell(mix(key[rows[here]] ^ run.clause_keys[2 * k]))
        strength = np.where(grade > 0.5, 2, np.where(grade > 0.18, 1, 0))
        place = (group[here] + rule) * len(STRENGTHS) + strength
        chosen = first[place] + _below(mix(key[rows[here]] ^ run.clause_keys[2 * k + 1]), first[place + 1] - first[place])
        clauses[here, k] = grammar.wide("clause_text")[chosen]
        strengths[rows[here], rule] = strength + 1
    there = np.nonzero(clauses >= 0)
    return clauses[there], rows[there[0]]


def _below(words: Words, limit: Ints) -> Ints:
    return below(words, limit.astype(np.uint64)).astype(np.int64)
