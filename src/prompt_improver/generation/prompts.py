"""Which prompt each row fills, and how: every prompt in turn, every filling once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prompt_improver.generation.streams import Words, below, mix

__all__ = ["Rota", "Slots", "deal_slots", "fill_slots", "make_rota"]

Ints = npt.NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ROUNDS = 2
_LARGEST = 2**31
"""A group of slots has fewer fillings than this: the limit of `below`."""


@dataclass(frozen=True)
class Rota:
    """Which prompt the s-th row of a domain fills.

    Every cycle visits each prompt that is not used up once, in an order of its own; prompts used up drop
    out. `starts[e]` is the first row of epoch e, in which the prompts `bases[e:]` (by capacity) remain, and
    `cycles[e]` the number of cycles before it.
    """

    key: np.uint64
    bases: Ints
    starts: Ints
    cycles: Ints

    def take(self, first: int, count: int) -> tuple[Ints, Ints]:
        """The prompts of the rows from `first` on, and for each row which filling of its prompt it is."""
        bases, numbers = [], []
        while count > 0:
            epoch = int(np.searchsorted(self.starts, first, side="right")) - 1
            alive, begin = len(self.bases) - epoch, int(self.starts[epoch])
            end = min(first + count, int(self.starts[epoch + 1])) if alive > 1 else first + count
            turn, skip = divmod(first - begin, alive)
            cycles = int(self.cycles[epoch]) + np.arange(turn, -((begin - end) // alive))
            order = _orders(self.key, cycles, alive)
            bases.append(self.bases[epoch + order.ravel()[skip : skip + end - first]])
            numbers.append(np.repeat(cycles, alive)[skip : skip + end - first])
            first, count = end, count - (end - first)
        return np.concatenate(bases), np.concatenate(numbers)


def _orders(key: np.uint64, cycles: Ints, size: int) -> Ints:
    """A shuffle of range(size) for every cycle: sorted by keyed words, whose low bits hold the place and so no two are equal."""
    low = np.uint64((1 << size.bit_length()) - 1)
    states = mix(mix(cycles.astype(np.uint64)) ^ key)[:, None] + np.arange(1, size + 1).astype(np.uint64) * _GOLDEN
    words = (mix(states) & ~low) | np.arange(size, dtype=np.uint64)
    words.sort(axis=1)
    return (words & low).astype(np.int64)


def make_rota(bases: Ints, capacity: Ints, key: int) -> Rota:
    """The rota of some prompts, each of which can be filled in `capacity` ways, at most 2**62."""
    order = np.argsort(capacity, kind="stable")
    ends = capacity[order]  # the epoch of the k-th smallest prompt ends after this many cycles
    alive = len(bases) - np.arange(len(bases))
    cycles = np.concatenate([[0], ends[:-1]])
    sizes = (ends - cycles).astype(object) * alive  # Python integers: content may hold more than 2**63 rows
    starts = np.minimum(np.concatenate([[0], np.cumsum(sizes)[:-1]]), 2**62).astype(np.int64)
    return Rota(np.uint64(key), bases[order], starts, cycles)


@dataclass(frozen=True)
class Slots:
    """The identity slots of all prompts, prompt behind prompt, dealt to two groups or more.

    A group's slots together have `sizes[group, prompt]` fillings, which are numbered in mixed radix: the digit of a slot is
    `number // stride % radix`.
    """

    sizes: Words  # groups x prompts
    start: Ints  # prompts + 1
    group: Ints
    stride: Ints
    radix: Ints


def deal_slots(start: Ints, radix: Ints) -> Slots:
    """Deals each prompt's slots to groups of about as many fillings.

    Args:
        start: where the slots of each prompt begin in `radix`, and their number at the end.
        radix: fillers of every slot.
    """
    held = np.diff(start)
    group, stride = np.zeros_like(radix), np.zeros_like(radix)
    sizes = np.ones((2, len(held)), dtype=np.int64)
    for place in range(held.max(initial=0)):
        prompts = np.flatnonzero(held > place)
        slots = start[prompts] + place
        if np.any(sizes[:, prompts].min(axis=0) * radix[slots] >= _LARGEST):
            sizes = np.vstack([sizes, np.ones_like(sizes[:1])])
        group[slots] = np.argmin(sizes[:, prompts], axis=0)
        stride[slots] = sizes[group[slots], prompts]
        sizes[group[slots], prompts] *= radix[slots]
    return Slots(sizes.astype(np.uint64), start, group, stride, radix)


def fill_slots(slots: Slots, salts: Words, base: Ints, number: Ints) -> tuple[Ints, Ints]:
    """Digits of the number-th filling of each prompt: a keyed bijection of its slot combinations.

    The number is written in the mixed radix of the prompt's groups, then each group's part is turned by a keyed function of the others,
    several times over (a Feistel network); each turn is undone by turning back, so no two numbers meet. A prompt with a single slot goes through its
    fillers in their order, from a keyed one on.

    Args:
        slots: of the content.
        salts: a key for every prompt.
        base: n prompts.
        number: n numbers, each below the capacity of its prompt.

    Returns:
        Digits of the identity slots, row behind row, and the n places where rows begin.
    """
    limits = slots.sizes.take(base, axis=1)
    rest, parts = number.astype(np.uint64), []
    for limit in limits:
        rest, part = np.divmod(rest, limit)
        parts.append(part)
    keys = np.arange(_ROUNDS * len(parts)).astype(np.uint64) * _GOLDEN
    for turn in range(len(keys)):
        own = turn % len(parts)
        word = mix(salts + keys[turn]).take(base)
        for other, part in enumerate(parts):
            if other != own:
                word = mix(word ^ part)
        part = parts[own] + below(word, limits[own])
        parts[own] = part - np.where(part >= limits[own], limits[own], np.uint64(0))
    held = slots.start.take(base + 1) - slots.start.take(base)
    start = np.cumsum(held) - held
    slot = np.repeat(slots.start.take(base) - start, held) + np.arange(held.sum())
    row = np.repeat(np.arange(len(base)), held)
    turned = np.concatenate(parts).astype(np.int64).take(slots.group.take(slot) * len(base) + row)
    return turned // slots.stride.take(slot) % slots.radix.take(slot), start
