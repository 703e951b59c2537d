"""Proofreading of content: what a careful editor would strike, found by rule.

`source.py` refuses what the engine cannot use; here stands what would embarrass us: a wrong article, a misspelt word, an address
that might be somebody's, a prompt that says what another one says. Remarks name domain, family and prompt.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from prompt_improver.domains.articles import article
from prompt_improver.domains.content import Domain, Family, Prompt, Ref, Text
from prompt_improver.domains.surface import capacity_of
from prompt_improver.features.counts import lexicon

__all__ = ["LEAST_FAMILY", "LEAST_PROMPT", "load_vocabulary", "proofread", "word_runs"]

LEAST_PROMPT, LEAST_FAMILY = 30, 1000
"""Fillings that a prompt and a family must allow."""

ALIKE, JUDGED = 0.5, 5
"""Share of word triples (Jaccard) from which two base prompts of so many words of their own count as one written twice."""

_HERE = Path(__file__).parent
_ARTICLE = re.compile(r"(?<![\w'’.)-])(an?|A|An)[ \n](?=[\"'“‘`(*]*([A-Za-z0-9][\w’'+#-]*))")
_CODE = re.compile(
    r"```.*?```|`[^`\n]*`|\$[^$\n]+\$|\\\(.*?\\\)|\\\[.*?\\\]|https?://\S+|\S+@\S+|\S*[/\\_={}<>|^;]\S*|\b\w+\.\w+\S*|--?\w\S*", re.DOTALL
)
_LOWER = re.compile(r"(?<![\w'’-])[a-z]+(?:['’][a-z]+)?(?![\w'’]*[A-Z0-9_À-ÿ])")
_PERSONAL = (
    ("an e-mail address", re.compile(r"[\w.+-]+@(?!(?:[\w-]+\.)*example\.(?:com|org|net)\b)[\w-]+\.[a-z]{2,}")),
    ("a telephone number", re.compile(r"(?<![\w.])(?:\+\d{1,3}[ -]?)?(?:\(\d{2,4}\)[ -]?)?\d{3}[ -]\d{3,4}[ -]\d{3,4}(?!\w)")),
    ("a telephone number", re.compile(r"\+\d{1,3}(?:[ -]?\d{2,4}){3,}(?!\w)")),
    ("an IBAN or card number", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,}\b|\b(?:\d{4}[ -]){3}\d{4}\b")),
    ("a social security number", re.compile(r"\b\d{3}-\d{2}-\d{4}\b")),
    (
        "a public network address",
        re.compile(
            r"(?<![\w.])(?!(?:10|127|0|255)\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|1\.1\.1\.1|8\.8\.8\.8)(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"
        ),
    ),
)
_AFTER_LABEL = frozenset("and are at has in into is of or per to was with".split())  # "A" or "a" as a name: option A is …


def load_vocabulary(folder: Path | None = None) -> frozenset[str]:
    """Words that the dictionary lacks and an editor let pass: `vocabulary.txt` here, and beside the domains."""
    files = {_HERE / "vocabulary.txt", (folder or _HERE) / "vocabulary.txt"}
    return frozenset(word for file in files if file.is_file() for word in file.read_text(encoding="utf-8").split())


def proofread(domains: Sequence[Domain], vocabulary: frozenset[str]) -> list[str]:
    """Every remark on the domains' content, in the order of the files; empty if there is none.

    Args:
        domains: content that `read_domain` accepted.
        vocabulary: words that count as spelt right beside the dictionary's.
    """
    remarks: dict[str, None] = {}
    for domain in domains:
        for family in domain.families:
            for remark in _family_remarks(family, vocabulary):
                remarks[f"{domain.name}: {family.name}: {remark}"] = None
    remarks.update(dict.fromkeys(_near_duplicates(domains)))
    return list(remarks)


def _family_remarks(family: Family, vocabulary: frozenset[str]) -> Iterator[str]:
    capacities = {prompt.key: capacity_of(prompt.text.slots, family) for prompt in family.prompts}
    for key, capacity in capacities.items():
        if capacity < LEAST_PROMPT:
            yield f"{key}: can be said in {capacity} ways; at least {LEAST_PROMPT} are asked. Add fillers or a slot."
    if sum(capacities.values()) < LEAST_FAMILY:
        yield f"can be said in {sum(capacities.values())} ways; at least {LEAST_FAMILY} are asked of a family"
    for where, text in _texts(family):
        for remark in _text_remarks(text, family, vocabulary):
            yield f"{where}: {remark}"
    for name in sorted({ref.slot for _, text in _texts(family) for ref in text.refs}):
        for field, fillers in family.slots[name].items():
            for filler in fillers:
                for remark in _string_remarks(filler, vocabulary):
                    yield f"slot {name}: {remark}"
            odd = _odd_fillers(fillers)
            if odd:
                yield f"slot {name}{'.' + field if field else ''}: filler(s) of another form than the rest: {', '.join(odd)}"


def _texts(family: Family) -> Iterator[tuple[str, Text]]:
    for prompt in family.prompts:
        yield prompt.key, prompt.text
        for place, rewrite in enumerate(prompt.rewrites):
            yield f"{prompt.key}: rewrite {place + 1}", rewrite.text
    for (rule, strength), texts in family.clauses.items():
        for text in texts:
            yield f"clause {rule} {strength}", text


def _text_remarks(text: Text, family: Family, vocabulary: frozenset[str]) -> Iterator[str]:
    for place, part in enumerate(text.parts):
        if isinstance(part, str):
            yield from _string_remarks(part, vocabulary)
            continue
        before = text.parts[place - 1] if place else ""
        after = text.parts[place + 1] if place + 1 < len(text.parts) else ""
        fillers = family.slots[part.slot][part.field]
        if isinstance(before, str):
            for filler in fillers:
                yield from _articles(before[-8:] + filler[:40], seam=len(before[-8:]))
        if isinstance(after, str) and any(filler in ("1", "one") for filler in fillers):
            plural = re.match(r" [a-z]+[^s\W]s\b", after)
            if plural and plural[0][1:] not in ("is", "was", "has"):
                yield f"'1{plural[0]}': one of a plural; start the slot at 2"


def _string_remarks(string: str, vocabulary: frozenset[str]) -> Iterator[str]:
    prose = _CODE.sub(" … ", string)
    yield from _articles(prose)
    for word in _LOWER.findall(prose):
        plain = word.replace("’", "'")
        stem = re.sub(r"n't$|'.*$", "", plain)
        if len(plain) > 2 and not any(len(w) < 3 or lexicon().knows(w) or w in vocabulary for w in (plain, stem)):
            yield f"'{word}' stands in no dictionary; mend it or add it to vocabulary.txt"
    for what, pattern in _PERSONAL:
        found = pattern.search(string)
        if found:
            yield f"'{found[0]}' looks like {what}; use example.com, or leave it out"
    for word in sorted({w for w in re.findall(r"[a-z]+", string.lower()) if w in _unwanted()}):
        yield f"'{word}' is a word that we do not print"


@cache
def _unwanted() -> frozenset[str]:
    return frozenset((_HERE / "unwanted.txt").read_text(encoding="utf-8").split())


def _articles(string: str, seam: int | None = None) -> Iterator[str]:
    """Wrong use of a and an; with `seam`, only where the article stands before that place and its word behind."""
    for match in _ARTICLE.finditer(string):
        if seam is not None and not match.start(1) < seam <= match.start(2):
            continue
        word = match[2]
        if match[1].lower() == "a" and word in _AFTER_LABEL:
            continue
        if match[1].lower() != article(word):
            yield f"'{match[1]} {word}': the article does not agree"


def _form(filler: str) -> str:
    word = filler.split(" ", 1)[0]
    return "ing" if word.islower() and len(word) >= 5 and word.endswith("ing") else word if word == "to" else ""


def _odd_fillers(fillers: Iterable[str]) -> list[str]:
    """Fillers that are no "-ing …" or "to …" where at least four in five others are."""
    forms = {filler: _form(filler) for filler in fillers if len(filler) < 100}
    form, most = Counter(forms.values()).most_common(1)[0] if forms else ("", 0)
    odd = [f"'{filler}'" for filler, other in forms.items() if other != form]
    return odd if form and most >= 5 and most >= 0.8 * len(forms) else []


def word_runs(text: str, size: int) -> set[tuple[str, ...]]:
    """Every run of `size` words of a text, in lower case and without marks."""
    words = re.findall(r"\w+", text.lower())
    return set(zip(*(words[place:] for place in range(size)), strict=False))


def _near_duplicates(domains: Sequence[Domain]) -> Iterator[str]:
    """Pairs of base prompts that share most of their word triples, slots left blank."""
    runs: list[tuple[str, set[tuple[str, ...]]]] = []
    where_of: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for domain in domains:
        for family in domain.families:
            for prompt in family.prompts:
                if sum(len(part.split()) for part in prompt.text.parts if isinstance(part, str)) < JUDGED:
                    continue  # a few key words: the fillers make the difference
                for run in (found := word_runs(_blanked(prompt), 3)):
                    where_of[run].append(len(runs))
                runs.append((f"{domain.name}: {family.name}: {prompt.key}", found))
    shared: Counter[tuple[int, int]] = Counter()
    for places in where_of.values():
        shared.update((a, b) for i, a in enumerate(places) for b in places[i + 1 :])
    for (a, b), common in sorted(shared.items()):
        alike = common / (len(runs[a][1]) + len(runs[b][1]) - common)
        if alike >= ALIKE:
            yield f"'{runs[a][0]}' and '{runs[b][0]}' share {alike:.0%} of their word triples; rewrite one of them"


def _blanked(prompt: Prompt) -> str:
    return "".join(" _ " if isinstance(part, Ref) else part for part in prompt.text.parts)
