"""Sums in lanes are the sums of the counts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from prompt_improver import generate
from prompt_improver.features.counts import COUNTS
from prompt_improver.generation.lanes import SAFE_CHARS, pack_counts, unpack_counts


@given(arrays.arrays(np.int64, st.tuples(st.integers(1, 40), st.just(len(COUNTS))), elements=st.integers(0, 2 * SAFE_CHARS // 40 - 1)))
def test_a_sum_of_words_is_the_sum_of_counts(counts):
    assert np.array_equal(unpack_counts(pack_counts(counts)), counts)
    assert np.array_equal(unpack_counts(pack_counts(counts).sum(axis=0, keepdims=True)), counts.sum(axis=0, keepdims=True))


@given(st.integers(0, 2**32 - 1))
def test_characters_are_told_however_many_and_however_the_others_overflow(chars):
    counts = np.full((1, len(COUNTS)), 70_000)
    counts[0, 0] = chars
    assert unpack_counts(pack_counts(counts))[0, 0] == chars


def test_texts_too_long_for_lanes_are_counted_all_the_same(monkeypatch):
    expected = generate(500, seed=3).rows
    monkeypatch.setattr("prompt_improver.generation.text.SAFE_CHARS", 0)
    assert generate(500, seed=3).rows.equals(expected)
