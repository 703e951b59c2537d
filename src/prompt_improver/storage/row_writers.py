"""Tables into an open file: Parquet, JSON lines, CSV."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import BinaryIO

import pyarrow as pa

from prompt_improver.batch import Origin
from prompt_improver.storage.csv_lines import encode_csv_header, encode_csv_lines
from prompt_improver.storage.json_lines import encode_json_lines
from prompt_improver.storage.slices import cut_table

__all__ = ["META", "ROW_WRITERS", "CsvWriter", "JsonLinesWriter", "ParquetWriter"]

META = b"prompt_improver"
"""Key of a Parquet file's origin."""

_GROUP = 8192
"""Rows of a Parquet row group: two blocks."""

_FEW_VALUES = ["run_id", "domain", "pattern", "rules.list.element", "tier", "data_source"]
"""Columns that Parquet keeps as places in a list of their values; to try that on texts takes time and gains nothing."""


class ParquetWriter:
    """Row groups of `_GROUP` rows, so that the bytes do not depend on how the rows come in."""

    def __init__(self, sink: BinaryIO, schema: pa.Schema, origin: Origin) -> None:
        import pyarrow.parquet as pq

        described = schema.with_metadata({META: json.dumps(asdict(origin))})
        self._writer = pq.ParquetWriter(sink, described, compression="zstd", use_dictionary=_FEW_VALUES)
        self._held: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        self._held.append(table)
        while sum(map(len, self._held)) >= _GROUP:
            whole = pa.concat_tables(self._held)
            self._held = [whole.slice(_GROUP)] if len(whole) > _GROUP else []
            self._put(whole.slice(0, _GROUP))

    def finish(self) -> None:
        if self._held:
            self._put(pa.concat_tables(self._held))
        self.close()

    def _put(self, group: pa.Table) -> None:
        self._writer.write_table(group.combine_chunks())

    def close(self) -> None:
        self._held = []
        try:
            self._writer.close()
        finally:
            self._writer.is_open = False  # or it would try again, and complain, when it is collected


class JsonLinesWriter:
    def __init__(self, sink: BinaryIO, schema: pa.Schema, origin: Origin) -> None:
        self._sink = sink

    def write(self, table: pa.Table) -> None:
        for part in cut_table(table):
            self._sink.write(encode_json_lines(part))

    def finish(self) -> None:
        return

    def close(self) -> None:
        return


class CsvWriter:
    def __init__(self, sink: BinaryIO, schema: pa.Schema, origin: Origin) -> None:
        self._sink = sink
        self._sink.write(encode_csv_header(schema))

    def write(self, table: pa.Table) -> None:
        for part in cut_table(table):
            self._sink.write(encode_csv_lines(part))

    def finish(self) -> None:
        return

    def close(self) -> None:
        return


ROW_WRITERS: dict[str, type[ParquetWriter] | type[JsonLinesWriter] | type[CsvWriter]] = {
    ".parquet": ParquetWriter,
    ".jsonl": JsonLinesWriter,
    ".csv": CsvWriter,
}
"""By suffix. `write` takes tables, `finish` what is left of them; `close` comes after an error, and may come twice."""
