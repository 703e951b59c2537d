"""Rows for SQLite: statements that each insert several rows, and are given but once what their rows share.

The driver lets other threads run at each step of a statement and then waits for its turn again, so few large steps go through
while blocks are being made; many small ones stand in the queue.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from prompt_improver.storage.json_text import is_long, json_values

__all__ = ["Insert", "encode_inserts"]

_ROWS = 32
"""Rows of a statement. With 20 columns that stays below 999 values, the limit of SQLite before 3.32."""


class Insert(NamedTuple):
    """A statement, and the values of each of its executions."""

    statement: str
    values: list[list[Any]]


def encode_inserts(rows: pa.Table, *, table: str, run_id: str | None, moment: datetime) -> list[Insert]:
    """Statements that insert the rows in their order, with `run_id` and `created_at`.

    Args:
        rows: n of `ROW_SCHEMA`, at least one, without nulls.
        table: where they go.
        run_id: their run; None is NULL.
        moment: their `created_at`, with its zone.
    """
    shared: dict[str, Any] = {"run_id": run_id, "created_at": moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")}
    own: dict[str, list[Any]] = {}
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        values = _objects(column.combine_chunks())
        if name != "row_index" and values[0] == values[-1] and values.count(values[0]) == len(values):
            shared[name] = values[0]
        else:
            own[name] = values
    flat: list[Any] = [None] * (len(own) * rows.num_rows)
    for place, values in enumerate(own.values()):
        flat[place :: len(own)] = values
    first, size = list(shared.values()), len(own) * _ROWS
    runs = [first + flat[start : start + size] for start in range(0, len(flat), size)]
    rest = rows.num_rows % _ROWS
    whole = len(runs) - bool(rest)
    names = (list(shared), list(own))
    inserts = [Insert(_statement(table, *names, _ROWS), runs[:whole]), Insert(_statement(table, *names, rest), runs[whole:])]
    return [insert for insert in inserts if insert.values]


def _statement(table: str, shared: list[str], own: list[str], rows: int) -> str:
    row = f"({', '.join('?' * len(own))})"
    chosen = f"SELECT {', '.join('?' * len(shared))}, * FROM (VALUES {', '.join([row] * rows)})"
    return f"INSERT INTO {table} ({', '.join(shared + own)}) {chosen}"


def _objects(values: pa.Array) -> list[Any]:
    """Python's objects for a column, the same one where a short text occurs again; a list of names as JSON."""
    values = json_values(values) if pa.types.is_list(values.type) else values
    if not pa.types.is_string(values.type) or is_long(values):
        made: list[Any] = values.to_numpy(zero_copy_only=False).tolist()
        return made
    few = values.dictionary_encode()
    texts = np.array(few.dictionary.to_pylist(), dtype=object)
    shown: list[Any] = texts[few.indices.to_numpy()].tolist()
    return shown
