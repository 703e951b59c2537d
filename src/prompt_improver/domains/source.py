"""Domain files: read, checked, turned into values. The format stands in `README.md` beside this file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prompt_improver.errors import DomainError
from prompt_improver.features.counts import tokens

__all__ = ["FORMS", "RULES", "STRENGTHS", "Domain", "Family", "Prompt", "Ref", "Rewrite", "Text", "read_domain"]

RULES = (
    "clarify_wording",
    "name_specifics",
    "add_constraints",
    "give_context",
    "ask_format",
    "give_steps",
    "add_example",
    "state_criteria",
    "cut_padding",
)
"""The enhancement rules, in the order of `rules.toml`, of the `rules` column and of every rule matrix."""

STRENGTHS = ("badly", "weakly", "well")
"""How a rule is applied; place + 1 is its number in rule matrices, 0 means not applied."""

FORMS = ("question", "command", "fragment", "wish", "role", "problem", "pasted", "several")
"""What a prompt looks like from outside."""

FEATURE_NAMES = ("clarity", "length", "specificity", "complexity", "context_richness", "actionability")
_SLOT = re.compile(r"\{\{\s*([A-Za-z][A-Za-z0-9_]*)(?:\.([A-Za-z][A-Za-z0-9_]*))?\s*\}\}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ENDS_WELL = re.compile(r"[.!?:;…)\]}>\"'”’`|]$|\n[^\n]*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Ref:
    """A slot in a text: `{{slot}}` or `{{slot.field}}`."""

    slot: str
    field: str = ""

    def __str__(self) -> str:
        return f"{{{{{self.slot}.{self.field}}}}}" if self.field else f"{{{{{self.slot}}}}}"


@dataclass(frozen=True, slots=True)
class Text:
    """A text with slots: literals and `Ref`s in turn, no two literals beside each other."""

    parts: tuple[str | Ref, ...]

    @property
    def refs(self) -> tuple[Ref, ...]:
        return tuple(part for part in self.parts if isinstance(part, Ref))

    @property
    def slots(self) -> frozenset[str]:
        return frozenset(ref.slot for ref in self.refs)


Slot = Mapping[str, tuple[str, ...]]
"""Fillers by field; a plain list has the one field ''. All fields have as many fillers."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    text: Text
    rules: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Prompt:
    key: str
    form: str
    text: Text
    rewrites: tuple[Rewrite, ...]


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    about: str
    difficulty: float
    slots: Mapping[str, Slot]
    prompts: tuple[Prompt, ...]
    clauses: Mapping[tuple[str, str], tuple[Text, ...]]


@dataclass(frozen=True, slots=True)
class Domain:
    name: str
    title: str
    share: float
    envelopes: Mapping[str, tuple[float, float]]
    families: tuple[Family, ...]


@dataclass
class _Reader:
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


