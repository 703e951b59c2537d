"""The plan of a block: which prompt each row fills, how, and what is done to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from prompt_improver.domains.content import RULES, STRENGTHS
from prompt_improver.domains.grammar import Grammar
from prompt_improver.errors import CapacityError, RecipeError
from prompt_improver.generation.streams import Words, bell, below, draw, key_of, mix, unit
from prompt_improver.guarantees.quotas import block_bounds, exact_shares, largest_remainder

__all__ = ["CLAUSES", "BlockPlan", "RunPlan", "plan_block", "plan_run"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
CLAUSES = 3
"""Clauses that may follow a rewrite, at most."""

_ROUNDS = 3
_WORDS = 8 + 3 * CLAUSES + len(RULES)


@dataclass(frozen=True)
class _Rota:
    """Which prompt the s-th row of a domain fills.

    Every cycle visits each prompt that is not used up once, in an order of its own; prompts used up drop
    out. `starts[e]` is the first row of epoch e, in which the prompts `alive[e:]` (by capacity) remain, and
    `cycles[e]` the number of cycles before it.
    """

    bases: Ints
    starts: Ints
    cycles: Ints


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
    def rotas(self) -> tuple[_Rota, ...]:
        return tuple(_rota(self.grammar, domain) for domain in self.domains)

    @cached_property
    def rota_keys(self) -> list[np.uint64]:
        """A key for every domain's order of prompts."""
        return [np.uint64(key_of(self.seed, "rota", d)) for d in range(len(self.domains))]

    @cached_property
    def salts(self) -> Words:
        """A key for every prompt's filling order."""
        return mix(self.grammar["base_salt"].astype(np.uint64) ^ np.uint64(key_of(self.seed, "filling")))


@dataclass(frozen=True)
class BlockPlan:
    """One row each, n rows: what to write and what a learner must not see."""

    block: int
    start: int
    domain: Ints  # place among the run's domains
    base: Ints
    digits: Ints  # n x most identity slots: the filling
    key: Words  # of each row, for slots that are no part of the identity
    original: Ints  # the prompt's text, with its slip if it has one
    slip: Ints  # place among the content's slips, -1 for none
    text: Ints  # the enhanced prompt's own text
    separator: Ints  # piece that stands before a clause
    clause: Ints  # n x CLAUSES: texts, -1 for none
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
    domains = tuple(numbers[name] for name in shares)
    return RunPlan(grammar, seed, samples, domains, exact, bounds, unchanged_share, clause_rate, slip_rate)


def _rota(grammar: Grammar, domain: int) -> _Rota:
    bases = np.flatnonzero(grammar.base_domain == domain)
    capacity = grammar.wide("base_capacity")[bases]
    order = np.argsort(capacity, kind="stable")
    ends = capacity[order]  # the epoch of the k-th smallest prompt ends after this many cycles
    alive = len(bases) - np.arange(len(bases))
    cycles = np.concatenate([[0], ends[:-1]])
    sizes = (ends - cycles).astype(object) * alive  # Python integers: content may hold more than 2**63 rows
    starts = np.minimum(np.concatenate([[0], np.cumsum(sizes)[:-1]]), 2**62).astype(np.int64)
    return _Rota(bases[order], starts, cycles)


def _prompts_of(run: RunPlan, domain: Ints, before: Sequence[int]) -> tuple[Ints, Ints]:
    """Prompt and number of the filling of every row of a block; `before` rows of each domain stand in earlier blocks."""
    n = len(domain)
    place, alive, cycle, first = (np.empty(n, dtype=np.int64) for _ in range(4))
    keys, bases = np.empty(n, dtype=np.uint64), []
    ahead = 0
    for d, rota in enumerate(run.rotas):
        rows = np.flatnonzero(domain == d)
        sequence = before[d] + np.arange(len(rows))
        epoch = np.searchsorted(rota.starts, sequence, side="right") - 1
        alive[rows] = len(rota.bases) - epoch
        turn, place[rows] = np.divmod(sequence - rota.starts[epoch], alive[rows])
        cycle[rows], first[rows], keys[rows] = turn + rota.cycles[epoch], ahead + epoch, run.rota_keys[d]
        bases.append(rota.bases)
        ahead += len(rota.bases)
    return np.concatenate(bases)[first + _shuffle(place, alive, cycle, keys)], cycle


def _shuffle(place: Ints, size: Ints, cycle: Ints, keys: Words) -> Ints:
    """A permutation of range(size) for every key and cycle: rounds of swap-or-not (Hoang et al. 2012)."""
    salt = mix(cycle.astype(np.uint64) ^ keys)
    for turn in range(24):
        salt = mix(salt + np.uint64(turn + 1))
        partner = below(salt, size) - place
        partner += np.where(partner < 0, size, 0)
        high = np.maximum(place, partner).astype(np.uint64)
        swap = (mix(salt ^ (high * np.uint64(0x9E3779B97F4A7C15))) & np.uint64(1)).astype(bool)
        place = np.where(swap, partner, place)
    return place


