"""Exact shares and tiers for every n."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt_improver.guarantees.quotas import BLOCK, TIER_SHARES, block_bounds, exact_shares, largest_remainder
from prompt_improver.guarantees.tiers import TIER_RANGES, assign_tiers, tier_of
from prompt_improver.recipe.recipe import DEFAULT_SHARES

SHARES = st.lists(st.integers(1, 100), min_size=1, max_size=8).map(lambda w: tuple(Fraction(x, sum(w)) for x in w))


@pytest.mark.parametrize(
    "n, counts",
    [(1, [1, 0, 0, 0, 0]), (3, [1, 1, 1, 0, 0]), (10, [3, 2, 2, 2, 1]), (1000, [250, 200, 200, 200, 150]), (1003, [251, 201, 201, 200, 150])],
)
def test_the_contract_shares(n, counts):
    assert largest_remainder(n, exact_shares(DEFAULT_SHARES)) == counts


@given(st.integers(0, 10**12), SHARES)
def test_quota_rule(n, shares):
    counts = largest_remainder(n, shares)
    assert sum(counts) == n
    assert all(abs(count - n * share) < 1 for count, share in zip(counts, shares, strict=True))


@given(st.integers(1, 60_000), SHARES)
def test_no_block_asks_for_less_than_nothing(n, shares):
    bounds = block_bounds(n, shares)
    splits = [largest_remainder(bound, shares) for bound in bounds]
    assert bounds[0] == 0
    assert bounds[-1] == n
    assert set(bounds[:-1]) <= set(range(0, n, BLOCK))
    assert all(b >= a for one, other in pairwise(splits) for a, b in zip(one, other, strict=True))


def test_the_apportionment_paradox_joins_the_last_blocks():
    found = [
        (n, weights)
        for weights in ([1, 6, 6, 6], [2, 5, 5, 7], [1, 3, 5, 8], [3, 7, 11, 13], [1, 1, 7, 9])
        for n in range(BLOCK + 1, BLOCK + 60)
        if len(block_bounds(n, [Fraction(w, sum(weights)) for w in weights])) == 2
    ]
    assert found  # the paradox exists, so the rule above is not vacuous


def test_the_contract_shares_never_meet_the_paradox():
    shares = exact_shares(DEFAULT_SHARES)
    assert all(len(block_bounds(BLOCK * k + r, shares)) == k + 2 for k in range(1, 12) for r in range(1, 40))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=400))
def test_tiers_are_exact_and_keep_ranks(scores):
    n = len(scores)
    values, tiers = assign_tiers(np.array(scores), largest_remainder(n, TIER_SHARES))
    assert np.bincount(tiers, minlength=3).tolist() == largest_remainder(n, TIER_SHARES)
    order = np.argsort(scores, kind="stable")
    assert (np.diff(values[order]) >= 0).all()
    assert all(TIER_RANGES[tier][0] <= value <= TIER_RANGES[tier][1] for value, tier in zip(values, tiers, strict=True))
    if n >= 2:
        assert values.std() >= 0.15
    if n >= 8:
        assert values.min() == 0
        assert values.max() == 1


@pytest.mark.parametrize(
    "score, tier",
    [(0, "low"), (0.3, "low"), (0.3499999, "low"), (0.35, "medium"), (0.5, "medium"), (0.6499999, "medium"), (0.65, "high"), (1, "high")],
)
def test_the_tier_of_a_score_that_nobody_placed(score, tier):
    assert tier_of([score]) == [tier]


@pytest.mark.parametrize("gaps", [True, False])
def test_the_tier_of_a_score_is_the_one_it_was_placed_in(gaps):
    scores, tiers = assign_tiers(np.arange(400.0), [100, 200, 100], gaps=gaps)
    inside = [place for place in range(400) if gaps or scores[place] not in (0.35, 0.65)]
    assert [tier_of(scores)[place] for place in inside] == [("low", "medium", "high")[tiers[place]] for place in inside]


@pytest.mark.parametrize("score", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_score_off_the_scale_has_no_tier(score):
    with pytest.raises(ValueError, match="outside"):
        tier_of([0.5, score])
