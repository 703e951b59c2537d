"""JSON of Arrow columns, the very bytes of `json.dumps(value, ensure_ascii=False)`, without touching a row by itself.

Constants are Arrow scalars with a type: guessing the type of a Python value costs pyarrow more than joining ten thousand texts.
"""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["constant", "float_texts", "is_long", "json_texts", "json_values", "text_bounds", "text_bytes"]

_LETTERS = np.zeros(0x5D, dtype=np.uint8)
"""By a byte to escape: what follows the backslash, or 0 where it is more than a letter."""
for _code in (*range(0x20), *b'"\\'):
    _escape = json.dumps(chr(_code))[1:-1].encode()
    _LETTERS[_code] = _escape[1] if len(_escape) == 2 else 0
_BACKSLASH = pa.scalar(b"\\", type=pa.binary())
_LONG = 64
"""Bytes of a text from which on it is not worth while to look for equal ones."""
_PLAIN_FROM, _PLAIN_TO = pa.scalar(1e-3, type=pa.float64()), pa.scalar(1e9, type=pa.float64())
"""Sizes of numbers with a fraction for which Arrow and Python write a float alike: no exponent, the fewest digits that give it back."""


@cache
def constant(text: str) -> pa.Scalar:
    """A text as an argument of a kernel."""
    return pa.scalar(text, type=pa.string())


def json_values(values: pa.Array) -> pa.Array:
    """Each value as JSON text; null as `null`.

    Args:
        values: n texts, numbers, booleans, lists of those, or nothing but nulls.

    Raises:
        ValueError: a number is not finite.
        TypeError: a type that JSON has no word for.
    """
    kind = values.type
    if values.null_count == len(values):
        return pa.repeat(constant("null"), len(values))
    if pa.types.is_string(kind):
        made = pc.binary_join_element_wise(constant('"'), json_texts(values), constant('"'), constant(""))
    elif pa.types.is_list(kind):
        made = _lists(values)
    elif pa.types.is_floating(kind):
        odd = values.filter(pc.invert(pc.is_finite(values)))
        if len(odd):
            raise ValueError(f"Out of range float values are not JSON compliant: {odd[0].as_py()!r}")
        made = float_texts(values)
    elif pa.types.is_boolean(kind):
        made = pc.if_else(values, constant("true"), constant("false"))
    elif pa.types.is_integer(kind):
        made = values.cast(pa.string())
    else:
        raise TypeError(f"values of type {kind} are not JSON serializable")
    return pc.fill_null(made, constant("null")) if values.null_count else made


def _lists(values: pa.ListArray) -> pa.Array:
    inner = values.flatten()
    if pa.types.is_string(inner.type):
        few = inner.dictionary_encode()
        inner = json_values(few.dictionary).take(few.indices)
        inner = pc.fill_null(inner, constant("null")) if inner.null_count else inner
    else:
        inner = json_values(inner)
    sizes = pc.list_value_length(values)
    sizes = (pc.fill_null(sizes, 0) if values.null_count else sizes).to_numpy()
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    mask = values.is_null() if values.null_count else None
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(ends), inner, mask=mask), constant(", "))
    few = joined.dictionary_encode()
    return pc.binary_join_element_wise(constant("["), few.dictionary, constant("]"), constant("")).take(few.indices)


def float_texts(values: pa.Array) -> pa.Array:
    """`repr` of each number; null as null."""
    size = pc.abs(values)
    plain = pc.and_(pc.and_(pc.greater_equal(size, _PLAIN_FROM), pc.less(size, _PLAIN_TO)), pc.not_equal(size, pc.floor(size)))
    made = values.cast(pa.string())
    if pc.all(plain).as_py() is not False:
        return made
    odd = pc.and_not(pc.is_valid(values), plain)
    few = values.filter(odd).dictionary_encode()
    written = pa.array([repr(value) for value in few.dictionary.to_pylist()], type=pa.string())
    return pc.replace_with_mask(made, odd, written.take(few.indices))


def is_long(values: pa.Array) -> bool:
    """Whether these are texts among which it is not worth while to look for equal ones."""
    return pa.types.is_string(values.type) and not values.null_count and len(text_bytes(values)) > _LONG * len(values)


def text_bytes(values: pa.Array) -> npt.NDArray[np.uint8]:
    """The bytes of n texts, one behind the other, as they lie in memory."""
    _, offsets, data = values.buffers()
    if data is None or len(values) == 0:
        return np.empty(0, dtype=np.uint8)
    ends = np.frombuffer(offsets, dtype=np.int32)[[values.offset, values.offset + len(values)]]
    return np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[1]]


def text_bounds(values: pa.Array) -> npt.NDArray[np.int32]:
    """Where each of n texts begins and ends in `text_bytes`: n + 1 places."""
    if len(values) == 0:
        return np.zeros(1, dtype=np.int32)
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    bounds: npt.NDArray[np.int32] = offsets - offsets[0]
    return bounds


def json_texts(values: pa.Array) -> pa.Array:
    """Each text as it stands between the quotation marks of JSON; null as null.

    All bytes are looked at at once. Most escapes are a backslash and a letter, so the bytes are cut before each byte to escape and joined again by
    backslashes. The texts are that with moved offsets. Texts with rarer characters are left to Python.
    """
    data = text_bytes(values)
    places = _find_escapes(data)
    if not len(places):
        return values
    letters = _LETTERS[data[places]]
    if not letters.all():
        return _with_rare(values, places[letters == 0])
    spelt = data.copy()
    spelt[places] = letters
    bounds = np.empty(len(places) + 2, dtype=np.int32)
    bounds[0], bounds[1:-1], bounds[-1] = 0, places, len(data)
    pieces = pa.BinaryArray.from_buffers(pa.binary(), len(bounds) - 1, [None, pa.py_buffer(bounds), pa.py_buffer(spelt)])
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(pieces)], type=pa.int32()), pieces), _BACKSLASH)
    offsets = text_bounds(values)
    offsets = offsets + np.searchsorted(places, offsets).astype(np.int32)
    valid = values.is_valid().buffers()[1] if values.null_count else None
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), joined.buffers()[2], valid, values.null_count)


def _find_escapes(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    found = data < 0x20
    same = np.empty_like(found)
    for char in b'"\\':
        np.equal(data, char, out=same)
        found |= same
    return np.flatnonzero(found)


def _with_rare(values: pa.Array, places: npt.NDArray[np.int64]) -> pa.Array:
    odd = np.zeros(len(values), dtype=bool)
    odd[np.searchsorted(text_bounds(values), places, side="right") - 1] = True
    mask = pa.array(odd)
    written = pa.array([json.dumps(text, ensure_ascii=False)[1:-1] for text in values.filter(mask).to_pylist()], type=pa.string())
    others = pc.if_else(mask, constant(""), values)
    return pc.replace_with_mask(json_texts(others), mask, written)