def read_domain(path: Path) -> Domain:
    """The domain that a TOML file describes.

    Raises:
        DomainError: naming file, family and key of every mistake (the first thirty).
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise DomainError(f"{path}: not valid TOML: {error}. Mend the line and try again.") from error
    except UnicodeDecodeError as error:
        raise DomainError(f"{path}: not UTF-8 at byte {error.start}. Save the file as UTF-8.") from error
    except OSError as error:
        raise DomainError(f"{path}: cannot be read: {error.strerror or error}.") from error
    reader = _Reader(path)
    domain = _domain(reader, content)
    if reader.problems:
        shown = "\n  ".join(reader.problems[:30])
        more = f"\n  … and {len(reader.problems) - 30} more" if len(reader.problems) > 30 else ""
        raise DomainError(f"{len(reader.problems)} mistake(s) in {path}:\n  {shown}{more}")
    return domain


def _domain(reader: _Reader, content: dict[str, Any]) -> Domain:
    reader.only(content, ("format", "name", "title", "share", "envelopes", "slots", "clauses", "family"), "top")
    if reader.take(content, "format", int, "top", 1) != 1:
        reader.say("top", f"'format' is {content.get('format')!r}; this version reads format 1")
    name = reader.name(reader.take(content, "name", str, "top", "?"), "name")
    share = float(reader.take(content, "share", (int, float), "top", 0))
    if not 0 < share <= 1:
        reader.say("share", f"{share} is not in (0, 1]")
    shared = _slots(reader, content.get("slots", {}), "slots")
    families: list[Family] = []
    for place, table in enumerate(reader.take(content, "family", list, "top", [])):
        families.append(_family(reader, table, shared, content.get("clauses", {}), f"family {place + 1}"))
    for twice in _repeated(f.name for f in families):
        reader.say(f"family {twice}", "this name stands twice; every family needs its own")
    if not families:
        reader.say("family", "no [[family]] in the file; at least one is needed")
    title = reader.take(content, "title", str, "top", "")
    return Domain(name, title, share, _envelopes(reader, content.get("envelopes", {})), tuple(families))


def _envelopes(reader: _Reader, table: Any) -> dict[str, tuple[float, float]]:
    reader.only(table, FEATURE_NAMES, "envelopes")
    found = {}
    for name in FEATURE_NAMES:
        ends = reader.take(table, name, list, "envelopes", [0, 1])
        if len(ends) != 2 or not all(isinstance(e, int | float) for e in ends) or ends[0] >= ends[1]:
            reader.say("envelopes", f"'{name}' is {ends!r:.60}; expected [low, high] with low < high")
            ends = [0, 1]
        found[name] = (float(ends[0]), float(ends[1]))
    return found


def _slots(reader: _Reader, table: Any, where: str) -> dict[str, Slot]:
    if not isinstance(table, dict):
        reader.say(where, "expected a table of slots")
        return {}
    return {reader.name(name, where): _slot(reader, value, f"{where}: {name}") for name, value in table.items()}


def _slot(reader: _Reader, value: Any, where: str) -> Slot:
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
        for twice in _repeated(filler.casefold() for filler in value):
            reader.say(where, f"filler {twice!r:.60} stands twice")
        return {"": _fillers(reader, value, where)}
    if not all(isinstance(r, dict) and r and r.keys() == value[0].keys() for r in value):
        reader.say(where, "expected strings only, or records that all have the same fields")
        return {"": ("?",)}
    names = [reader.name(name, where) for name in value[0]]
    return {name: _fillers(reader, [record[name] for record in value], f"{where}.{name}") for name in names}


def _fillers(reader: _Reader, values: list[Any], where: str) -> tuple[str, ...]:
    for value in values:
        if not isinstance(value, str) or not value.strip():
            reader.say(where, f"filler {value!r:.60} must be text")
        elif _SLOT.search(value):
            reader.say(where, f"filler {value!r:.60} holds a slot; slots stand in texts only")
    return tuple(str(value).strip() for value in values)


def _family(reader: _Reader, table: Any, shared: Mapping[str, Slot], common: Any, where: str) -> Family:
    reader.only(table, ("name", "about", "difficulty", "slots", "prompt", "clauses"), where)
    name = reader.name(reader.take(table, "name", str, where, "?"), where)
    where = f"family {name}"
    difficulty = float(reader.take(table, "difficulty", (int, float), where, 0.5))
    if not 0 <= difficulty <= 1:
        reader.say(where, f"'difficulty' is {difficulty}; expected 0 to 1")
    slots = {**shared, **_slots(reader, table.get("slots", {}), f"{where}: slots")}
    prompts = []
    for place, entry in enumerate(reader.take(table, "prompt", list, where, [])):
        prompts.append(_prompt(reader, entry, slots, f"{where}: prompt {place + 1}", where))
    for twice in _repeated(p.key for p in prompts):
        reader.say(where, f"prompt key '{twice}' stands twice")
    if not prompts:
        reader.say(where, "no [[family.prompt]]; at least one is needed")
    clauses = _clauses(reader, _joined(common, table.get("clauses", {})), slots, f"{where}: clauses")
    about = reader.take(table, "about", str, where, "")
    return Family(name, about, difficulty, slots, tuple(prompts), clauses)


def _prompt(reader: _Reader, table: Any, slots: Mapping[str, Slot], where: str, family: str) -> Prompt:
    reader.only(table, ("key", "form", "text", "rewrite"), where)
    key = reader.name(reader.take(table, "key", str, where, "?"), where)
    where = f"{family}: prompt {key}"
    form = reader.take(table, "form", str, where, FORMS[0])
    if form not in FORMS:
        reader.say(where, f"'form' is {form!r}; expected one of {', '.join(FORMS)}")
    text = _text(reader, reader.take(table, "text", str, where, "?"), slots, f"{where}: text")
    if not text.refs:
        reader.say(where, "the text has no slot, so it could be said once only; give it at least one")
    _check_identity(reader, text, text.slots, slots, f"{where}: text")
    rewrites = []
    for place, entry in enumerate(reader.take(table, "rewrite", list, where, [])):
        spot = f"{where}: rewrite {place + 1}"
        reader.only(entry, ("text", "rules"), spot)
        written = _text(reader, reader.take(entry, "text", str, spot, "?"), slots, spot)
        _check_identity(reader, written, text.slots, slots, spot)
        if not _ENDS_WELL.search(_ending(written, slots)):
            reader.say(spot, "ends without an end mark, quotation, bracket or pasted block; a clause could not follow")
        if written == text:
            reader.say(spot, "is the prompt itself; rows without a change come about by themselves, leave it out")
        rewrites.append(Rewrite(written, _rules(reader, reader.take(entry, "rules", dict, spot, {}), spot)))
    if not rewrites:
        reader.say(where, "no [[family.prompt.rewrite]]; at least one is needed")
    return Prompt(key, form, text, tuple(rewrites))


def _rules(reader: _Reader, table: dict[str, Any], where: str) -> dict[str, str]:
    for rule, strength in table.items():
        if rule not in RULES:
            reader.say(where, f"rule '{rule}' is not known; known are {', '.join(RULES)}")
        if strength not in STRENGTHS:
            reader.say(where, f"rule {rule} is applied {strength!r}; expected one of {', '.join(STRENGTHS)}")
    return {rule: table[rule] for rule in RULES if table.get(rule) in STRENGTHS}


def _joined(common: Any, own: Any) -> Any:
    """A family's clauses; where it has none for a rule and strength, those of the domain."""
    if not isinstance(common, dict) or not isinstance(own, dict):
        return own
    both = {**common, **own}
    for rule in common.keys() & own.keys():
        if isinstance(common[rule], dict) and isinstance(own[rule], dict):
            both[rule] = {**common[rule], **own[rule]}
    return both


