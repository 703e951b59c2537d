"""A large run as a folder of part files: made part by part, gone on with after a stop, read back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from prompt_improver.batch import ROW_SCHEMA, TRUTH_SCHEMA, Batch, Origin
from prompt_improver.errors import EnvironmentFailure, InputError
from prompt_improver.storage.files import FILE_SCHEMA, read_file, with_ids
from prompt_improver.storage.manifest import (
    MANIFEST,
    FileRecord,
    Manifest,
    PartPlan,
    PartRecord,
    part_name,
    read_manifest,
    truth_name,
    write_manifest,
)
from prompt_improver.storage.places import HashedSink, Place, find_place
from prompt_improver.storage.row_writers import META, ParquetWriter
from prompt_improver.validation.tally import add_up, tally_batch

__all__ = ["PartFolder", "names_folder", "open_parts", "read_parts", "read_stored", "write_part"]

_PART = re.compile(r"(part|truth)-\d{5,}\.parquet")
_PARTIAL = re.compile(r"\.((part|truth)-\d{5,}\.parquet|manifest\.json)\.[0-9a-f]{8}\.partial")
_QUICK, _SHARE = 0.1, 0.05
"""A manifest that takes longer than this to write (seconds: some 100,000 parts) is written for this share of the time only."""


def names_folder(text: str) -> bool:
    """Whether a path means a folder of part files: it ends in a slash, is an address, or is a folder that holds such a run."""
    return text.endswith("/") or "://" in text or (Path(text) / MANIFEST).is_file()


def write_part(place: Place, plan: PartPlan, number: int, batches: Iterable[Batch], *, gaps: bool) -> PartRecord:
    """Writes one part from its blocks, in order, and its truth where the plan asks for it; holds a row group's blocks at most.

    Its bytes depend on the rows, the run's facts and the version of pyarrow alone.

    Raises:
        EnvironmentFailure: the disk or the store; nothing is left of the part on a disk.
    """
    tallies, name, beside = [], part_name(number), truth_name(number)
    with ExitStack() as stack:
        sink, write = stack.enter_context(_writing(place, name, FILE_SCHEMA, plan.origin))
        if plan.truth:
            truth_sink, write_truth = stack.enter_context(_writing(place, beside, TRUTH_SCHEMA, plan.origin))
        for batch in batches:
            tallies.append(tally_batch(batch, gaps=gaps))
            write(with_ids(batch))
            if plan.truth:
                write_truth(batch.truth)
    truth = FileRecord(name=beside, bytes=truth_sink.bytes, sha256=truth_sink.sha256) if plan.truth else None
    blocks, tally = plan.blocks_of(number), add_up(tallies)
    file = {"name": name, "bytes": sink.bytes, "sha256": sink.sha256, "truth": truth}
    return PartRecord.model_validate(file | {"first_block": blocks.start, "blocks": len(blocks), "rows": tally.rows, "tally": tally})


@contextmanager
def _writing(place: Place, name: str, schema: pa.Schema, origin: Origin) -> Iterator[tuple[HashedSink, Callable[[Any], None]]]:
    """A Parquet file in a folder, and what writes a table to it; its errors name this file and no other that is open."""
    with place.create(name) as sink, ExitStack() as stack:
        writer = ParquetWriter(pa.PythonFile(sink, mode="w"), schema, origin)
        stack.callback(writer.close)

        def write(table: pa.Table) -> None:
            with place.errors(name):
                writer.write(table)

        yield sink, write
        writer.finish()


class PartFolder(AbstractContextManager["PartFolder"]):
    """A folder of part files being made, under a lock.

    On entering, what an earlier call of the same run finished is kept (`manifest.parts`) and the rest is in `missing`. A part is finished
    when the manifest names it and its files have the recorded sizes; with `verify`, the recorded sha256, and `progress` is called with rows
    compared and rows in all.

    Raises:
        InputError: the folder holds another run and `replace` was not asked, or files that only look like parts.
        EnvironmentFailure: it cannot be written, or another process is writing it.
    """

    def __init__(
        self, place: Place, plan: PartPlan, *, replace: bool = False, verify: bool = False, progress: Callable[[int, int], None] | None = None
    ) -> None:
        self.place, self.plan = place, plan
        self.manifest = Manifest.of(plan)
        self.missing: list[int] = []
        self.replaced = 0
        self._replace, self._verify, self._progress = replace, verify, progress
        self._records: dict[str, PartRecord] = {}
        self._written, self._cost = 0.0, 0.0
        self._held = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.place.make()
            stack.enter_context(self.place.lock())
            self._take_stock()
            self._held = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._held, suppress(EnvironmentFailure):  # the error on the way here says more
            if kind is not None:
                self._remove_partials()

    def _remove_partials(self) -> None:
        """Halves that workers left which were killed."""
        for name in filter(_PARTIAL.fullmatch, self.place.sizes()):
            self.place.remove(name)

    def _take_stock(self) -> None:
        old, sizes = self._earlier(), self.place.sizes()
        same = old is not None and not old.differences(self.manifest)
        if old is not None and not same:
            self.replaced = sum(part.rows for part in old.parts)
        named = {file.name for part in old.parts for file in part.files} if old is not None else set()
        loose = sorted(name for name in sizes if _PART.fullmatch(name) and name not in named)
        self._refuse_foreign(loose, known=old is not None)
        if old is not None and same:
            self._records = {part.name: part for part in self._whole(old.parts, sizes)}
        names = [part_name(number) for number in range(self.plan.parts)]
        self.missing = [number for number, name in enumerate(names) if name not in self._records]
        if old is not None and same and not self.missing and old.status == "complete":
            self.manifest = old
        else:
            self._write()  # before anything is removed: from here on the folder is this run's
        stale = sorted((named - {file.name for part in self._records.values() for file in part.files}) & set(sizes))
        for name in [*loose, *stale, *filter(_PARTIAL.fullmatch, sizes)]:
            self.place.remove(name)

    def _earlier(self) -> Manifest | None:
        try:
            old = read_manifest(self.place)
        except InputError:
            if not self._replace:
                raise
            return None
        other = old.differences(self.manifest) if old is not None else []
        if other and not self._replace:
            raise InputError(
                f"{self.place.shown} holds another run: {', '.join(other)}. Give that run's command to go on with it, "
                "name another folder, or put this one in its place with --replace."
            )
        return old

    def _refuse_foreign(self, names: list[str], *, known: bool) -> None:
        """Files with the name of a part that no manifest names: leftovers of a killed run are ours, others are not touched."""
        if names and not known and not self._replace:
            raise InputError(
                f"{self.place.shown} holds {names[0]} but no {MANIFEST} that says which run it is of. Name another folder; "
                "if the parts are this program's, --replace makes them anew."
            )
        for name in names:
            half = known and not self.place.local and int(name.split("-")[1].split(".")[0]) < self.plan.parts  # a store may keep half an upload
            if not (half or self._is_ours(name)):
                raise InputError(f"{self.place.shown}{name} was not made by this program and is not deleted. Move it away, or name another folder.")

    def _is_ours(self, name: str) -> bool:
        import pyarrow.parquet as pq

        try:
            with self.place.open(name) as file:
                return META in (pq.read_schema(file).metadata or {})
        except (OSError, pa.ArrowInvalid):
            return False

    def _whole(self, parts: tuple[PartRecord, ...], sizes: dict[str, int]) -> Iterator[PartRecord]:
        rows = 0
        for part in parts:
            whole = all(sizes.get(file.name) == file.bytes for file in part.files)
            if whole and (not self._verify or all(self.place.digest(file.name) == file.sha256 for file in part.files)):
                yield part
            rows += part.rows
            if self._verify and self._progress is not None:
                self._progress(rows, self.plan.origin.samples)

    def record(self, part: PartRecord) -> None:
        """Takes note of a finished part in the manifest; if that is slow (very many parts, a far store), of several at a time."""
        self._records[part.name] = part
        if self._cost <= max(_QUICK, _SHARE * (monotonic() - self._written)):
            self._write()

    def finish(self, report: dict[str, Any]) -> None:
        """Names every part and the report, and says that the run is complete."""
        assert len(self._records) == self.plan.parts
        self._remove_partials()
        self._write(status="complete", report=report)

    def now(self) -> Manifest:
        """The manifest with every part that is finished, written or not."""
        parts = tuple(sorted(self._records.values(), key=lambda part: part.first_block))
        return Manifest.of(self.plan).model_copy(update={"parts": parts})

    def _write(self, **changes: Any) -> None:
        begun = monotonic()
        self.manifest = self.now().model_copy(update=changes)
        write_manifest(self.place, self.manifest)
        self._written = monotonic()
        self._cost = self._written - begun


def open_parts(text: str) -> tuple[Place, Manifest]:
    """A folder of part files that is complete.

    Raises:
        InputError: it is not one, or not complete.
    """
    place = find_place(text)
    manifest = read_manifest(place)
    if manifest is None:
        raise InputError(f"{place.shown} holds no {MANIFEST}; expected a folder that 'bootstrap --output FOLDER/' wrote.")
    if manifest.status != "complete" or len(manifest.parts) != manifest.plan.parts:
        unsaid = " and its quality report is missing" if len(manifest.parts) == manifest.plan.parts else ""
        done = f"{len(manifest.parts)} of {manifest.plan.parts} parts are finished{unsaid}"
        raise InputError(f"{place.shown} is not complete: {done}. Give its bootstrap command again: it goes on where it stopped.")
    return place, manifest


def read_parts(place: Place, manifest: Manifest, *, checked: bool = True, truth: bool = False) -> Iterator[Batch]:
    """The rows of a folder, part by part; each batch is a row group.

    Args:
        checked: compare each part's sha256 with the manifest's before its rows are given.
        truth: give the truth with the rows.

    Raises:
        InputError: a part is missing or altered; the truth is asked for and the folder holds none.
    """
    if truth and not manifest.truth:
        raise InputError(f"{place.shown} holds no truth; make it with: prompt-improver bootstrap --output {place.shown} --truth {place.shown}")
    for part in manifest.parts:
        known = _read_groups(place, part.truth, TRUTH_SCHEMA, checked=checked) if truth and part.truth is not None else None
        for rows in _read_groups(place, part, ROW_SCHEMA, checked=checked):
            yield Batch(manifest.run, rows, next(known) if known is not None else None)


def _read_groups(place: Place, record: FileRecord, schema: pa.Schema, *, checked: bool) -> Iterator[pa.Table]:
    import pyarrow.parquet as pq

    name = f"{place.shown}{record.name}"
    advice = "Give its bootstrap command again with --verify: it makes the parts anew that are not as recorded."
    try:
        if checked and place.digest(record.name) != record.sha256:
            raise InputError(f"{name} was altered: its sha256 is not the one in {MANIFEST}. {advice}")
        with place.open(record.name) as source, pq.ParquetFile(source) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, columns=schema.names).select(schema.names).cast(schema)
    except FileNotFoundError:
        raise InputError(f"{name} is missing; {MANIFEST} names it. {advice}") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{name}: cannot be read: {str(error).splitlines()[0][:200]}. {advice}") from None


def read_stored(output: str | Path) -> tuple[Iterator[Batch], Manifest | None]:
    """The rows of what `bootstrap --output` wrote, a file or a folder of part files, and the folder's manifest.

    Raises:
        InputError: not such a file or folder, or a part of it is missing or altered.
    """
    if not names_folder(str(output)):
        return read_file(Path(output)), None
    place, manifest = open_parts(str(output))
    return read_parts(place, manifest), manifest
