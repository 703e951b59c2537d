"""Domain files: read, checked, turned into values. The format stands in `README.md` beside this file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prompt_improver.domains.content import FORMS, RULES, STRENGTHS, Domain, Family, Prompt, Rewrite, Slot, Text
from prompt_improver.domains.packed import domain_parts
from prompt_improver.domains.reading import Reader, check_identity, ending_of, read_slots, read_text, repeated
from prompt_improver.errors import DomainError

__all__ = ["read_domain"]

FEATURE_NAMES = ("clarity", "length", "specificity", "complexity", "context_richness", "actionability")
_ENDS_WELL = re.compile(r"[.!?:;…)\]}>\"'”’`|]$|\n[^\n]*$", re.DOTALL)


def read_domain(path: Path) -> Domain:
    """The domain that a TOML file describes, with the families of the folder of the same name.

    Raises:
        DomainError: naming file, family and key of every mistake (the first thirty).
    """
    problems: list[str] = []
    readers = [Reader(file, problems) for file in domain_parts(path)]
    domain = _domain(readers, [_parsed(reader.file) for reader in readers])
    if problems:
        shown = "\n  ".join(problems[:30])
        more = f"\n  … and {len(problems) - 30} more" if len(problems) > 30 else ""
        raise DomainError(f"{len(problems)} mistake(s) in {path}:\n  {shown}{more}")
    return domain


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise DomainError(f"{path}: not valid TOML: {error}. Mend the line and try again.") from error
    except UnicodeDecodeError as error:
        raise DomainError(f"{path}: not UTF-8 at byte {error.start}. Save the file as UTF-8.") from error
    except OSError as error:
        raise DomainError(f"{path}: cannot be read: {error.strerror or error}.") from error


def _domain(readers: list[Reader], contents: list[dict[str, Any]]) -> Domain:
    reader, content = readers[0], contents[0]
    reader.only(content, ("format", "name", "title", "share", "envelopes", "slots", "clauses", "family"), "top")
    if reader.take(content, "format", int, "top", 1) != 1:
        reader.say("top", f"'format' is {content.get('format')!r}; this version reads format 1")
    name = reader.name(reader.take(content, "name", str, "top", "?"), "name")
    share = float(reader.take(content, "share", (int, float), "top", 0))
    if not 0 < share <= 1:
        reader.say("share", f"{share} is not in (0, 1]")
    shared = read_slots(reader, content.get("slots", {}), "slots")
    common = content.get("clauses", {})
    families: list[Family] = []
    for part, tables in zip(readers, contents, strict=True):
        if part is not reader:
            part.only(tables, ("family",), "top")
        for place, table in enumerate(part.take({"family": [], **tables}, "family", list, "top", [])):
            families.append(_family(part, table, shared, common, f"family {place + 1}"))
    for twice in repeated(f.name for f in families):
        reader.say(f"family {twice}", "this name stands twice; every family needs its own")
    if not families:
        reader.say("family", "no [[family]] in the file or its folder; at least one is needed")
    title = reader.take(content, "title", str, "top", "")
    return Domain(name, title, share, _envelopes(reader, content.get("envelopes", {})), tuple(families))


def _envelopes(reader: Reader, table: Any) -> dict[str, tuple[float, float]]:
    reader.only(table, FEATURE_NAMES, "envelopes")
    found = {}
    for name in FEATURE_NAMES:
        ends = reader.take(table, name, list, "envelopes", [0, 1])
        if len(ends) != 2 or not all(isinstance(e, int | float) for e in ends) or ends[0] >= ends[1]:
            reader.say("envelopes", f"'{name}' is {ends!r:.60}; expected [low, high] with low < high")
            ends = [0, 1]
        found[name] = (float(ends[0]), float(ends[1]))
    return found


def _family(reader: Reader, table: Any, shared: Mapping[str, Slot], common: Any, where: str) -> Family:
    reader.only(table, ("name", "about", "difficulty", "slots", "prompt", "clauses"), where)
    name = reader.name(reader.take(table, "name", str, where, "?"), where)
    where = f"family {name}"
    difficulty = float(reader.take(table, "difficulty", (int, float), where, 0.5))
    if not 0 <= difficulty <= 1:
        reader.say(where, f"'difficulty' is {difficulty}; expected 0 to 1")
    slots = {**shared, **read_slots(reader, table.get("slots", {}), f"{where}: slots")}
    prompts = []
    for place, entry in enumerate(reader.take(table, "prompt", list, where, [])):
        prompts.append(_prompt(reader, entry, slots, f"{where}: prompt {place + 1}", where))
    for twice in repeated(p.key for p in prompts):
        reader.say(where, f"prompt key '{twice}' stands twice")
    if not prompts:
        reader.say(where, "no [[family.prompt]]; at least one is needed")
    clauses = _clauses(reader, _joined(common, table.get("clauses", {})), slots, f"{where}: clauses")
    about = reader.take(table, "about", str, where, "")
    return Family(name, about, difficulty, slots, tuple(prompts), clauses)


def _prompt(reader: Reader, table: Any, slots: Mapping[str, Slot], where: str, family: str) -> Prompt:
    reader.only(table, ("key", "form", "text", "rewrite"), where)
    key = reader.name(reader.take(table, "key", str, where, "?"), where)
    where = f"{family}: prompt {key}"
    form = reader.take(table, "form", str, where, FORMS[0])
    if form not in FORMS:
        reader.say(where, f"'form' is {form!r}; expected one of {', '.join(FORMS)}")
    text = read_text(reader, reader.take(table, "text", str, where, "?"), slots, f"{where}: text")
    if not text.refs:
        reader.say(where, "the text has no slot, so it could be said once only; give it at least one")
    check_identity(reader, text, text.slots, slots, f"{where}: text")
    rewrites = []
    for place, entry in enumerate(reader.take(table, "rewrite", list, where, [])):
        spot = f"{where}: rewrite {place + 1}"
        reader.only(entry, ("text", "rules"), spot)
        written = read_text(reader, reader.take(entry, "text", str, spot, "?"), slots, spot)
        check_identity(reader, written, text.slots, slots, spot)
        if not _ENDS_WELL.search(ending_of(written, slots)):
            reader.say(spot, "ends without an end mark, quotation, bracket or pasted block; a clause could not follow")
        if written == text:
            reader.say(spot, "is the prompt itself; rows without a change come about by themselves, leave it out")
        rewrites.append(Rewrite(written, _rules(reader, reader.take(entry, "rules", dict, spot, {}), spot)))
    if not rewrites:
        reader.say(where, "no [[family.prompt.rewrite]]; at least one is needed")
    return Prompt(key, form, text, tuple(rewrites))


def _rules(reader: Reader, table: dict[str, Any], where: str) -> dict[str, str]:
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


def _clauses(reader: Reader, table: Any, slots: Mapping[str, Slot], where: str) -> dict[tuple[str, str], tuple[Text, ...]]:
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


def _clause(reader: Reader, raw: str, slots: Mapping[str, Slot], where: str) -> Text:
    text = read_text(reader, raw, slots, where)
    if not isinstance(text.parts[0], str) or len(text.parts[0]) < 3:
        reader.say(where, f"{raw!r:.60} starts with a slot; a clause starts with a word of its own")
    if not re.search(r"[.!?)\"'”’`]$", raw.strip()):
        reader.say(where, f"{raw!r:.60} has no end mark")
    return text
