"""JSON of columns against Python's own."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt_improver.storage.json_text import float_texts, json_values
from tests.storage.tables import FLOATS, texts

KINDS = [
    (pa.string(), texts(nul=True)),
    (pa.list_(pa.string()), st.lists(st.one_of(st.none(), texts(nul=True)), max_size=4)),
    (pa.list_(pa.int8()), st.lists(st.integers(-128, 127), max_size=4)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.float64(), FLOATS),
    (pa.bool_(), st.booleans()),
]


@pytest.mark.parametrize("kind, value", KINDS, ids=["text", "texts", "small numbers", "whole", "float", "boolean"])
@settings(deadline=None)
@given(data=st.data())
def test_values_are_what_python_writes(kind, value, data):
    values = data.draw(st.lists(st.one_of(value, st.none()) if data.draw(st.booleans()) else value, max_size=8))
    skipped = data.draw(st.integers(0, len(values)))
    made = json_values(pa.array(values, type=kind).slice(skipped))
    assert made.to_pylist() == [json.dumps(one, ensure_ascii=False) for one in values[skipped:]]


@pytest.mark.parametrize("low, high", [(-5, 0), (-3, 9), (0, 22), (-308, 308)])
def test_floats_of_every_size_are_what_python_writes(low, high):
    rng = np.random.default_rng(1)
    edges = 10.0 ** np.arange(low, high)
    numbers = np.concatenate([10 ** rng.uniform(low, high, 20_000), edges, np.nextafter(edges, 0), np.nextafter(edges, np.inf)])
    numbers = np.concatenate([numbers, -numbers, np.floor(numbers), *([np.round(numbers, 4)] if high < 300 else [])])
    assert float_texts(pa.array(numbers)).to_pylist() == [repr(number) for number in numbers.tolist()]


def test_what_json_cannot_say_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant: nan"):
        json_values(pa.array([1.0, float("nan")], from_pandas=False))
    with pytest.raises(TypeError, match="not JSON serializable"):
        json_values(pa.array([b"a"]))
