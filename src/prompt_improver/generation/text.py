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
from prompt_improver.generation.lanes import SAFE_PIECES, pack_counts, unpack_counts
from prompt_improver.generation.plan import RowPlan
from prompt_improver.generation.streams import Words, below, mix

__all__ = ["count_pieces", "enhanced_pieces", "join_pieces", "original_pieces"]

Ints = npt.NDArray[np.int64]
Pieces = tuple[Ints, Ints]
"""All pieces of all rows, row behind row, and the n + 1 places where rows begin and end."""


def original_pieces(grammar: Grammar, plan: RowPlan) -> Pieces:
    """The pieces of the prompts as typed."""
    return _pieces_of(grammar, plan, plan.original, np.arange(len(plan)))


def enhanced_pieces(grammar: Grammar, plan: RowPlan) -> Pieces:
    """The pieces of the enhanced prompts: a rewrite, then its clauses, each behind a separator."""
    clauses = np.bincount(plan.clause_row, minlength=len(plan))
    row = np.repeat(np.arange(len(plan)), 1 + 2 * clauses)
    texts = np.empty_like(row)
    ends = np.cumsum(clauses)
    texts[np.arange(len(plan)) + 2 * (ends - clauses)] = plan.text
    place = plan.clause_row + 2 * np.arange(len(plan.clause)) + 1
    texts[place] = plan.separator[plan.clause_row]
    texts[place + 1] = plan.clause
    return _pieces_of(grammar, plan, texts, row)


def _pieces_of(grammar: Grammar, plan: RowPlan, texts: Ints, row: Ints) -> Pieces:
    """The pieces of texts, which stand in the order of their rows."""
    start = grammar.wide("text_start")
    begin = start.take(texts)
    size = start.take(texts + 1) - begin
    ends = np.cumsum(size)
    pieces = grammar.wide("text_parts").take(np.repeat(begin - (ends - size), size) + np.arange(ends[-1]))
    slots = np.flatnonzero(pieces < 0)
    pieces[slots] = _fill(grammar, plan, -1 - pieces[slots], np.repeat(row, size)[slots])
    last = np.searchsorted(row, np.arange(len(plan)), side="right") - 1
    return pieces, np.concatenate([[0], ends[last]])


def _fill(grammar: Grammar, plan: RowPlan, ref: Ints, row: Ints) -> Ints:
    """The pieces that fill slots: by the row's filling where the slot is part of its prompt, else by its key."""
    slot = grammar.wide("ref_slot").take(ref)
    place = grammar.wide("base_digit").take(plan.base.take(row) * grammar.slot_width + slot)
    free = np.flatnonzero(place < 0)
    digit = plan.digits.take(plan.digit_start.take(row) + place, mode="clip")
    word = mix(plan.key[row[free]] ^ (slot[free].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)))
    digit[free] = below(word, grammar.wide("ref_size")[ref[free]].astype(np.uint64))
    return grammar.wide("fillers").take(grammar.wide("ref_start").take(ref) + digit)


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
    code = _seams(grammar, flat, bounds)
    lanes = _packed(grammar)
    if lanes is not None and np.diff(bounds).max() <= SAFE_PIECES:
        words = [np.add.reduceat(alone.take(flat) + together.take(code), bounds[:-1]) for alone, together in zip(*lanes, strict=True)]
        counts = unpack_counts(words)
        if counts is not None:
            return counts
    wide: Ints = np.add.reduceat(grammar.counts[flat] + grammar.pair_adds[code], bounds[:-1], axis=0, dtype=np.int64)
    return wide


def _seams(grammar: Grammar, flat: Ints, bounds: Ints) -> Ints:
    """What each piece's first token counts for with the token before it: a code, 0 for nothing.

    Pieces without a token, such as a blank, are looked through.
    """
    first, last, code = _edges(grammar)
    right = first.take(flat)
    seen = right >= 0
    seen[bounds[:-1]] = True
    before = last.take(flat.take(np.maximum.accumulate(np.where(seen, np.arange(len(flat)), 0))[:-1]))
    left = np.concatenate([[0], before])
    left[bounds[:-1]] = int(grammar["start_tag"][0])
    codes: Ints = code.take(left * grammar.pair_code.shape[1] + right, mode="clip")
    return np.where(right >= 0, codes, 0)


@lru_cache(maxsize=4)
def _edges(grammar: Grammar) -> tuple[Ints, Ints, Ints]:
    """First and last tag of every piece, and the codes of two tags; a piece without a token ends as a text begins."""
    last = grammar.wide("piece_last")
    return grammar.wide("piece_first"), np.where(last < 0, int(grammar["start_tag"][0]), last), grammar.wide("pair_code")


@lru_cache(maxsize=4)
def _packed(grammar: Grammar) -> tuple[list[Words], list[Words]] | None:
    """Counts of every piece, and of every code of a seam, in lanes; None if a piece is too long for them."""
    alone, together = pack_counts(grammar.counts), pack_counts(grammar.pair_adds)
    return (alone, together) if alone is not None and together is not None else None
