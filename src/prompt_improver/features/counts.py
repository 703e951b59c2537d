"""Text to counts: a pass over tokens that adds up by parts.

A text's counts are the sum, over its tokens, of what each token counts for by itself, and, over its
neighbouring tokens, of what each pair counts for. So the counts of a text put together from pieces equal
the sum of the pieces' counts plus the pairs at the seams, as long as no seam cuts a token. Generation
relies on that; validation compares both on real rows.

Only the standard library is used here: domain content is measured when a wheel is built.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

__all__ = ["COUNTS", "TOKEN", "Edges", "Lexicon", "count_piece", "count_text", "lexicon", "tokens"]

COUNTS = (
    "chars",  # code points, white space included
    "words",
    "long_words",  # nine letters or more
    "sentences",  # runs of . ! ?
    "lines",  # line breaks
    "questions",  # runs of . ! ? that hold a question mark
    "numbers",
    "named",  # capitalised inside a sentence, or an acronym
    "quotes",  # quotation marks
    "code",  # identifiers, paths, fences
    "unknown",  # lower-case words that no dictionary holds, and tangled ones
    "uncapped",  # sentences that open in lower case
    "vague",
    "padding",
    "pronoun",
    "exact",
    "constraint",
    "context",
    "directive",  # a verb that asks for work, where it opens a request
    "format",
    "steps",
    "example",
    "criteria",
    "joint",
)
"""What is counted, in the order of every count vector."""

_INDEX = {name: place for place, name in enumerate(COUNTS)}
_HERE = Path(__file__).parent
_CACHE_LIMIT = 200_000

TOKEN = re.compile(
    r"(?:e\.g|i\.e|etc|a\.m|p\.m)\.(?!\w)"  # abbreviations that end in a stop
    r"|\w+(?:[.'’@/\\_:-]+\w+)*(?:\+\+|#)?"  # words, numbers, identifiers, paths
    r"|`{3,}"  # code fences
    r"|[.!?]+"  # ends
    r"|\n\s*"  # line breaks, with the blank that follows
    r"|[^\w\s]"  # any other mark
)
"""Every token of a text; what lies between tokens is white space without a line break."""

_NUMBER = re.compile(r"\d")
_TANGLED = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_SENTENCE_OPENERS = frozenset(":;-–—(\"“'‘[>*•#")


def tokens(text: str) -> list[str]:
    """The tokens of a text, in order."""
    return TOKEN.findall(text)


@dataclass(frozen=True, slots=True)
class Edges:
    """Counts of a piece of text, with the tags of its first and last token (-1: no token)."""

    counts: tuple[int, ...]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Signature:
    """What a token may count for together with a neighbour."""

    kind: str = ""  # start, end, line, bullet, number
    word: str = ""  # a word with a part in a pair of cues
    verb: bool = False
    opener: bool = False
    named: bool = False
    lower: bool = False
    opens_sentence: bool = False


class Lexicon:
    """The cues of `lexicon.toml` and the dictionary, turned into tables.

    Tags number what a token does in a pair; `pair(left, right)` gives the counts that the pair adds to.
    """

    def __init__(self, cues: dict[str, str], opener: str, dictionary: frozenset[str]) -> None:
        self._dictionary = dictionary
        self._single: dict[str, tuple[int, ...]] = {}
        self._double: dict[tuple[str, str], tuple[int, ...]] = {}
        for name, words in cues.items():
            if name == "verb":
                continue
            for cue in dict.fromkeys(words.split()):
                left, _, right = cue.partition("_")
                table: dict = self._double if right else self._single  # type: ignore[type-arg]
                key = (left, right) if right else cue
                table[key] = (*table.get(key, ()), _INDEX[name])
        self._verbs = frozenset(cues["verb"].split())
        self._openers = frozenset(opener.split())
        self._paired = frozenset(word for pair in self._double for word in pair)
        self._tags: dict[_Signature, int] = {}
        self._signatures: list[_Signature] = []
        self.start = self._tag(_Signature(kind="start", opens_sentence=True))
        self._seen: dict[str, tuple[tuple[int, ...], int]] = {}
        self._pairs: dict[tuple[int, int], tuple[int, ...]] = {}

    def knows(self, word: str) -> bool:
        """Whether the dictionary holds a lower-case word."""
        return word in self._dictionary

    def _tag(self, signature: _Signature) -> int:
        tag = self._tags.get(signature)
        if tag is None:
            tag = self._tags[signature] = len(self._signatures)
            self._signatures.append(signature)
        return tag

    def measure(self, token: str) -> tuple[tuple[int, ...], int]:
        """Places in `COUNTS` to add one to, and the token's tag."""
        found = self._seen.get(token)
        if found is None:
            if len(self._seen) >= _CACHE_LIMIT:
                self._seen.clear()
            found = self._seen[token] = self._measure(token)
        return found

    def _measure(self, token: str) -> tuple[tuple[int, ...], int]:
        if token[0] == "\n":
            return (_INDEX["lines"],), self._tag(_Signature(kind="line", opens_sentence=True))
        if token[0] in ".!?":
            adds = [_INDEX["sentences"]] + ([_INDEX["questions"]] if "?" in token else [])
            return tuple(adds), self._tag(_Signature(kind="end", opens_sentence=True))
        if not (token[0].isalnum() or token[0] == "_"):
            return self._measure_mark(token)
        return self._measure_word(token)

    def _measure_mark(self, token: str) -> tuple[tuple[int, ...], int]:
        adds = list(self._single.get(token, ()))
        if token in '"“”':
            adds.append(_INDEX["quotes"])
        elif token[0] == "`":
            adds.append(_INDEX["code"])
        kind = "bullet" if token in "-*•" else ""
        opens = token in _SENTENCE_OPENERS
        return tuple(adds), self._tag(_Signature(kind=kind, opener=token in self._openers, opens_sentence=opens))

    def _measure_word(self, token: str) -> tuple[tuple[int, ...], int]:
        word = token.lower().replace("’", "'")
        adds = [_INDEX["words"], *self._single.get(word, ())]
        number = bool(_NUMBER.search(token))
        named = token[0].isupper() and word != "i" and not word.startswith("i'")
        if number:
            adds.append(_INDEX["numbers"])
        if len(token) >= 9 and not number:
            adds.append(_INDEX["long_words"])
        if self._is_identifier(token):
            adds.append(_INDEX["code"])
        elif len(token) > 1 and token.isupper() and not number:
            adds.append(_INDEX["named"])
            named = False
        if self._is_unknown(token):
            adds.append(_INDEX["unknown"])
        signature = _Signature(
            kind="number" if number and token[0].isdigit() else "",
            word=word if word in self._paired else "",
            verb=word in self._verbs,
            opener=word in self._openers,
            named=named,
            lower=token[0].islower(),
        )
        return tuple(adds), self._tag(signature)

    def _is_identifier(self, token: str) -> bool:
        if "_" in token or "::" in token or "/" in token or "@" in token or token[-1] in "+#":
            return True
        dotted = "." in token and not token.replace(".", "").isdigit()
        camel = any(a.islower() and b.isupper() for a, b in pairwise(token))
        return dotted or camel

    def _is_unknown(self, token: str) -> bool:
        """Lower-case and in no dictionary, or a tangle of letters that no naming habit makes."""
        if any(mark in token for mark in "_/\\@:.#+"):
            return False
        if not token.isascii():
            return _is_garbled(token)
        lower = token.islower()
        parts = [part for part in _TANGLED.findall(token) if part.isalpha() and len(part) > 2]
        unknown = [part for part in parts if part.lower() not in self._dictionary]
        if lower or "'" in token:
            return any(part.islower() and "'" not in token for part in unknown)
        tangled = any(a.islower() and b.isupper() for a, b in pairwise(token))
        return tangled and 2 * len(unknown) > len(parts)

    def pair(self, left: int, right: int) -> tuple[int, ...]:
        """Places in `COUNTS` that two neighbouring tokens add one to."""
        found = self._pairs.get((left, right))
        if found is None:
            found = self._pairs[left, right] = self._pair(self._signatures[left], self._signatures[right])
        return found

    def _pair(self, left: _Signature, right: _Signature) -> tuple[int, ...]:
        adds = list(self._double.get((left.word, right.word), ()))
        if right.verb and (left.opens_sentence or left.opener or left.kind in ("bullet", "number")):
            adds.append(_INDEX["directive"])
        if right.named and not left.opens_sentence:
            adds.append(_INDEX["named"])
        if right.lower and left.kind in ("start", "end"):
            adds.append(_INDEX["uncapped"])
        if left.kind == "line" and right.kind in ("bullet", "number"):
            adds.append(_INDEX["steps"])
        return tuple(adds)


