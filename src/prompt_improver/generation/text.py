"""Plans to texts, and texts to counts, without touching a row by itself.

A text is a list of numbered pieces. All pieces of all rows are gathered by one Arrow `take`; since they lie behind
one another in memory, the rows' texts are the same bytes with wider offsets, and nothing is joined. Counts add up
over pieces and seams (see `features/counts.py`).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prompt_improver.domains.grammar import Grammar
from prompt_improver.generation.lanes import SAFE_CHARS, pack_counts, unpack_counts
from prompt_improver.generation.plan import BlockPlan
from prompt_improver.generation.streams import Words, below, mix

__all__ = ["count_pieces", "enhanced_pieces", "join_pieces", "original_pieces"]

Ints = npt.NDArray[np.int64]
Pieces = tuple[Ints, Ints]
"""All pieces of all rows, row behind row, and the n + 1 places where rows begin and end."""


def original_pieces(grammar: Grammar, plan: BlockPlan) -> Pieces:
    """The pieces of the prompts as typed."""
    return _pieces_of(grammar, plan, plan.original, np.arange(len(plan)))


def enhanced_pieces(grammar: Grammar, plan: BlockPlan) -> Pieces:
    """The pieces of the enhanced prompts: a rewrite, then up to three clauses, each behind a separator.

    A separator is written as the negative of its piece, a text as its number.
    """
    n, clauses = plan.clause.shape
    wide = np.full((n, 1 + 2 * clauses), np.iinfo(np.int64).min, dtype=np.int64)
    wide[:, 0] = plan.text
    for k in range(clauses):
        has = plan.clause[:, k] >= 0
        wide[has, 1 + 2 * k] = -1 - plan.separator[has]
        wide[has, 2 + 2 * k] = plan.clause[has, k]
    present = wide != np.iinfo(np.int64).min
    return _pieces_of(grammar, plan, wide[present], np.repeat(np.arange(n), present.sum(axis=1)))


def _pieces_of(grammar: Grammar, plan: BlockPlan, texts: Ints, row: Ints) -> Pieces:
    start = grammar.wide("text_start")
    size = np.where(texts >= 0, start[texts + 1] - start[texts], 1)
    ends = np.cumsum(size)
    begin = np.where(texts >= 0, start[texts], -1)
    within = np.arange(ends[-1]) - np.repeat(ends - size, size)
    part = grammar.wide("text_parts")[np.maximum(np.repeat(begin, size) + within, 0)]
    alone = np.repeat(texts < 0, size)
    part[alone] = -1 - np.repeat(texts, size)[alone]
    rows = np.repeat(row, size)
    slots = np.flatnonzero((part < 0) & ~alone)
    part[slots] = _fill(grammar, plan, -1 - part[slots], rows[slots])
    return part, np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(plan)))])


def _fill(grammar: Grammar, plan: BlockPlan, ref: Ints, row: Ints) -> Ints:
    """The pieces that fill slots: by the row's filling where the slot is part of its prompt, else by its key."""
    slot = grammar.wide("ref_slot")[ref]
    size = grammar.wide("ref_size")[ref]
    place = grammar.base_digit[plan.base[row], slot].astype(np.int64)
    key: Words = plan.key[row] ^ (slot.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    digit = np.where(place >= 0, plan.digits[row, place], below(mix(key), size))
    return grammar.wide("fillers")[grammar.wide("ref_start")[ref] + digit]


def join_pieces(grammar: Grammar, pieces: Pieces) -> pa.StringArray:
    """The rows' texts."""
    flat, bounds = pieces
    taken = grammar.pieces.take(pa.array(flat, type=pa.int64()))
    _, offsets, data = taken.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32, count=len(flat) + 1)[bounds]
    return pa.StringArray.from_buffers(len(bounds) - 1, pa.py_buffer(ends.tobytes()), data)


def count_pieces(grammar: Grammar, pieces: Pieces) -> Ints:
    """Counts of the rows' texts, as `features.counts.count_text` gives them: n x len(COUNTS)."""
    flat, bounds = pieces
    row, code = _seams(grammar, flat, bounds)
    alone, together = _packed(grammar)
    words = np.add.reduceat(alone[flat], bounds[:-1], axis=0)
    first = np.flatnonzero(np.diff(row, prepend=-1))
    if len(row):
        words[row[first]] += np.add.reduceat(together[code], first, axis=0)
    counts = unpack_counts(words)
    if counts[:, 0].max(initial=0) < SAFE_CHARS:
        return counts
    wide = np.add.reduceat(grammar.counts[flat], bounds[:-1], axis=0, dtype=np.int64)
    np.add.at(wide, row, grammar.pair_adds[code])
    return wide


def _seams(grammar: Grammar, flat: Ints, bounds: Ints) -> tuple[Ints, Ints]:
    """Rows, ascending, and codes of the neighbouring pieces whose edges count for something together."""
    row = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    spoken = grammar["piece_first"][flat] >= 0
    flat, row = flat[spoken], row[spoken]
    before = np.concatenate([[0], grammar.wide("piece_last")[flat[:-1]]])
    before[np.flatnonzero(np.diff(row, prepend=-1))] = int(grammar["start_tag"][0])
    code = grammar.pair_code[before, grammar.wide("piece_first")[flat]]
    seams = np.flatnonzero(code)
    return row[seams], code[seams].astype(np.int64)


@lru_cache(maxsize=4)
def _packed(grammar: Grammar) -> tuple[Words, Words]:
    """Counts of every piece, and of every code of a seam, in lanes."""
    return pack_counts(grammar.counts), pack_counts(grammar.pair_adds)
