"""Tables into an open file: Parquet, JSON lines, CSV."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from typing import BinaryIO

import pyarrow as pa

from prompt_improver.batch import Origin
from prompt_improver.storage.csv_lines import encode_csv_header, encode_csv_lines
from prompt_improver.storage.json_lines import encode_json_lines
from prompt_improver.storage.slices import cut_table

__all__ = ["META", "ROW_WRITERS", "LinesWriter", "ParquetWriter"]

META = b"prompt_improver"
"""Key of a Parquet file's origin."""

_GROUP = 8192
"""Rows of a Parquet row group: two blocks."""

_AHEAD = 2
"""Parts of a table that are under way, at most. One thread makes them: several would wait for each other more than they gain."""

_FEW_VALUES = ["run_id", "domain", "pattern", "rules.list.element", "tier", "data_source"]
"""Columns that Parquet keeps as places in a list of their values; to try that on texts takes time and gains nothing."""


class ParquetWriter:
    """Row groups of `_GROUP` rows, so that the bytes do not depend on how the rows come in; written in a thread, of which one may wait."""

    def __init__(self, sink: BinaryIO, schema: pa.Schema, origin: Origin) -> None:
        import pyarrow.parquet as pq

        described = schema.with_metadata({META: json.dumps(asdict(origin))})
        self._writer = pq.ParquetWriter(sink, described, compression="zstd", use_dictionary=_FEW_VALUES)
        self._held: list[pa.Table] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="parquet")
        self._pending: deque[Future[None]] = deque()

    def write(self, table: pa.Table) -> None:
        self._held.append(table)
        while sum(map(len, self._held)) >= _GROUP:
            whole = pa.concat_tables(self._held)
            self._held = [whole.slice(_GROUP)] if len(whole) > _GROUP else []
            self._put(whole.slice(0, _GROUP))

    def finish(self) -> None:
        if self._held:
            self._put(pa.concat_tables(self._held))
        while self._pending:
            self._pending.popleft().result()
        self.close()

    def _put(self, group: pa.Table) -> None:
        self._pending.append(self._pool.submit(lambda: self._writer.write_table(group.combine_chunks())))
        if len(self._pending) > 1:
            self._pending.popleft().result()

    def close(self) -> None:
        self._held = []
        self._pool.shutdown(cancel_futures=True)
        try:
            self._writer.close()
        finally:
            self._writer.is_open = False  # or it would try again, and complain, when it is collected


class LinesWriter:
    """Lines, encoded in a thread some parts ahead of the disk."""

    def __init__(self, sink: BinaryIO, encode: Callable[[pa.Table], pa.Buffer]) -> None:
        self._sink, self._encode = sink, encode
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="lines")
        self._pending: deque[Future[pa.Buffer]] = deque()

    def write(self, table: pa.Table) -> None:
        for part in cut_table(table):
            self._pending.append(self._pool.submit(self._encode, part))
            if len(self._pending) > _AHEAD:
                self._put()

    def finish(self) -> None:
        while self._pending:
            self._put()
        self.close()

    def _put(self) -> None:
        self._sink.write(self._pending.popleft().result())

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def _open_json_lines(sink: BinaryIO, _schema: pa.Schema, _origin: Origin) -> LinesWriter:
    return LinesWriter(sink, encode_json_lines)


def _open_csv(sink: BinaryIO, schema: pa.Schema, _origin: Origin) -> LinesWriter:
    sink.write(encode_csv_header(schema))
    return LinesWriter(sink, encode_csv_lines)


ROW_WRITERS: dict[str, Callable[[BinaryIO, pa.Schema, Origin], ParquetWriter | LinesWriter]] = {
    ".parquet": ParquetWriter,
    ".jsonl": _open_json_lines,
    ".csv": _open_csv,
}
"""By suffix. `write` takes tables, `finish` what is left of them; `close` comes after an error, and may come twice."""
