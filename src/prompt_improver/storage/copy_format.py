"""PostgreSQL's binary COPY format, built from Arrow columns: per row a count of fields, per field its size and its bytes.

See "Binary Format" in PostgreSQL's documentation of COPY. Fields of fixed size that follow each other are one numpy record with the
sizes among them; texts lie between those records, and one Arrow kernel joins everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prompt_improver.errors import InputError
from prompt_improver.storage.json_text import json_values

__all__ = ["COPY_CHUNK", "copy_chunks", "encode_copy"]

COPY_CHUNK = 1 << 19
"""Bytes that are handed over at once."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_NARROW = ("length", "complexity", "training_priority")
"""Columns of four bytes; other whole numbers have eight."""

_INT4 = np.iinfo(np.int32)


class _Record:
    """Fields of fixed size in a row, for n rows."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._fields: list[tuple[str, Any]] = []

    def add(self, kind: str, values: Any) -> None:
        """Appends a field as it lies in the stream.

        Args:
            kind: numpy's name of the type, in the stream's byte order.
            values: one, or one a row.
        """
        self._fields.append((kind, values))

    def make(self) -> pa.Array:
        made = np.empty(self._n, dtype=[(f"f{place}", kind) for place, (kind, _) in enumerate(self._fields)])
        for place, (_, values) in enumerate(self._fields):
            made[f"f{place}"] = values
        ends: npt.NDArray[np.int32] = np.arange(self._n + 1, dtype=np.int32) * made.dtype.itemsize
        return pa.BinaryArray.from_buffers(pa.binary(), self._n, [None, pa.py_buffer(ends), pa.py_buffer(made)])


def encode_copy(rows: pa.Table, *, run_id: str | None, moment: datetime) -> pa.Buffer:
    """Rows of `ROW_SCHEMA` as fields of a COPY of `run_id`, the schema's columns and `created_at`, without header and trailer.

    Args:
        rows: n of them, under 2 GB, without nulls.
        run_id: their run; None is NULL.
        moment: their `created_at`, with its zone.

    Raises:
        InputError: a whole number is too large for its column.
    """
    n = rows.num_rows
    pieces: list[pa.Array] = []
    record = _Record(n)
    record.add(">i2", rows.num_columns + 2)
    record.add(">i4", -1 if run_id is None else len(run_id.encode()))
    if run_id:
        record.add(f"S{len(run_id.encode())}", run_id.encode())
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        values = column.combine_chunks()
        if pa.types.is_string(values.type) or pa.types.is_list(values.type):
            text = (json_values(values) if pa.types.is_list(values.type) else values).cast(pa.binary())
            record.add(">i4", pc.binary_length(text).to_numpy())
            pieces += [record.make(), text]
            record = _Record(n)
        else:
            _add_number(record, name, values)
    record.add(">i4", 8)
    record.add(">i8", (moment - _EPOCH) // timedelta(microseconds=1))
    pieces.append(record.make())
    return _data_of(pc.binary_join_element_wise(*pieces, pa.scalar(b"", type=pa.binary())))


def _add_number(record: _Record, name: str, values: pa.Array) -> None:
    numbers = values.to_numpy(zero_copy_only=False)
    if pa.types.is_boolean(values.type):
        kind = "i1"
    elif pa.types.is_floating(values.type):
        kind = ">f8"
    elif name in _NARROW:
        kind = ">i4"
        if len(numbers) and (numbers.min() < _INT4.min or numbers.max() > _INT4.max):
            raise InputError(f"a {name} is {max(numbers, key=abs)}, which PostgreSQL cannot store; expected at most {_INT4.max}.")
    else:
        kind = ">i8"
    record.add(">i4", np.dtype(kind).itemsize)
    record.add(kind, numbers)


def _data_of(joined: pa.Array) -> pa.Buffer:
    data = joined.buffers()[2]
    return pa.py_buffer(b"") if data is None else data


def copy_chunks(data: pa.Buffer) -> Iterator[bytes | memoryview]:
    """A whole stream of what `encode_copy` made, in pieces of at most `COPY_CHUNK` bytes."""
    yield _HEADER
    view = memoryview(data)
    for start in range(0, len(view), COPY_CHUNK):
        yield view[start : start + COPY_CHUNK]
    yield _TRAILER
