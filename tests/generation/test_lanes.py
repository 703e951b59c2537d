"""Sums in lanes are the sums of the counts, or are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from prompt_improver import generate
from prompt_improver.features.counts import COUNTS
from prompt_improver.generation import text
from prompt_improver.generation.lanes import SAFE_PIECES, pack_counts, unpack_counts


def texts(largest):
    """Counts of up to 40 texts; a text has at least as many characters as it has of anything else."""
    shape = st.tuples(st.integers(1, 40), st.just(len(COUNTS)))
    return arrays.arrays(np.int64, shape, elements=st.integers(0, largest)).map(lambda counts: np.column_stack([counts.max(axis=1), counts[:, 1:]]))


@given(texts(255))
def test_counts_come_back(counts):
    assert np.array_equal(unpack_counts(pack_counts(counts)), counts)


@given(texts(600))
def test_a_sum_of_words_is_the_sum_of_counts_or_is_refused(counts):
    total = counts.sum(axis=0, keepdims=True)
    found = unpack_counts([word.sum(keepdims=True) for word in pack_counts(counts)])
    if found is None:
        assert counts[:, 2:].max(axis=1).sum() > 255
    else:
        assert np.array_equal(found, total)


def test_the_longest_rows_overflow_nothing():
    counts = np.zeros((1, len(COUNTS)), dtype=np.int64)
    counts[0, :2] = 4095
    many = [word * np.uint64(SAFE_PIECES) for word in pack_counts(counts)]
    assert unpack_counts(many)[0, :3].tolist() == [4095 * SAFE_PIECES, 4095 * SAFE_PIECES, 0]
    counts[0, 2:] = 100_000
    assert unpack_counts([word * np.uint64(SAFE_PIECES) for word in pack_counts(counts)]) is None
    counts[0, 0] = 4096
    assert pack_counts(counts) is None


@pytest.mark.parametrize("unfit", [("SAFE_PIECES", 0), ("_packed", lambda _: None), ("unpack_counts", lambda _: None)])
def test_rows_unfit_for_lanes_are_counted_all_the_same(monkeypatch, unfit):
    expected = generate(500, seed=3).rows
    monkeypatch.setattr(text, *unfit)
    assert generate(500, seed=3).rows.equals(expected)
