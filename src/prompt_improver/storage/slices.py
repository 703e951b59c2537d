"""Tables in parts of the right size."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

__all__ = ["cut_table"]

_ROWS = 8192
_BYTES = 1 << 27


def cut_table(table: pa.Table) -> Iterator[pa.Table]:
    """The table in parts small enough for offsets of 32 bits, whatever escapes make of their texts."""
    rows = _ROWS
    place = 0
    while place < table.num_rows:
        part = table.slice(place, rows)
        if part.nbytes > _BYTES and len(part) > 1:
            rows = max(1, len(part) // 2)
            continue
        yield part
        place += len(part)
