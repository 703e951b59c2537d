"""Parts of a domain file: tables with their mistakes, slots, texts with slots."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prompt_improver.domains.articles import article
from prompt_improver.domains.content import Ref, Slot, Text
from prompt_improver.features.counts import tokens

__all__ = ["Reader", "check_identity", "ending_of", "read_slots", "read_text", "repeated"]

_SLOT = re.compile(r"\{\{\s*(?:([aA])\s+)?([A-Za-z][A-Za-z0-9_]*)(?:\.([A-Za-z][A-Za-z0-9_]*))?\s*\}\}")
_WHITE = re.compile(r"\s")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass
class Reader:
    """Walks one file and gathers every mistake, so that a writer mends them in one go."""

    file: Path
    problems: list[str] = field(default_factory=list)

    def say(self, where: str, message: str) -> None:
        self.problems.append(f"{self.file.name}: {where}: {message}")

    def take(self, table: Any, key: str, kind: type | tuple[type, ...], where: str, default: Any = None) -> Any:
        """`table[key]` if it is of `kind`; says so and gives the default where it is not."""
        names = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        if not isinstance(table, dict) or key not in table:
            self.say(where, f"'{key}' is missing; expected {names}")
            return default
        value = table[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            self.say(where, f"'{key}' is {value!r:.60}; expected {names}")
            return default
        return value

    def only(self, table: Any, known: tuple[str, ...], where: str) -> None:
        for key in table if isinstance(table, dict) else ():
            if key not in known:
                self.say(where, f"'{key}' is not a known key; known are {', '.join(known)}")

    def name(self, value: Any, where: str) -> str:
        if isinstance(value, str) and not _NAME.fullmatch(value):
            self.say(where, f"{value!r} is no name; expected letters, digits and _")
        return value if isinstance(value, str) else "?"


def read_slots(reader: Reader, table: Any, where: str) -> dict[str, Slot]:
    if not isinstance(table, dict):
        reader.say(where, "expected a table of slots")
        return {}
    return {reader.name(name, where): _slot(reader, value, f"{where}: {name}") for name, value in table.items()}


def _slot(reader: Reader, value: Any, where: str) -> Slot:
    if isinstance(value, dict):
        reader.only(value, ("from", "to", "step"), where)
        start, stop, step = (reader.take({"step": 1, **value}, k, int, where, 1) for k in ("from", "to", "step"))
        if step < 1 or stop < start or (stop - start) // step > 100_000:
            reader.say(where, f"a range from {start} to {stop} by {step} holds no sensible list of numbers")
            return {"": ("0",)}
        return {"": tuple(str(n) for n in range(start, stop + 1, step))}
    if not isinstance(value, list) or not value:
        reader.say(where, "expected a list of fillers, a list of records, or {from, to, step}")
        return {"": ("?",)}
    if all(isinstance(filler, str) for filler in value):
        for twice in repeated(filler.casefold() for filler in value):
            reader.say(where, f"filler {twice!r:.60} stands twice")
        return {"": _fillers(reader, value, where)}
    if not all(isinstance(r, dict) and r and r.keys() == value[0].keys() for r in value):
        reader.say(where, "expected strings only, or records that all have the same fields")
        return {"": ("?",)}
    names = [reader.name(name, where) for name in value[0]]
    return {name: _fillers(reader, [record[name] for record in value], f"{where}.{name}") for name in names}


def _fillers(reader: Reader, values: list[Any], where: str) -> tuple[str, ...]:
    for value in values:
        if not isinstance(value, str) or not value.strip():
            reader.say(where, f"filler {value!r:.60} must be text")
        elif _SLOT.search(value):
            reader.say(where, f"filler {value!r:.60} holds a slot; slots stand in texts only")
    return tuple(str(value).strip() for value in values)


def read_text(reader: Reader, raw: str, slots: Mapping[str, Slot], where: str) -> Text:
    raw = raw.strip()
    if not raw:
        reader.say(where, "is empty")
        return Text(("?",))
    parts: list[str | Ref] = []
    last = 0
    for match in _SLOT.finditer(raw):
        ref = Ref(match[2], match[3] or "")
        if ref.slot not in slots:
            reader.say(where, f"slot {ref} is not defined in [slots] or [family.slots]")
        elif ref.field not in slots[ref.slot]:
            fields = (name for name in slots[ref.slot] if " " not in name)
            known = ", ".join(f"{{{{{ref.slot}.{name}}}}}" if name else f"{{{{{ref.slot}}}}}" for name in fields)
            reader.say(where, f"slot {ref} has no such field; write {known}")
        else:
            if match[1]:
                ref = _with_article(ref, match[1], slots)
            if match.start() > last:
                parts.append(raw[last : match.start()])
            parts.append(ref)
            last = match.end()
    if last < len(raw):
        parts.append(raw[last:])
    text = Text(tuple(parts))
    for left, right in _seams(text, slots):
        if tokens(left + right) != tokens(left) + tokens(right):
            reader.say(where, f"a slot is glued to its neighbour: '{left[-20:]}' + '{right[:20]}' read as one word")
            break
    return text


def _with_article(ref: Ref, letter: str, slots: Mapping[str, Slot]) -> Ref:
    """A slot behind its article: a field of its own, named `a FIELD`, in which each filler carries the right one."""
    name = f"{letter} {ref.field}"
    fillers = slots[ref.slot][ref.field]
    slots[ref.slot].setdefault(name, tuple(letter + article(filler)[1:] + " " + filler for filler in fillers))
    return Ref(ref.slot, name)


def _fillers_of(part: str | Ref, slots: Mapping[str, Slot]) -> tuple[str, ...]:
    return (part,) if isinstance(part, str) else slots[part.slot][part.field]


def ending_of(text: Text, slots: Mapping[str, Slot]) -> str:
    return _fillers_of(text.parts[-1], slots)[0]


def _seams(text: Text, slots: Mapping[str, Slot]) -> Iterator[tuple[str, str]]:
    """What stands before a seam without white space, back to the last white space, and what stands behind it."""
    seen = set()
    tails = {""}
    for part in text.parts:
        fillers = _fillers_of(part, slots)
        for left in tails - {""}:
            for right in {_WHITE.split(filler[:40], maxsplit=1)[0] for filler in fillers} - {""}:
                if (left, right) not in seen:
                    seen.add((left, right))
                    yield left, right
        whole = {filler for filler in fillers if not _WHITE.search(filler)}
        tails = {_WHITE.split(filler)[-1][-40:] for filler in fillers if filler not in whole} | {tail + filler for tail in tails for filler in whole}


def check_identity(reader: Reader, text: Text, identity: frozenset[str], slots: Mapping[str, Slot], where: str) -> None:
    for name in sorted(identity - text.slots):
        reader.say(where, f"slot '{name}' of the prompt is not used; a rewrite uses every slot of its prompt")
    for name in sorted(identity & text.slots):
        fields = {ref.field for ref in text.refs if ref.slot == name}
        told = (slots[name][f] for f in fields)
        if not any(len({filler.casefold() for filler in fillers}) == len(fillers) for fillers in told):
            reader.say(where, f"no field of slot '{name}' used here differs between all its records")


def repeated(values: Iterator[str] | Any) -> list[str]:
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for value in values:
        if value in seen:
            twice[value] = None
        seen.add(value)
    return list(twice)