def _clauses(reader: _Reader, table: Any, slots: Mapping[str, Slot], where: str) -> dict[tuple[str, str], tuple[Text, ...]]:
    reader.only(table, RULES, where)
    found = {}
    for rule in RULES:
        by_strength = reader.take(table, rule, dict, where, {})
        reader.only(by_strength, STRENGTHS, f"{where}: {rule}")
        for strength in STRENGTHS:
            spot = f"{where}: {rule}: {strength}"
            texts = reader.take(by_strength, strength, list, spot, [])
            if not texts or not all(isinstance(text, str) for text in texts):
                reader.say(spot, "expected a list of at least one sentence")
                texts = []
            found[rule, strength] = tuple(_clause(reader, text, slots, spot) for text in texts)
    return found


def _clause(reader: _Reader, raw: str, slots: Mapping[str, Slot], where: str) -> Text:
    text = _text(reader, raw, slots, where)
    if not isinstance(text.parts[0], str) or len(text.parts[0]) < 3:
        reader.say(where, f"{raw!r:.60} starts with a slot; a clause starts with a word of its own")
    if not re.search(r"[.!?)\"'”’`]$", raw.strip()):
        reader.say(where, f"{raw!r:.60} has no end mark")
    return text


def _text(reader: _Reader, raw: str, slots: Mapping[str, Slot], where: str) -> Text:
    raw = raw.strip()
    if not raw:
        reader.say(where, "is empty")
        return Text(("?",))
    parts: list[str | Ref] = []
    last = 0
    for match in _SLOT.finditer(raw):
        ref = Ref(match[1], match[2] or "")
        if ref.slot not in slots:
            reader.say(where, f"slot {ref} is not defined in [slots] or [family.slots]")
        elif ref.field not in slots[ref.slot]:
            known = ", ".join(f"{{{{{ref.slot}.{name}}}}}" if name else f"{{{{{ref.slot}}}}}" for name in slots[ref.slot])
            reader.say(where, f"slot {ref} has no such field; write {known}")
        else:
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


def _fillers_of(part: str | Ref, slots: Mapping[str, Slot]) -> tuple[str, ...]:
    return (part,) if isinstance(part, str) else slots[part.slot][part.field]


def _ending(text: Text, slots: Mapping[str, Slot]) -> str:
    return _fillers_of(text.parts[-1], slots)[0]


def _seams(text: Text, slots: Mapping[str, Slot]) -> Iterator[tuple[str, str]]:
    """Every pair of neighbouring pieces that touch without white space, cut to what a token could span."""
    seen = set()
    for one, other in zip(text.parts, text.parts[1:], strict=False):
        lefts = [end for filler in _fillers_of(one, slots) if (end := filler[-40:].split(" ")[-1])]
        rights = [start for filler in _fillers_of(other, slots) if (start := filler[:40].split(" ")[0])]
        for left in lefts:
            for right in rights:
                if (left, right) not in seen and not left[-1].isspace() and not right[0].isspace():
                    seen.add((left, right))
                    yield left, right


def _check_identity(reader: _Reader, text: Text, identity: frozenset[str], slots: Mapping[str, Slot], where: str) -> None:
    for name in sorted(identity - text.slots):
        reader.say(where, f"slot '{name}' of the prompt is not used; a rewrite uses every slot of its prompt")
    for name in sorted(identity & text.slots):
        fields = {ref.field for ref in text.refs if ref.slot == name}
        told = (slots[name][f] for f in fields)
        if not any(len({filler.casefold() for filler in fillers}) == len(fillers) for fillers in told):
            reader.say(where, f"no field of slot '{name}' used here differs between all its records")


def _repeated(values: Iterator[str] | Any) -> list[str]:
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for value in values:
        if value in seen:
            twice[value] = None
        seen.add(value)
    return list(twice)