def _is_garbled(token: str) -> bool:
    """Signs or foreign capitals between letters, as a wrong encoding or a keyboard slip leaves them."""
    odd = (not b.isascii() and b != "’" and (b.isupper() or not b.isalpha()) for a, b in pairwise(token) if a.islower())
    return sum(char.isalpha() for char in token) >= 4 and any(odd)


@cache
def lexicon() -> Lexicon:
    """The lexicon that ships with the extractor; read once a process (about 20 ms)."""
    content = tomllib.loads((_HERE / "lexicon.toml").read_text(encoding="utf-8"))
    dictionary = frozenset((_HERE / "words.txt").read_text(encoding="ascii").split())
    return Lexicon(content["cues"], content["tags"]["opener"], dictionary)


def count_piece(text: str) -> Edges:
    """Counts of a piece by itself: without the pairs at its edges."""
    cues = lexicon()
    counts = [0] * len(COUNTS)
    counts[0] = len(text)
    first = last = -1
    for token in TOKEN.findall(text):
        adds, tag = cues.measure(token)
        for place in adds:
            counts[place] += 1
        if last < 0:
            first = tag
        else:
            for place in cues.pair(last, tag):
                counts[place] += 1
        last = tag
    return Edges(tuple(counts), first, last)


def count_text(text: str) -> list[int]:
    """Counts of a whole text, in the order of `COUNTS`; all are integers >= 0."""
    edges = count_piece(text)
    counts = list(edges.counts)
    if edges.first >= 0:
        for place in lexicon().pair(lexicon().start, edges.first):
            counts[place] += 1
    return counts
