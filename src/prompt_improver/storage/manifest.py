"""The manifest of a folder of part files: what the run is, and which parts are whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prompt_improver.batch import Origin
from prompt_improver.errors import InputError
from prompt_improver.storage.places import Place
from prompt_improver.validation.tally import Tally

__all__ = ["MANIFEST", "FileRecord", "Manifest", "PartPlan", "PartRecord", "part_name", "read_manifest", "truth_name", "write_manifest"]

MANIFEST = "manifest.json"
_FORMAT = 1
_LARGEST = 256 << 20
_MOST_PARTS = 200_000
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


def part_name(number: int) -> str:
    return f"part-{number:05d}.parquet"


def truth_name(number: int) -> str:
    return f"truth-{number:05d}.parquet"


@dataclass(frozen=True, slots=True)
class PartPlan:
    """How a run is cut into parts: every part has `blocks_per_part` blocks but the last, which has the rest.

    `truth` says whether what a learner must not see is written beside each part.
    """

    origin: Origin
    blocks: int
    blocks_per_part: int
    truth: bool = False

    def __post_init__(self) -> None:
        if self.parts > _MOST_PARTS:
            least = -(-self.blocks // _MOST_PARTS)
            raise InputError(f"{self.parts:,} parts are more than a manifest holds ({_MOST_PARTS:,}); give --part-blocks {least} or more.")

    @property
    def parts(self) -> int:
        return -(-self.blocks // self.blocks_per_part)

    def blocks_of(self, number: int) -> range:
        first = number * self.blocks_per_part
        return range(first, min(first + self.blocks_per_part, self.blocks))


class FileRecord(BaseModel):
    """A file that is whole."""

    model_config = _STRICT

    name: str
    bytes: int
    sha256: str


class PartRecord(FileRecord):
    """A part that is whole, with its truth where the run has it; `tally` is the exact count of its rows."""

    first_block: int
    blocks: int
    rows: int
    tally: Tally
    truth: FileRecord | None = None

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """All that must be there for the part to count."""
        return (self,) if self.truth is None else (self, self.truth)


class Manifest(BaseModel):
    """What stands in `manifest.json`; the same bytes for the same run, however it was made. `report` is there when it is complete."""

    model_config = _STRICT

    format: Literal[1] = 1
    status: Literal["running", "complete"] = "running"
    run: Origin
    blocks: int
    blocks_per_part: int
    truth: bool = False
    writer: str = Field(default=f"pyarrow {pa.__version__}", description="what wrote the Parquet bytes; another version may write others")
    parts: tuple[PartRecord, ...] = ()
    report: dict[str, Any] | None = None

    @classmethod
    def of(cls, plan: PartPlan) -> Manifest:
        """The manifest of a run of which nothing is made yet."""
        return cls(run=plan.origin, blocks=plan.blocks, blocks_per_part=plan.blocks_per_part, truth=plan.truth)

    @property
    def plan(self) -> PartPlan:
        return PartPlan(self.run, self.blocks, self.blocks_per_part, self.truth)

    def differences(self, other: Manifest) -> list[str]:
        """In words, what is not the same run: here and in the other."""
        mine, others = self._facts(), other._facts()
        return [f"{name} {mine[name]} (asked: {others[name]})" for name in mine if mine[name] != others[name]]

    def _facts(self) -> dict[str, object]:
        run = self.run
        return {
            "seed": run.seed,
            "samples": run.samples,
            "recipe and content": run.recipe_fingerprint,
            "extractor": run.extractor,
            "version": run.engine_version,
            "blocks a part": self.blocks_per_part,
            "truth": "yes" if self.truth else "no",
            "writer": self.writer,
        }


def write_manifest(place: Place, manifest: Manifest) -> None:
    """Puts a manifest in the place of the older one, with a digest of itself in its last line."""
    fields = manifest.model_dump(mode="json")
    lines = [f'"{name}": {json.dumps(value)}' for name, value in fields.items() if name != "parts"]
    parts = ",\n".join(json.dumps(part) for part in fields["parts"])
    lines += [f'"parts": [\n{parts}\n]', f'"sha256": "{_digest(fields)}"']
    with place.create(MANIFEST) as sink:
        sink.write(("{\n" + ",\n".join(lines) + "\n}\n").encode())


def _digest(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def read_manifest(place: Place) -> Manifest | None:
    """The manifest of a folder; None where there is none.

    Raises:
        InputError: it cannot be read, is not of this format, or was altered.
    """
    name = f"{place.shown}{MANIFEST}"
    try:
        data = place.read(MANIFEST, at_most=_LARGEST)
        fields = json.loads(data)
        if not isinstance(fields, dict):
            raise InputError(f"{name}: holds {type(fields).__name__}; expected an object. {_ADVICE}")
        if fields.get("format") != _FORMAT:
            raise InputError(f"{name}: format {fields.get('format')!r:.20}; this version reads format {_FORMAT}. {_ADVICE}")
        told = fields.pop("sha256", None)
        if told != _digest(fields):
            raise InputError(f"{name}: was altered: its digest is not the one in its last line. {_ADVICE}")
        return Manifest.model_validate_json(json.dumps(fields))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{name}: '{'.'.join(map(str, first['loc']))}': {first['msg'].lower()}. {_ADVICE}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not JSON: {str(error)[:100]}. {_ADVICE}") from None


_ADVICE = "Put back the file as it was, or give the folder's bootstrap command again with --replace: it makes the run anew."
