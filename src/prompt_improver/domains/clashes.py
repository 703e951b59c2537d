"""Proof that no two rows can carry the same text.

Two rows of a run differ in their prompt or in the filling of one of its slots. The proof walks two texts
with slots side by side and asks whether some filling of both gives the same string (case apart). It is
exact but for two simplifications, both on the safe side: fields of one record are treated as independent,
and a clause is taken to match as soon as its opening does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from prompt_improver.domains.content import Domain, Family, Ref, Text

__all__ = ["find_clashes", "separator"]

_STATES = 200_000
_HEAD = 12


@dataclass(slots=True)
class _Walk:
    """One text, ready for walking: its items, each a tuple of possible strings, and what may follow."""

    where: str
    items: list[tuple[str, ...]]
    openers: tuple[str, ...]
    heads: set[str] = field(default_factory=set)


def separator(ending: str) -> str:
    """What stands between a text that ends like this and a sentence behind it."""
    if "\n" in ending.strip() or ending.endswith("```"):
        return "\n\n"
    return " " if ending[-1] in ".!?:;…)]}>\"'”’`" else "\n"


def find_clashes(domains: Sequence[Domain]) -> list[str]:
    """Every pair of texts that two rows could share, said in words; empty if there is none."""
    originals, improved = [], []
    for domain in domains:
        for family in domain.families:
            clauses = _openings(family)
            for prompt in family.prompts:
                where = f"{domain.name}: {family.name}: {prompt.key}"
                originals.append(_walk(where, prompt.text, family, ()))
                improved.append(_walk(where, prompt.text, family, clauses))
                for place, rewrite in enumerate(prompt.rewrites):
                    improved.append(_walk(f"{where}: rewrite {place + 1}", rewrite.text, family, clauses))
    return [*_among(originals), *_among(improved)] if originals else []


def _openings(family: Family) -> tuple[str, ...]:
    return tuple(sorted({str(text.parts[0]).casefold() for texts in family.clauses.values() for text in texts}))


def _walk(where: str, text: Text, family: Family, openings: tuple[str, ...]) -> _Walk:
    items = []
    for part in text.parts:
        fillers = family.slots[part.slot][part.field] if isinstance(part, Ref) else (part,)
        items.append(tuple(dict.fromkeys(filler.casefold() for filler in fillers)))
    seps = {separator(ending) for ending in items[-1]}
    walk = _Walk(where, items, tuple(sep + opening for sep in seps for opening in openings))
    walk.heads = set(_heads(items, "", 0))
    return walk


def _heads(items: list[tuple[str, ...]], begun: str, place: int) -> Iterator[str]:
    if len(begun) >= _HEAD or place == len(items):
        yield begun[:_HEAD]
        return
    for option in items[place]:
        yield from _heads(items, begun + option, place + 1) if len(begun + option) < _HEAD else ((begun + option)[:_HEAD],)


def _among(walks: list[_Walk]) -> Iterator[str]:
    by_head = defaultdict(set)
    for number, walk in enumerate(walks):
        for head in walk.heads:
            by_head[head].add(number)
    short = {head: numbers for head, numbers in by_head.items() if len(head) < _HEAD}
    pairs = {(a, b) for numbers in by_head.values() for a in numbers for b in numbers if a <= b}
    for head, numbers in short.items():
        for other, others in by_head.items():
            if other.startswith(head):
                pairs |= {(min(a, b), max(a, b)) for a in numbers for b in others}
    for a, b in sorted(pairs):
        found = _clash(walks[a], walks[b], same=a == b)
        if found is not None:
            both = f"'{walks[a].where}' and '{walks[b].where}'" if a != b else f"two fillings of '{walks[a].where}'"
            yield f"{both} can give the same text: '…{found[-60:]}'"


def _clash(one: _Walk, other: _Walk, *, same: bool) -> str | None:
    """The tail of a text that both can give, or None.

    A state is (place in one, place in other, what one side is ahead by, which side, whether they differ).
    """
    stack: list[tuple[int, int, str, int, bool, str]] = [(0, 0, "", 0, not same, "")]
    seen = set()
    while stack:
        i, j, ahead, side, differ, said = stack.pop()
        if (i, j, ahead, side, differ) in seen:
            continue
        seen.add((i, j, ahead, side, differ))
        if len(seen) > _STATES:
            return "(too many fillings to prove the opposite)"
        ends = (i == len(one.items), j == len(other.items))
        if not ahead and all(ends):
            if differ:
                return said
            continue
        if not ahead and not any(ends):
            if same and i == j and not differ:
                stack.extend(_steps_together(one.items[i], i, said))
            else:
                stack.extend(_steps_apart(one.items[i], other.items[j], i, j, said))
            continue
        behind = 1 - side if ahead else (0 if ends[0] else 1)
        walk, place = (one, i) if behind == 0 else (other, j)
        if place == len(walk.items):
            leads = [ahead] if ahead else _peek(other if behind == 0 else one, j if behind == 0 else i)
            if any(_compatible(opener, lead) for opener in walk.openers for lead in leads):
                return said + (ahead or "")
            continue
        for option in walk.items[place]:
            if not ahead or _compatible(option, ahead):
                rest, new_side = (ahead[len(option) :], side) if len(option) <= len(ahead) else (option[len(ahead) :], behind)
                step = (i + 1, j) if behind == 0 else (i, j + 1)
                stack.append((*step, rest, new_side if rest else 0, True, (said + option)[-80:]))
    return None


def _steps_together(options: tuple[str, ...], i: int, said: str) -> Iterator[tuple[int, int, str, int, bool, str]]:
    """Both sides stand at the same place: they fill it alike, or one filling continues the other."""
    yield (i + 1, i + 1, "", 0, False, (said + options[0])[-80:])
    ordered = sorted(options)
    for place, option in enumerate(ordered):
        for longer in ordered[place + 1 :]:
            if not longer.startswith(option):
                break
            yield (i + 1, i + 1, longer[len(option) :], 1, True, (said + longer)[-80:])


def _steps_apart(ours: tuple[str, ...], theirs: tuple[str, ...], i: int, j: int, said: str) -> Iterator[tuple[int, int, str, int, bool, str]]:
    for a in ours:
        for b in theirs:
            if a.startswith(b):
                yield (i + 1, j + 1, a[len(b) :], 0, True, (said + a)[-80:])
            elif b.startswith(a):
                yield (i + 1, j + 1, b[len(a) :], 1, True, (said + b)[-80:])


def _peek(walk: _Walk, place: int) -> list[str]:
    return list(walk.items[place]) if place < len(walk.items) else []


def _compatible(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
