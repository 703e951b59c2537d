"""Every prompt in turn, every filling once, wherever one begins to read."""

from math import prod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prompt_improver.generation.prompts import deal_slots, fill_slots, make_rota

CAPACITIES = st.lists(st.integers(1, 30), min_size=1, max_size=12)
KEYS = st.integers(0, 2**64 - 1)


def whole(capacities, key):
    rota = make_rota(np.arange(100, 100 + len(capacities)), np.array(capacities), key)
    return rota, np.column_stack(rota.take(0, sum(capacities)))


@given(CAPACITIES, KEYS)
def test_every_filling_of_every_prompt_comes_once(capacities, key):
    _, rows = whole(capacities, key)
    assert sorted(map(tuple, rows.tolist())) == [(100 + place, k) for place, size in enumerate(capacities) for k in range(size)]


@given(CAPACITIES, KEYS)
def test_no_prompt_comes_again_before_the_others_have(capacities, key):
    _, rows = whole(capacities, key)
    assert np.all(np.diff(rows[:, 1]) >= 0)  # the n-th filling of one is never before the (n-1)-th of another


@given(CAPACITIES, KEYS, st.data())
def test_a_part_is_that_part_of_the_whole(capacities, key, data):
    rota, rows = whole(capacities, key)
    first = data.draw(st.integers(0, len(rows) - 1))
    count = data.draw(st.integers(1, len(rows) - first))
    assert np.array_equal(np.column_stack(rota.take(first, count)), rows[first : first + count])


def test_the_order_is_another_in_every_cycle_and_for_every_key():
    bases, capacity = np.arange(50), np.full(50, 4)
    orders = [make_rota(bases, capacity, key).take(50 * cycle, 50)[0].tolist() for key in range(3) for cycle in range(4)]
    assert len(set(map(tuple, orders))) == 12
    assert abs(np.corrcoef(orders).sum() - 12) / (12 * 11) < 0.1


def test_a_rota_may_be_longer_than_any_run():
    rota = make_rota(np.arange(3), np.array([2, 2**61, 2**62]), 5)
    bases, numbers = rota.take(2**62 - 5, 10)
    assert set(bases.tolist()) <= {1, 2}
    assert len(set(zip(bases.tolist(), numbers.tolist(), strict=True))) == 10


def filled(radices, numbers, salt):
    slots = deal_slots(np.array([0, len(radices)]), np.array(radices, dtype=np.int64))
    digits, start = fill_slots(slots, np.array([salt], dtype=np.uint64), np.zeros(len(numbers), dtype=np.int64), np.array(numbers))
    assert np.array_equal(start, np.arange(len(numbers)) * len(radices))
    return digits.reshape(len(numbers), len(radices))


@given(st.lists(st.integers(1, 9), max_size=4), KEYS)
def test_all_fillings_of_a_prompt_differ(radices, salt):
    digits = filled(radices, range(prod(radices)), salt)
    assert len({tuple(row) for row in digits.tolist()}) == prod(radices)
    assert np.all((digits >= 0) & (digits < radices))


@given(st.lists(st.integers(2, 2**20), min_size=3, max_size=12), KEYS, st.data())
def test_fillings_of_many_or_large_slots_differ(radices, salt, data):
    numbers = data.draw(st.lists(st.integers(0, min(prod(radices), 2**62) - 1), unique=True, min_size=2, max_size=20))
    digits = filled(radices, numbers, salt)
    assert len({tuple(row) for row in digits.tolist()}) == len(numbers)
    assert np.all((digits >= 0) & (digits < radices))


def test_the_first_fillings_are_spread_over_every_slot():
    digits = filled([12, 7, 10, 9], range(600), 77)
    for slot, radix in enumerate([12, 7, 10, 9]):
        counts = np.bincount(digits[:, slot], minlength=radix)
        assert np.sum((counts - 600 / radix) ** 2 / (600 / radix)) < radix - 1 + 5 * (2 * (radix - 1)) ** 0.5  # chi-square, 5 deviations
