"""Rows as JSON lines: the very bytes of `json.dumps(row, ensure_ascii=False)`, built from Arrow columns."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc

from prompt_improver.storage.json_text import constant, json_texts, json_values, text_bytes

__all__ = ["encode_json_lines"]

_LONG = 64
"""Bytes of a text from which on it is not worth while to look for equal ones."""


def encode_json_lines(rows: pa.Table) -> pa.Buffer:
    """An object a row, each on a line of its own.

    Args:
        rows: small enough that their lines take less than 2 GB.

    Raises:
        ValueError: a number is not finite.
    """
    pieces: list[pa.Array | pa.Scalar] = []
    before = "{"
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        key = f"{before}{json.dumps(name, ensure_ascii=False)}: "
        values = column.combine_chunks()
        if _is_long(values):
            pieces += [constant(f'{key}"'), json_texts(values)]
            before = '", '
        else:
            pieces.append(_keyed(key, values))
            before = ", "
    lines = pc.binary_join_element_wise(*pieces, constant(f"{before[:-2]}}}\n"), constant(""))
    return lines.buffers()[2] or pa.py_buffer(b"")


def _is_long(values: pa.Array) -> bool:
    return pa.types.is_string(values.type) and not values.null_count and len(text_bytes(values)) > _LONG * len(values)


def _keyed(key: str, values: pa.Array) -> pa.Array:
    """Key and value of each row. What occurs more than once is written once."""
    if pa.types.is_integer(values.type) or pa.types.is_boolean(values.type) or pa.types.is_nested(values.type):
        return pc.binary_join_element_wise(constant(key), json_values(values), constant(""))
    few = values.dictionary_encode(null_encoding="encode")
    return pc.binary_join_element_wise(constant(key), json_values(few.dictionary), constant("")).take(few.indices)
