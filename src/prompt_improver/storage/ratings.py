"""A user's own rated prompts in a file: read, checked, put on one scale. Nothing here touches a database."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from prompt_improver.errors import InputError
from prompt_improver.storage.lines import MAX_PROMPT, BrokenLine, find_text_problem, plain_text, read_lines, show_value

__all__ = ["MAX_NAME", "RatedRow", "RatingColumns", "Ratings", "read_ratings"]

MAX_NAME = 64
"""Characters of a domain or a group: the width of their columns in the database."""


@dataclass(frozen=True, slots=True)
class RatingColumns:
    """Which column of a file is what, and the scale of its scores.

    Without `original` the prompt stands for itself, without `domain` it is "unknown", without `group` rewrites of one original are a group.

    Raises:
        InputError: the scale is not two finite numbers, the lower one first.
    """

    prompt: str = "prompt"
    score: str = "score"
    original: str | None = None
    domain: str | None = None
    group: str | None = None
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.high - self.low) and self.low < self.high):
            raise InputError(f"the scale goes from {self.scale}; expected two numbers, the lower one first.")

    @property
    def named(self) -> dict[str, str]:
        """Columns that a file must have, with the option that names each."""
        options = {"prompt": self.prompt, "score": self.score, "original": self.original, "domain": self.domain, "group": self.group}
        return {column: f"--{option}-column" for option, column in options.items() if column is not None}

    @property
    def scale(self) -> str:
        """The scale in words: "0 to 1"."""
        return f"{show_value(self.low)} to {show_value(self.high)}"


@dataclass(frozen=True, slots=True)
class RatedRow:
    """A prompt with its score in [0, 1]; `line` is where it stands first, counted from 1."""

    line: int
    prompt: str
    original: str
    domain: str
    group: str
    score: float


@dataclass(frozen=True, slots=True)
class Ratings:
    """What a file holds: the number of its lines that are not blank, each prompt once, and the lines that cannot be used.

    `repeated` prompts stand on more than one line: their score is the mean, all else is as on the first of these lines.
    """

    lines: int
    rows: tuple[RatedRow, ...]
    broken: tuple[BrokenLine, ...]
    repeated: int


def read_ratings(path: Path, columns: RatingColumns) -> Ratings:
    """Reads and checks a .jsonl or .csv file; lines that are wrong are given back, not raised.

    Raises:
        InputError: not such a file, nothing in it, or a column is nowhere in it.
        EnvironmentFailure: the file cannot be read.
    """
    rows: list[RatedRow] = []
    broken: list[BrokenLine] = []
    for line, entry in read_lines(path, named=columns.named, numbers={columns.score}):
        row = BrokenLine(line, None, entry) if isinstance(entry, str) else _check(line, entry, columns)
        if isinstance(row, BrokenLine):
            broken.append(row)
        else:
            rows.append(row)
    if not rows and not broken:
        raise InputError(f"{path} holds no rated prompts; expected one a line.")
    merged, repeated = _merge(rows)
    return Ratings(len(rows) + len(broken), merged, tuple(broken), repeated)


def _check(line: int, entry: dict[str, Any], columns: RatingColumns) -> RatedRow | BrokenLine:
    """The row of a line, or the first thing that is wrong with it."""
    for column, problem in _problems(entry, columns):
        return BrokenLine(line, column, f"{show_value(column)} {problem}")
    prompt, score = entry[columns.prompt], entry[columns.score]
    original = _given(entry, columns.original) or prompt
    return RatedRow(
        line=line,
        prompt=prompt,
        original=original,
        domain=_given(entry, columns.domain).strip() or "unknown",
        group=_given(entry, columns.group).strip() or _digest(original),
        score=(float(score) - columns.low) / (columns.high - columns.low),
    )


def _problems(entry: dict[str, Any], columns: RatingColumns) -> Iterator[tuple[str, str]]:
    for column in (columns.prompt, columns.score):
        if column not in entry:
            yield column, "is missing"
    prompt, score = entry.get(columns.prompt), entry.get(columns.score)
    if not isinstance(prompt, str) or not prompt.strip():
        yield columns.prompt, f"is {show_value(prompt)}; expected a prompt"
    yield from _text_problems(prompt, columns.prompt, MAX_PROMPT)
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not columns.low <= score <= columns.high:
        yield columns.score, f"is {show_value(score)}; expected a number from {columns.scale}"
    for optional, longest in ((columns.original, MAX_PROMPT), (columns.domain, MAX_NAME), (columns.group, MAX_NAME)):
        value = None if optional is None else entry.get(optional)
        if optional is not None and value is not None:
            yield from _text_problems(_as_text(value) if optional == columns.group else value, optional, longest)


def _text_problems(value: object, column: str, longest: int) -> Iterator[tuple[str, str]]:
    problem = find_text_problem(value, longest=longest)
    if problem is not None:
        yield column, problem


def _as_text(value: object) -> object:
    """Groups are often numbered."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _given(entry: dict[str, Any], column: str | None) -> str:
    """The text of an optional column; empty where it is not asked for, not there, or blank."""
    value = None if column is None else entry.get(column)
    text = "" if value is None else str(value)
    return text if text.strip() else ""


def _digest(text: str) -> str:
    """A group for rewrites of one text: the same for another case, spacing or form of its characters."""
    return f"real-{hashlib.sha256(plain_text(text).encode()).hexdigest()[:12]}"


def _merge(rows: list[RatedRow]) -> tuple[tuple[RatedRow, ...], int]:
    """Each prompt once, in order of first appearance. The mean is exact before it is rounded, so the order of lines does not matter."""
    same: dict[str, list[RatedRow]] = {}
    for row in rows:
        same.setdefault(row.prompt, []).append(row)
    merged = tuple(group[0] if len(group) == 1 else replace(group[0], score=mean(row.score for row in group)) for group in same.values())
    return merged, sum(len(group) > 1 for group in same.values())
