"""Slips of typing and grammar, found when content is compiled, so that a run only has to pick one.

A slip leaves a mark that no text without slips can hold: a word that stands nowhere in the content and in no dictionary, or
two words side by side that nowhere stand so. Every mark goes back to one correction only. So a text with a slip
can be told from every other, and the proof of `clashes.py` holds for texts with slips as well.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from prompt_improver.domains.content import Domain, Family, Ref, Text
from prompt_improver.features.counts import lexicon, tokens

__all__ = ["SHORT", "SLIP_KINDS", "Slip", "SlipFinder"]

SLIP_KINDS = ("swapped_letters", "dropped_letter", "doubled_letter", "wrong_key", "dropped_article", "dropped_comma", "doubled_word", "agreement")
"""What a slip does, in the order of its number in compiled tables."""

SHORT = 30
"""Words of a prompt up to which slips are looked for; longer ones are mostly pasted."""

_TYPING, _GRAMMAR = 3, 2  # slips of either sort that a prompt gets at most
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_WORD = re.compile(r"(?<![\w'’./\\@_`<#$-])[a-z]{4,}(?![\w'’./\\@_`>(=-])")
_ARTICLE = re.compile(r"(?<=\w )(?:a|an|the) (?=[a-z])")
_COMMA = re.compile(r"(?<=[a-z]), (?=[a-z])")
_SMALL = re.compile(r"(?<= )(?:the|to|of|in|for|and|is|it|that)(?= )")
_VERB = re.compile(r"(?<=[a-z] )(?:is|are|has|have|does|was|were)(?= [a-z])")
_DISAGREES = {"is": "are", "are": "is", "has": "have", "have": "has", "does": "do", "was": "were", "were": "was"}


@dataclass(frozen=True, slots=True)
class Slip:
    """One slip in a text: `wrote` stands where `meant` was meant."""

    kind: str
    text: Text
    wrote: str
    meant: str


class SlipFinder:
    """Finds slips that keep every text of a folder of domains unique."""

    def __init__(self, domains: Sequence[Domain]) -> None:
        self._words: set[str] = set()
        self._pairs: set[tuple[str, str]] = set()
        self._meant: dict[tuple[str, ...], tuple[str, str]] = {}  # by mark: the piece as meant and as written
        self._looked: set[str] = set()
        for family in (family for domain in domains for family in domain.families):
            self._look(family)

    def _look(self, family: Family) -> None:
        clauses = [text for texts in family.clauses.values() for text in texts]
        endings: set[str] = set()
        for prompt in family.prompts:
            for text in (prompt.text, *(rewrite.text for rewrite in prompt.rewrites)):
                endings |= self._look_at(text, family)
        openings = {tokens(str(clause.parts[0]).casefold())[0] for clause in clauses}
        for clause in clauses:
            endings |= self._look_at(clause, family)
        self._pairs.update((left, right) for left in endings for right in openings)

    def _look_at(self, text: Text, family: Family) -> set[str]:
        """Takes note of words and pairs; gives the tokens that the text can end with."""
        lefts: set[str] = set()
        for part in text.parts:
            rights, ends, silent = set(), set(), False
            for filler in family.slots[part.slot][part.field] if isinstance(part, Ref) else (part,):
                found = tokens(filler.casefold())
                if filler not in self._looked:
                    self._looked.add(filler)
                    self._words.update(found)
                    self._pairs.update(pairwise(found))
                if found:
                    rights.add(found[0])
                    ends.add(found[-1])
                else:
                    silent = True
            self._pairs.update((left, right) for left in lefts for right in rights)
            lefts = ends | lefts if silent else ends
        return lefts

    def find(self, text: Text, label: str) -> list[Slip]:
        """A few slips that a short text may carry, picked by a digest of the label; none for a long one."""
        literals = [(place, part) for place, part in enumerate(text.parts) if isinstance(part, str)]
        if sum(len(part.split()) for _, part in literals) + len(text.refs) > SHORT:
            return []
        typing = [(place, slip) for place, part in literals for slip in _typing(part)]
        grammar = [(place, slip) for place, part in literals for slip in _grammar(part)]
        found: list[Slip] = []
        for candidates, most in ((typing, _TYPING), (grammar, _GRAMMAR)):
            candidates.sort(key=lambda c: hashlib.sha256(f"{label}/{c[0]}/{c[1]}".encode()).digest())
            taken: set[str] = set()
            for place, (kind, start, end, wrote) in candidates:
                part = str(text.parts[place])
                slipped = part[:start] + wrote + part[end:]
                if kind not in taken and len(taken) < most and self._is_marked(part, slipped):
                    taken.add(kind)
                    parts = (*text.parts[:place], slipped, *text.parts[place + 1 :])
                    found.append(Slip(kind, Text(parts), *_told(part, start, end, wrote)))
        return found

    def _is_marked(self, part: str, slipped: str) -> bool:
        """Whether the slip leaves a mark of its own, and takes it if so."""
        words, pairs = tokens(slipped.casefold()), list(pairwise(tokens(slipped.casefold())))
        marks: list[tuple[str, ...]] = [(w,) for w in words if w not in self._words and not lexicon().knows(w)]
        marks = marks or [p for p in pairs if p not in self._pairs and p[0][0].isalpha() and p[1][0].isalpha()]
        return any(self._meant.setdefault(mark, (part, slipped)) == (part, slipped) for mark in marks)


def _told(part: str, start: int, end: int, wrote: str) -> tuple[str, str]:
    """What was written and what was meant: a whole word, or the words around a gap."""
    meant = part[start:end]
    if meant.isalpha() and wrote.isalpha():
        return wrote, meant
    left, right = part.rfind(" ", 0, start - 1) + 1, part.find(" ", end)
    right = len(part) if right < 0 else right
    return part[left:start] + wrote + part[end:right], part[left:right]


_Candidate = tuple[str, int, int, str]


def _typing(part: str) -> Iterator[_Candidate]:
    """Every way to mistype a word inside: kind, start, end, what is written instead."""
    for match in _WORD.finditer(part):
        word, start, end = match[0], match.start(), match.end()
        for place in range(1, len(word) - 1):
            if word[place] != word[place + 1]:
                yield "swapped_letters", start, end, word[:place] + word[place + 1] + word[place] + word[place + 2 :]
            if len(word) > 4:
                yield "dropped_letter", start, end, word[:place] + word[place + 1 :]
            yield "doubled_letter", start, end, word[: place + 1] + word[place:]
            for key in _beside(word[place]):
                yield "wrong_key", start, end, word[:place] + key + word[place + 1 :]


def _beside(letter: str) -> Iterable[str]:
    for row in _KEYS:
        place = row.find(letter)
        if place >= 0:
            return row[max(place - 1, 0) : place] + row[place + 1 : place + 2]
    return ""


def _grammar(part: str) -> Iterator[_Candidate]:
    for match in _ARTICLE.finditer(part):
        yield "dropped_article", match.start(), match.end(), ""
    for match in _COMMA.finditer(part):
        yield "dropped_comma", match.start(), match.end(), " "
    for match in _SMALL.finditer(part):
        yield "doubled_word", match.start(), match.end(), f"{match[0]} {match[0]}"
    for match in _VERB.finditer(part):
        yield "agreement", match.start(), match.end(), _DISAGREES[match[0]]
