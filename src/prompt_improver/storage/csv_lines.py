"""Rows as CSV: the very bytes of Python's `csv.writer`, built from Arrow columns, with no cell that a spreadsheet takes for a formula."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prompt_improver.storage.json_text import constant, float_texts, json_values, text_bounds, text_bytes

__all__ = ["FORMULA", "encode_csv_header", "encode_csv_lines"]

FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""How a formula begins. Such a text gets an apostrophe in front; so does one that has an apostrophe already, which makes it reversible."""

_QUOTED = b'",\r\n'
_OPENS = np.zeros(256, dtype=bool)
_OPENS[[ord(char) for char in FORMULA]] = True


def encode_csv_header(schema: pa.Schema) -> bytes:
    """The names of the columns, on a line."""
    return f"{','.join(schema.names)}\r\n".encode()


def encode_csv_lines(rows: pa.Table) -> pa.Buffer:
    """A line a row; null is an empty cell, a list is JSON, a float is what Python's `repr` gives.

    Args:
        rows: small enough that their lines take less than 2 GB.
    """
    cells = [_cells(column.combine_chunks()) for column in rows.columns]
    between = [piece for cell in cells for piece in (cell, constant(","))][:-1]
    lines = pc.binary_join_element_wise(*between, constant("\r\n"), constant(""))
    return lines.buffers()[2] or pa.py_buffer(b"")


def _cells(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_string(kind):
        made = _quoted(_harmless(values))
    elif pa.types.is_list(kind):
        made = _quoted(json_values(values))
    elif pa.types.is_boolean(kind):
        made = pc.if_else(values, constant("True"), constant("False"))
    else:
        made = float_texts(values) if pa.types.is_floating(kind) else values.cast(pa.string())
    return pc.fill_null(made, constant("")) if values.null_count else made


def _harmless(values: pa.Array) -> pa.Array:
    """Each text, with an apostrophe in front where it begins like a formula."""
    data, ends = text_bytes(values), text_bounds(values)
    begins = np.flatnonzero(ends[1:] > ends[:-1])
    odd = np.zeros(len(values), dtype=bool)
    odd[begins] = _OPENS[data[ends[begins]]]
    if not odd.any():
        return values
    return pc.if_else(pa.array(odd), pc.binary_join_element_wise(constant("'"), values, constant("")), values)


def _quoted(values: pa.Array) -> pa.Array:
    """Each text between quotation marks where it needs them."""
    data = text_bytes(values)
    found = np.zeros(len(data), dtype=bool)
    same = np.empty_like(found)
    for char in _QUOTED:
        np.equal(data, char, out=same)
        found |= same
    places = np.flatnonzero(found)
    if not len(places):
        return values
    odd = np.zeros(len(values), dtype=bool)
    odd[np.searchsorted(text_bounds(values), places, side="right") - 1] = True
    doubled = pc.replace_substring(values, '"', '""') if (data[places] == ord('"')).any() else values
    return pc.if_else(pa.array(odd), pc.binary_join_element_wise(constant('"'), doubled, constant('"'), constant("")), values)
