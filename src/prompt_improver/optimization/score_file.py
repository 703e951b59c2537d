"""Scores of many prompts, from a file into a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import IO, Any

from prompt_improver.errors import EnvironmentFailure, InputError
from prompt_improver.optimization.scorer import Scorer
from prompt_improver.storage.lines import BrokenLine, find_text_problem, read_lines, show_value, tell_broken

__all__ = ["FileScored", "score_file"]

_PART = 2000
_FIELDS = frozenset({"effectiveness_score", "interval", "tier", "features", "rules"})


@dataclass(frozen=True, slots=True)
class FileScored:
    """What became of a file: its lines that are not blank, the scores written, the lines that could not be scored, and the names of fields of the
    input that gave way to those of the score."""

    lines: int
    scored: int
    skipped: tuple[BrokenLine, ...]
    replaced: tuple[str, ...]
    seconds: float


def score_file(scorer: Scorer, source: Path, target: Path, *, column: str = "prompt", skip_invalid: bool = False) -> FileScored:
    """Scores every prompt of a file; the output has the fields of each line, and its score, in the same order.

    Args:
        scorer: a loaded model.
        source: a .jsonl or .csv file with a prompt a line.
        target: a .jsonl file, put in place whole.
        column: of the prompt.
        skip_invalid: score the good lines where others are broken.

    Raises:
        InputError: not such a file, or broken lines, which are named; nothing was written.
        EnvironmentFailure: disk; nothing was written.
    """
    if source.resolve() == target.resolve():
        raise InputError(f"{source} is both input and output; name another file for the scores.")
    begun, broken, scored, lines, replaced = perf_counter(), list[BrokenLine](), 0, 0, set[str]()
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            part: list[dict[str, Any]] = []
            for entry in _entries(source, column):
                lines += 1
                if isinstance(entry, BrokenLine):
                    broken.append(entry)
                    continue
                replaced |= _FIELDS & entry.keys()
                part.append(entry)
                scored += 1
                if len(part) == _PART:
                    _write(scorer, part, column, file)
                    part = []
            _write(scorer, part, column, file)
        if not scored or (broken and not skip_invalid):
            raise InputError(_refusal(source, lines, broken, scored))
        partial.replace(target)
    except OSError as error:
        raise EnvironmentFailure(f"{target}: could not be written: {error.strerror or error}.") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return FileScored(lines, scored, tuple(broken), tuple(sorted(replaced)), perf_counter() - begun)


def _entries(source: Path, column: str) -> Iterator[dict[str, Any] | BrokenLine]:
    for line, entry in read_lines(source, named={column: "--prompt-column"}, numbers=()):
        if isinstance(entry, str):
            yield BrokenLine(line, None, entry)
            continue
        # An empty prompt has a score as any text has: who scores many wants as many back.
        problem = find_text_problem(entry[column]) if column in entry else "is missing"
        if problem is not None:
            yield BrokenLine(line, column, f"{show_value(column)} {problem}")
        elif not _can_be_written(entry):
            yield BrokenLine(line, None, "holds a field that is not UTF-8 text, or no number")
        else:
            yield entry


def _can_be_written(entry: dict[str, Any]) -> bool:
    try:
        json.dumps(entry, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:  # also what is no UTF-8
        return False
    return True


def _write(scorer: Scorer, part: list[dict[str, Any]], column: str, file: IO[str]) -> None:
    for entry, score in zip(part, scorer.score([entry[column] for entry in part]), strict=True):
        file.write(json.dumps(entry | score.to_json(), ensure_ascii=False) + "\n")


def _refusal(source: Path, lines: int, broken: list[BrokenLine], scored: int) -> str:
    if not lines:
        return f"{source} holds no prompts; expected one a line."
    advice = "Mend them, or leave them out with --skip-invalid." if scored else "No line is left to score."
    return "\n".join([f"{source}: {len(broken):,} of {lines:,} lines cannot be scored; nothing was written.", *tell_broken(broken), advice])
