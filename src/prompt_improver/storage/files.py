"""Runs in files: Parquet, JSON lines, CSV. A file is put in place whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
from filelock import FileLock

from prompt_improver.batch import ROW_SCHEMA, TRUTH_SCHEMA, Batch, Origin
from prompt_improver.errors import EnvironmentFailure, InputError
from prompt_improver.settings import cache_folder
from prompt_improver.storage.csv_lines import FORMULA
from prompt_improver.storage.row_writers import META, ROW_WRITERS

__all__ = ["FILE_SCHEMA", "RowFile", "check_target", "lock_path", "read_file", "with_ids"]

SUFFIXES = (".parquet", ".jsonl", ".csv")
FILE_SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("run_id", pa.string(), nullable=False),
        *ROW_SCHEMA,
        pa.field("created_at", pa.timestamp("us", tz="UTC")),
    ]
)
"""Columns of a file, in the contract's order."""


def check_target(path: Path, *, parts: bool = False) -> None:
    """Refuses a target that could not be written, before any work is done; `parts` says whether it could be a folder of part files.

    Raises:
        InputError: the suffix names no known format.
        EnvironmentFailure: the folder is not there or cannot be written.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it" + (f", or end it in a slash for part files: {path}/" if parts else "."))
    if path.suffix.lower() not in SUFFIXES:
        slash = ", or a slash for part files" if parts else ""
        raise InputError(f"{path}: the suffix '{path.suffix}' names no format; expected one of {', '.join(SUFFIXES)}{slash}.")
    if not path.absolute().parent.is_dir():
        raise EnvironmentFailure(f"the folder {path.absolute().parent} does not exist. Make it first, or name another file.")


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Turns what the disk says into one sentence."""
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error)
        raise EnvironmentFailure(f"could not write {path}: {said}. Free space or name another file; nothing was half-written.") from None


class RowFile(AbstractContextManager["RowFile"]):
    """A file being written: batches go in, and on leaving without an error it is put in place.

    Until then everything is in `.NAME.partial` beside it, under a lock; what a killed process left there is overwritten.
    `id` is row_index + 1 and `created_at` is empty, so that the same run gives the same bytes.
    """

    def __init__(self, path: Path, origin: Origin, *, truth: bool = False) -> None:
        check_target(path)
        self._path, self._origin, self._truth = path.resolve(), origin, truth
        self._partial = self._path.with_name(f".{self._path.name}.partial")

    def __enter__(self) -> Self:
        with file_errors(self._path), ExitStack() as stack:
            self._lock = FileLock(lock_path(self._path), thread_local=False)  # a store may write in another thread than the one that ends it
            self._lock.acquire()
            stack.callback(self._lock.release)
            self._sink = self._partial.open("wb")
            stack.callback(self._partial.unlink, missing_ok=True)
            stack.callback(self._sink.close)
            self._writer = ROW_WRITERS[self._path.suffix.lower()](self._sink, TRUTH_SCHEMA if self._truth else FILE_SCHEMA, self._origin)
            stack.pop_all()
        return self

    def write(self, batch: Batch) -> None:
        """Appends a batch's rows, or its truth."""
        table = batch.truth if self._truth else with_ids(batch)
        assert table is not None
        with file_errors(self._path):
            self._writer.write(table)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            with file_errors(self._path):
                if kind is None:
                    self._writer.finish()
                    self._sink.flush()
                    os.fsync(self._sink.fileno())
                    self._sink.close()
                    self._partial.replace(self._path)
        finally:
            self._abandon()
            self._partial.unlink(missing_ok=True)
            self._lock.release()

    def _abandon(self) -> None:
        """Closes what is open; a full disk may refuse even that, and the file is thrown away anyhow."""
        with suppress(OSError):
            self._writer.close()
        with suppress(OSError):
            self._sink.close()


def lock_path(path: Path) -> Path:
    """A lock for a target, kept in the cache folder: beside the target it would have to be removed, which no lock survives."""
    folder = cache_folder() / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a home that cannot be written
        folder = Path(tempfile.gettempdir())
    return folder / f"prompt-improver-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.lock"


def with_ids(batch: Batch) -> pa.Table:
    """The rows of a batch in the columns of a file."""
    n = len(batch)
    ids = pc.add(batch.rows["row_index"], pa.scalar(1, type=pa.int64()))
    run_id = pa.repeat(pa.scalar(batch.origin.run_id, type=pa.string()), n)
    made = [ids, run_id, *batch.rows.columns, pa.nulls(n, FILE_SCHEMA.field("created_at").type)]
    return pa.Table.from_arrays(made, schema=FILE_SCHEMA)


