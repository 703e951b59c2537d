"""Numbers through tables against Python's own `repr`."""

import numpy as np
import pytest

from prompt_improver.storage.decimals import HEADS, TAILS, split_decimals


def test_every_number_of_six_places_is_what_python_writes():
    parts = np.append(np.arange(100, 1_000_001), 0)
    numbers = parts / 1_000_000
    split = split_decimals(numbers)
    made = [head + tail for head, tail in zip(HEADS.take(split.heads).to_pylist(), TAILS.take(split.tails).to_pylist(), strict=True)]
    assert made == [repr(number) for number in numbers.tolist()]


@pytest.mark.parametrize("odd", [-0.0, 1e-6, 9.9e-05, 1.000001, -0.5, 0.1 + 0.2, 1 / 3, np.nextafter(0.25, 1), np.nan, np.inf])
def test_other_numbers_are_left_alone(odd):
    assert split_decimals(np.array([0.5, odd, 0.25])) is None


def test_no_numbers_are_left_alone():
    assert split_decimals(np.array([])) is None