def _fillings(run: RunPlan, base: Ints, number: Ints) -> Ints:
    """Digits of the number-th filling of each prompt: a keyed bijection of its slot combinations.

    The number is written in the mixed radix of the prompt's slots, then each digit is turned by a keyed
    function of all the others, several times over; each turn is undone by turning back, so no two numbers
    meet.
    """
    starts, radices = run.grammar.wide("radix_start"), run.grammar.wide("radices")
    width = int(np.max(starts[1:] - starts[:-1]))
    held = starts[base + 1] - starts[base]
    place = np.arange(width)
    radix = np.where(place < held[:, None], radices[np.minimum(starts[base][:, None] + place, len(radices) - 1)], 1)
    digits = np.zeros((len(base), width), dtype=np.int64)
    for column in range(width):
        number, digits[:, column] = np.divmod(number, radix[:, column])
    salt = run.salts[base]
    there = [np.flatnonzero(held > column) for column in range(width)]  # a row without that slot has nothing to turn
    for turn in range(_ROUNDS):
        for column, rows in enumerate(there):
            own, others = digits[rows], salt[rows] + np.uint64(turn * width + column)
            for other in range(width):
                if other != column:
                    others = mix(others ^ own[:, other].astype(np.uint64))
            limit = radix[rows, column]
            digits[rows, column] = (own[:, column] + below(mix(others), limit)) % limit
    return digits


def plan_block(run: RunPlan, block: int) -> BlockPlan:
    """The plan of one block; it depends on content, recipe, seed and block alone."""
    start, end = run.bounds[block], run.bounds[block + 1]
    before, after = largest_remainder(start, run.shares), largest_remainder(end, run.shares)
    n = end - start
    words = draw(run.seed, "plan", block, (n, _WORDS))
    domain = np.repeat(np.arange(len(run.domains)), np.subtract(after, before))[np.argsort(words[:, 0], kind="stable")]
    base, number = _prompts_of(run, domain, before)
    return _treat(run, block, domain, base, _fillings(run, base, number), words)


def _slips(grammar: Grammar, base: Ints, words: Words, rate: float) -> Ints:
    """The slip of each row, -1 for none; prompts without slips are the longer ones."""
    starts = grammar.wide("slip_start")
    size = starts[base + 1] - starts[base]
    return np.where((unit(words) < rate) & (size > 0), starts[base] + below(mix(words), size), -1)


def _treat(run: RunPlan, block: int, domain: Ints, base: Ints, digits: Ints, words: Words) -> BlockPlan:
    """Chooses the rewrite and the clauses of each row.

    Care is a latent of the row: who takes more of it picks better rewrites and applies rules better. How
    many clauses follow does not depend on it, so that length and quality stay apart.
    """
    grammar, n = run.grammar, len(base)
    care = unit(words[:, 1])
    starts = grammar.wide("rewrite_start")
    picked = np.clip(care + 0.6 * (unit(words[:, 2]) - 0.5), 0.0, 0.999999)
    rewrite = starts[base] + (picked * (starts[base + 1] - starts[base])).astype(np.int64)
    unchanged = unit(words[:, 3]) < run.unchanged_share
    strengths = np.where(unchanged[:, None], 0, grammar.rewrite_rules[rewrite]).astype(np.int8)
    slip = _slips(grammar, base, words[:, 16], run.slip_rate)
    original = np.where(slip >= 0, np.append(grammar["slip_text"], 0)[slip], grammar["base_text"][base]).astype(np.int64)
    text = np.where(unchanged, original, grammar["rewrite_text"][rewrite]).astype(np.int64)
    ending = np.where(unchanged, grammar["base_separator"][base], grammar["rewrite_separator"][rewrite]).astype(np.int64)
    wanted = np.zeros(n, dtype=np.int64)
    for k in range(CLAUSES):
        wanted += unit(words[:, 5 + k]) < run.clause_rate / CLAUSES
    order = np.argsort(words[:, -len(RULES) :] | np.where(strengths > 0, np.uint64(2**63), np.uint64(0)), axis=1, kind="stable")
    clause = np.full((n, CLAUSES), -1, dtype=np.int64)
    family = grammar.wide("base_family")[base]
    rows = np.arange(n)
    for k in range(CLAUSES):
        rule = order[:, k]
        grade = care + 0.35 * bell(words[:, 8 + 2 * k])
        strength = np.where(grade > 0.5, 2, np.where(grade > 0.18, 1, 0))
        group = (family * len(RULES) + rule) * len(STRENGTHS) + strength
        first = grammar.wide("clause_start")
        chosen = first[group] + below(words[:, 9 + 2 * k], first[group + 1] - first[group])
        used = (k < wanted) & (strengths[rows, rule] == 0)
        clause[used, k] = grammar["clause_text"][chosen[used]]
        strengths[rows[used], rule[used]] = strength[used] + 1
    return BlockPlan(
        block=block,
        start=run.bounds[block],
        domain=domain,
        base=base,
        digits=digits,
        key=mix(words[:, 4]),
        original=original,
        slip=slip,
        text=text,
        separator=grammar.wide("separators")[ending],
        clause=clause,
        strengths=strengths,
        care=care,
        fit=bell(words[:, 14]),
        noise=bell(words[:, 15]),
    )
