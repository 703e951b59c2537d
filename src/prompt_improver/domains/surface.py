"""What a domain looks like from outside: size, capacity and surface shares."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from prompt_improver.domains.content import RULES, Domain, Family, Ref, Text

__all__ = ["capacity_of", "describe"]

_SURFACE: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("question mark", lambda t: "?" in t),
    ("a number", lambda t: re.search(r"\d", t)),
    ("lower-case start", lambda t: t[:1].islower()),
    ("no end punctuation", lambda t: re.search(r"[A-Za-z0-9]\s*$", t)),
    ("several sentences", lambda t: len(re.findall(r"[.!?](?:\s|$)|\n+", t)) > 1),
    ("new line", lambda t: "\n" in t),
    ("quotes", lambda t: re.search(r'["“”]', t)),
    ("first person", lambda t: re.search(r"\b(i|my|me|i'm|we|our)\b", t.lower())),
    ("please", lambda t: "please" in t.lower()),
)


def capacity_of(slots: Iterable[str], family: Family) -> int:
    """In how many ways the slots can be filled."""
    return math.prod(len(next(iter(family.slots[name].values()))) for name in slots)


def _sample(text: Text, family: Family, turn: int) -> str:
    """One filling of a text; `turn` picks the fillers."""
    out = []
    for part in text.parts:
        fillers = family.slots[part.slot][part.field] if isinstance(part, Ref) else (part,)
        out.append(fillers[(turn * 7 + len(part.slot)) % len(fillers)] if isinstance(part, Ref) else part)
    return "".join(out)


def describe(domain: Domain) -> list[str]:
    """Size, capacity and surface of a domain, in lines."""
    originals, ratios, improved = [], [], []
    for family in domain.families:
        for prompt in family.prompts:
            for turn in range(3):
                text = _sample(prompt.text, family, turn)
                originals.append(text)
                for rewrite in prompt.rewrites:
                    improved.append(_sample(rewrite.text, family, turn))
                    ratios.append(len(improved[-1].split()) / len(text.split()))
    prompts = [prompt for family in domain.families for prompt in family.prompts]
    capacity = sum(capacity_of(p.text.slots, f) for f in domain.families for p in f.prompts)
    used = {rule: sum(rule in w.rules for p in prompts for w in p.rewrites) for rule in RULES}
    rewrites = sum(len(p.rewrites) for p in prompts)
    lines = [
        f"{domain.name}: {len(domain.families)} families, {len(prompts)} prompts, {rewrites} rewrites, capacity {capacity:,}",
        f"  forms: {dict(Counter(p.form for p in prompts))}",
        f"  rules in rewrites: {used}",
        f"  words of prompts 5/25/50/75/82/95 %: {_quantiles([len(t.split()) for t in originals], (5, 25, 50, 75, 82, 95))}",
        f"  characters of rewrites 25/50/75 %: {_quantiles([len(t) for t in improved], (25, 50, 75))}",
        f"  length ratio rewrite/prompt 10/50/90 %: {_quantiles(ratios, (10, 50, 90))}",
    ]
    for name, test in _SURFACE:
        one, other = (sum(bool(test(t)) for t in texts) / len(texts) for texts in (originals, improved))
        lines.append(f"  {name:20s} prompts {one:.2f}   rewrites {other:.2f}")
    openings = Counter(" ".join(t.lower().split()[:3]) for t in (_sample(p.text, f, 0) for f in domain.families for p in f.prompts))
    lines.append(f"  most frequent openings: {openings.most_common(4)}")
    return lines


def _quantiles(values: Sequence[float], shares: Sequence[int]) -> list[float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive") if len(values) > 1 else [values[0]] * 99
    return [round(cuts[share - 1], 2) for share in shares]
