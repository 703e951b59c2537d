"""Rows as JSON lines: the very bytes of `json.dumps(row, ensure_ascii=False)`, built from Arrow columns.

Short fields are chosen from lists of texts: which text stands where is a matrix of whole numbers, a row a row, and one kernel gathers them.
Wide texts lie between such fields and are copied once more, when everything is joined.
"""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prompt_improver.storage.decimals import HEADS, TAILS, split_decimals
from prompt_improver.storage.json_text import constant, is_long, json_texts, json_values

__all__ = ["encode_json_lines"]

_FEW = 8
"""Rows a text from which on what stands before a field is written into each of its texts, to have one piece less in a row."""


class _Fields:
    """Short texts that follow each other in each of n rows."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._said = ""
        self._texts: list[pa.Array] = []
        self._chosen: list[npt.NDArray[np.int32] | int] = []
        self._held = 0

    def say(self, text: str) -> None:
        """Appends the same text in every row."""
        self._said += text

    def choose(self, texts: pa.Array, chosen: npt.NDArray[np.int32] | None = None) -> None:
        """Appends one of `texts` in every row: those at the n places `chosen`, or each in turn."""
        if len(texts) == 1:
            self.say(texts[0].as_py())
            return
        if len(texts) * _FEW < self._n and self._said:
            texts = pc.binary_join_element_wise(pa.scalar(self._said, type=pa.string()), texts, constant(""))
            self._said = ""
        self._flush()
        self._append(texts, np.arange(self._n, dtype=np.int32) if chosen is None else chosen)

    def make(self) -> pa.Array:
        """The n joined texts."""
        self._flush()
        places = np.empty((self._n, len(self._chosen)), dtype=np.int32)
        for field, chosen in enumerate(self._chosen):
            places[:, field] = chosen
        gathered = pa.concat_arrays(self._texts).take(pa.array(places.ravel()))
        ends = np.frombuffer(gathered.buffers()[1], dtype=np.int32)[:: len(self._chosen)].copy()
        return pa.StringArray.from_buffers(self._n, pa.py_buffer(ends), gathered.buffers()[2])

    def _flush(self) -> None:
        if self._said:
            self._append(pa.array([self._said], type=pa.string()), 0)
            self._said = ""

    def _append(self, texts: pa.Array, chosen: npt.NDArray[np.int32] | int) -> None:
        self._texts.append(texts)
        self._chosen.append(chosen + self._held)
        self._held += len(texts)


def encode_json_lines(rows: pa.Table) -> pa.Buffer:
    """An object a row, each on a line of its own.

    Args:
        rows: small enough that their lines take less than 2 GB.

    Raises:
        ValueError: a number is not finite.
    """
    n = rows.num_rows
    if not n:
        return pa.py_buffer(b"")
    pieces: list[pa.Array] = []
    fields = _Fields(n)
    before = "{"
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        values = column.combine_chunks()
        fields.say(f"{before}{json.dumps(name, ensure_ascii=False)}: ")
        if is_long(values):
            fields.say('"')
            pieces += [fields.make(), json_texts(values)]
            fields = _Fields(n)
            before = '", '
        else:
            _add(fields, values)
            before = ", "
    fields.say(f"{before[:-2]}}}\n")
    lines = pc.binary_join_element_wise(*pieces, fields.make(), constant(""))
    return lines.buffers()[2]


def _add(fields: _Fields, values: pa.Array) -> None:
    """The value of each row. What occurs more than once is written once."""
    kind = values.type
    if values.null_count == len(values):
        fields.say("null")
    elif pa.types.is_list(kind):
        few = json_values(values).dictionary_encode()
        fields.choose(few.dictionary, few.indices.to_numpy())
    elif pa.types.is_string(kind) or pa.types.is_boolean(kind):
        few = values.dictionary_encode(null_encoding="encode")
        fields.choose(json_values(few.dictionary), few.indices.to_numpy())
    elif pa.types.is_floating(kind) and not values.null_count and (split := split_decimals(values.to_numpy())):
        fields.choose(HEADS, split.heads)
        fields.choose(TAILS, split.tails)
    elif kind == pa.int64() and not values.null_count:
        _add_numbers(fields, values.to_numpy())
    else:
        fields.choose(json_values(values))


def _add_numbers(fields: _Fields, numbers: npt.NDArray[np.int64]) -> None:
    low, high = int(numbers.min()), int(numbers.max())
    if high - low < len(numbers):
        fields.choose(json_values(pa.array(low + np.arange(high - low + 1))), (numbers - low).astype(np.int32))
    else:
        fields.choose(json_values(pa.array(numbers)))