def read_file(path: Path) -> Iterator[Batch]:
    """The rows of a file that `RowFile` wrote, bit for bit.

    Raises:
        InputError: not there, not of this format, or a column or line is wrong; names it.
    """
    readers = {".parquet": _read_parquet, ".jsonl": _read_json_lines, ".csv": _read_csv}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path}: the suffix '{path.suffix}' names no format; expected one of {', '.join(SUFFIXES)}.")
    try:
        yield from readers[path.suffix.lower()](path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    except ValueError as error:  # pa.ArrowInvalid is one
        raise InputError(f"{path}: not a file of training rows: {str(error).splitlines()[0][:200]}.") from None


def _read_parquet(path: Path) -> Iterator[Batch]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        missing = [name for name in ROW_SCHEMA.names if name not in file.schema_arrow.names]
        if missing:
            raise InputError(f"{path}: column(s) {', '.join(missing)} missing; expected a file that 'bootstrap --output' wrote.")
        meta = (file.schema_arrow.metadata or {}).get(META)
        origin = Origin(**json.loads(meta)) if meta else _unknown_origin("")
        for group in file.iter_batches(batch_size=4096, columns=ROW_SCHEMA.names):
            table = pa.Table.from_batches([group]).select(ROW_SCHEMA.names)
            yield Batch(origin, table.cast(ROW_SCHEMA))


def _unknown_origin(run_id: str) -> Origin:
    return Origin(run_id=run_id, seed=-1, samples=-1, recipe_fingerprint="", extractor="", engine_version="")


def _read_json_lines(path: Path) -> Iterator[Batch]:
    with path.open(encoding="utf-8") as lines:
        yield from _collect(path, _json_rows(path, lines))


def _json_rows(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: line {number} is not JSON: {error}.") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}: line {number} is {type(row).__name__}; expected an object.")
        yield number, row


def _read_csv(path: Path) -> Iterator[Batch]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from _collect(path, _csv_rows(path, csv.reader(lines)))


def _csv_rows(path: Path, reader: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        names: list[str] = next(reader, [])
        for cells in reader:
            if len(cells) != len(names):
                raise InputError(f"{path}: line {reader.line_num} has {len(cells)} cells; expected {len(names)}.")
            row = dict(zip(names, cells, strict=True))
            yield reader.line_num, {name: _parse(cell, name, path, reader.line_num) for name, cell in row.items()}
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num}: {error}.") from None


def _parse(cell: str, name: str, path: Path, line: int) -> Any:
    if cell.startswith("'") and cell[1:].startswith(FORMULA):
        cell = cell[1:]
    kind = ROW_SCHEMA.field(name).type if name in ROW_SCHEMA.names else pa.string()
    try:
        if pa.types.is_list(kind):
            return json.loads(cell)
        if pa.types.is_boolean(kind):
            return {"True": True, "False": False}[cell]
        return int(cell) if pa.types.is_integer(kind) else float(cell) if pa.types.is_floating(kind) else cell
    except (ValueError, KeyError):
        raise InputError(f"{path}: line {line}: '{name}' is {cell!r:.60}; expected {kind}.") from None


def _collect(path: Path, rows: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[Batch]:
    held: list[dict[str, Any]] = []
    run_id = ""
    for number, row in rows:
        missing = [name for name in ROW_SCHEMA.names if row.get(name) is None]
        if missing:
            raise InputError(f"{path}: line {number}: '{missing[0]}' is missing; expected the columns of 'bootstrap --output'.")
        run_id = str(row.get("run_id") or "")
        held.append({name: row[name] for name in ROW_SCHEMA.names})
        if len(held) == 4096:
            yield _batch(path, held, run_id, number)
            held = []
    if held:
        yield _batch(path, held, run_id, number)


def _batch(path: Path, rows: list[dict[str, Any]], run_id: str, line: int) -> Batch:
    try:
        return Batch(_unknown_origin(run_id), pa.Table.from_pylist(rows, schema=ROW_SCHEMA))
    except (ValueError, OverflowError, pa.ArrowTypeError) as error:  # pa.ArrowInvalid is a ValueError
        raise InputError(f"{path}: up to line {line}: {str(error).splitlines()[0][:200]}.") from None
