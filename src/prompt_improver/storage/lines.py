"""Lines of .jsonl and .csv files that people wrote: read one by one, whatever is in them."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prompt_improver.errors import EnvironmentFailure, InputError

__all__ = ["MAX_PROMPT", "BrokenLine", "Entry", "find_text_problem", "plain_text", "read_lines", "show_value", "tell_broken"]

Entry = tuple[int, dict[str, Any] | str]
"""Number of a line, and its fields or what is wrong with it."""

MAX_PROMPT = 100_000
"""Characters of a prompt."""

_MAX_LINE = 10_000_000
_MAX_SHOWN = 60
_MAX_NAMES = 30
_NO_TEXT = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def read_lines(path: Path, *, named: Mapping[str, str], numbers: Collection[str]) -> Iterator[Entry]:
    """The lines of a .jsonl file (an object a line) or a .csv file (a header, then rows), in UTF-8.

    Blank lines are passed over. A row of a CSV file that goes over several lines has the number of the first.

    Args:
        path: of the file.
        named: columns that must be there, with the option that names each; in JSON lines, at least one object has them.
        numbers: columns of a CSV file whose cells become numbers where they are written as one.

    Raises:
        InputError: not such a file, or a column is nowhere in it; a CSV file whose quotation marks do not pair up.
        EnvironmentFailure: the file cannot be read.
    """
    suffix = path.suffix.lower()
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; name a .jsonl or .csv file in it.")
        if suffix not in (".jsonl", ".csv"):
            raise InputError(f"{path}: the suffix '{path.suffix}' names no format that can be read here; expected .jsonl or .csv.")
        yield from _json_lines(path, named) if suffix == ".jsonl" else _csv_lines(path, named, numbers)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except OSError as error:
        raise EnvironmentFailure(f"{path}: cannot be read: {error.strerror or error}.") from None


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that cannot be used; `column` is None where the whole line is at fault."""

    line: int
    column: str | None
    problem: str


def tell_broken(broken: Sequence[BrokenLine], *, most: int = 20) -> list[str]:
    """The first lines that cannot be used and why, and how many more there are."""
    told = [f"  line {found.line}: {found.problem}" for found in broken[:most]]
    return told + ([f"  and {len(broken) - most:,} more"] if len(broken) > most else [])


def find_text_problem(value: object, *, longest: int = MAX_PROMPT) -> str | None:
    """What is wrong with a value as a text, as the end of a sentence that begins with its column; None for nothing."""
    if not isinstance(value, str):
        return f"is {show_value(value)}; expected a text"
    if len(value) > longest:
        return f"has {len(value):,} characters; expected at most {longest:,}"
    if "\0" in value:
        return f"holds a NUL character at character {value.index(chr(0)) + 1}, which PostgreSQL cannot store"
    odd = _NO_TEXT.search(value)
    return None if odd is None else f"is not UTF-8 text at character {odd.start() + 1}"


def plain_text(text: str) -> str:
    """A text without what two people may write in two ways: case, spacing, form of characters."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def show_value(value: object) -> str:
    """A value for a message: short, on one line, with nothing in it that a terminal would obey."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = repr(value[:_MAX_SHOWN]) if isinstance(value, str) else repr(value).removesuffix(".0")
    whole = len(value) <= _MAX_SHOWN if isinstance(value, str) else len(text) <= _MAX_SHOWN
    return text if whole else f"{text[: _MAX_SHOWN + 2]}…"


def _json_lines(path: Path, named: Mapping[str, str]) -> Iterator[Entry]:
    never, there = set(named), dict[str, None]()
    with path.open("rb") as file:
        for line, raw in enumerate(iter(lambda: file.readline(_MAX_LINE + 1), b""), 1):
            if line == 1:
                _refuse_utf16(path, raw)
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            if len(raw) > _MAX_LINE:
                raise InputError(f"{path}: line {line} has more than {_MAX_LINE:,} bytes; expected one object a line.")
            if not raw.strip():
                continue
            fields = _json_fields(raw)
            if isinstance(fields, dict):
                never -= fields.keys()
                there |= dict.fromkeys(fields) if len(there) <= _MAX_NAMES else {}
            yield line, fields
    if there:
        _refuse_missing(path, never, there, named)


def _json_fields(raw: bytes) -> dict[str, Any] | str:
    try:
        fields = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"is not UTF-8 text at byte {error.start + 1}"
    except json.JSONDecodeError as error:
        return f"is not JSON: {error.msg} at character {error.pos + 1}"
    except RecursionError:
        return "is nested too deeply"
    except ValueError:  # Python refuses to read a whole number of more than 4300 digits
        return "holds a number of thousands of digits"
    return fields if isinstance(fields, dict) else f"is {show_value(fields)}; expected an object in braces"


def _csv_lines(path: Path, named: Mapping[str, str], numbers: Collection[str]) -> Iterator[Entry]:
    with path.open("rb") as start:
        _refuse_utf16(path, start.read(2))
    # Bytes that are no UTF-8 become lone surrogates, so that whoever checks a cell can name its line and column.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        # strict: a quotation mark that is never closed would swallow the rest of the file without a word.
        reader = csv.reader(_capped(path, iter(lambda: file.readline(_MAX_LINE + 1), "")), strict=True)
        names: list[str] = []
        ended = 0
        try:
            for cells in reader:
                line, ended = ended + 1, reader.line_num
                if len(cells) < 2 and not "".join(cells).strip():
                    continue
                if names:
                    yield line, _csv_fields(names, cells, numbers)
                else:
                    names = _header(path, cells, named)
        except csv.Error as error:
            raise InputError(f"{path}: the row that begins on line {ended + 1} is not CSV: {error}. Nothing after it can be read.") from None


def _header(path: Path, cells: list[str], named: Mapping[str, str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    _refuse_missing(path, named.keys() - set(names), names, named)
    twice = next((column for column in named if names.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: the header names the column {show_value(twice)} twice; give each column a name of its own.")
    return names


def _csv_fields(names: list[str], cells: list[str], numbers: Collection[str]) -> dict[str, Any] | str:
    if len(cells) != len(names):
        return f"has {len(cells)} cells; expected {len(names)} as in the header"
    return {name: _number(cell) if name in numbers else cell for name, cell in zip(names, cells, strict=True)}


def _number(cell: str) -> float | str:
    return float(cell) if _NUMBER.fullmatch(cell.strip()) else cell


def _capped(path: Path, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) > _MAX_LINE:
            raise InputError(f"{path}: line {number} has more than {_MAX_LINE:,} characters; expected one row a line.")
        yield line


def _refuse_missing(path: Path, missing: Collection[str], there: Iterable[str], named: Mapping[str, str]) -> None:
    absent = [column for column in named if column in missing]
    if not absent:
        return
    names = list(there)
    told = ", ".join(map(show_value, names[:_MAX_NAMES])) + (", …" if len(names) > _MAX_NAMES else "")
    parted = " Cells are parted by commas." if path.suffix.lower() == ".csv" and len(names) == 1 else ""
    advice = "Name the right one with " + " and ".join(named[column] for column in absent)
    raise InputError(f"{path} has no column {' and no column '.join(map(show_value, absent))}; it has {told}.{parted} {advice}.")


def _refuse_utf16(path: Path, start: bytes) -> None:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path} is UTF-16 text; save it as UTF-8.")
