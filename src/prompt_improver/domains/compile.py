"""Domains to tables: texts become lists of numbered pieces, and every piece is measured once.

Only the standard library is used, since this also runs while a wheel is built. The result is a mapping of
names to flat integer arrays and string lists; `grammar.py` reads it back without copying.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

from prompt_improver.domains.clashes import find_clashes, separator
from prompt_improver.domains.content import RULES, STRENGTHS, Domain, Family, Prompt, Ref, Text
from prompt_improver.domains.packed import domain_files
from prompt_improver.domains.slips import SLIP_KINDS, Slip, SlipFinder
from prompt_improver.domains.source import read_domain
from prompt_improver.errors import DomainError
from prompt_improver.features.counts import COUNTS, count_piece, lexicon

__all__ = ["compile_folder", "read_folder"]

SEPARATORS = (" ", "\n", "\n\n")
_LARGEST = 2**62


def read_folder(folder: Path) -> list[Domain]:
    """Every domain of a folder, read and proved free of clashes.

    Raises:
        DomainError: no domain file, mistakes in one, a name that stands twice, or texts that clash.
    """
    files = domain_files(folder) if folder.is_dir() else []
    if not files:
        raise DomainError(f"{folder}: expected a folder with at least one domain file (*.toml); found none.")
    domains = [read_domain(file) for file in files]
    names = [domain.name for domain in domains]
    for name in names:
        if names.count(name) > 1:
            raise DomainError(f"{folder}: domain '{name}' is described by two files; give each its own name.")
    clashes = find_clashes(domains)
    if clashes:
        shown = "\n  ".join(clashes[:20])
        raise DomainError(f"{folder}: {len(clashes)} pair(s) of texts clash; reword one of each:\n  {shown}")
    return domains


def compile_folder(folder: Path) -> dict[str, array[int] | list[str]]:
    """The tables of every domain in a folder.

    Raises:
        DomainError: see `read_folder`.
    """
    return _Compiler().run(read_folder(folder))


class _Compiler:
    """Collects pieces and tables while walking the domains."""

    def __init__(self) -> None:
        self.pieces: dict[str, int] = {}
        self.texts: list[list[int]] = []
        self.refs: dict[tuple[int, str, str], int] = {}
        self.fillers: list[int] = []
        self.tables: dict[str, array[int] | list[str]] = {}

    def column(self, name: str, values: Iterable[int]) -> None:
        self.tables[name] = array("q", values)

    def run(self, domains: Sequence[Domain]) -> dict[str, array[int] | list[str]]:
        families = [(d, family) for d, domain in enumerate(domains) for family in domain.families]
        bases = [(f, prompt) for f, (_, family) in enumerate(families) for prompt in family.prompts]
        self.ref_rows: list[tuple[int, int, int]] = []
        self.column("separators", range(len(SEPARATORS)))
        self.texts += [[self.piece(separator)] for separator in SEPARATORS]
        self._name_domains(domains, families)
        locals_of = [self._local_slots(family) for _, family in families]
        slips = SlipFinder(domains)
        self._place_prompts(families, bases, locals_of, slips)
        self._place_clauses(families, locals_of)
        self.column("text_start", itertools.accumulate((len(t) for t in self.texts), initial=0))
        self.column("text_parts", itertools.chain.from_iterable(self.texts))
        for place, name in enumerate(("ref_slot", "ref_start", "ref_size")):
            self.column(name, (row[place] for row in self.ref_rows))
        self.column("fillers", self.fillers)
        self._measure_pieces()
        return self.tables

    def _name_domains(self, domains: Sequence[Domain], families: list[tuple[int, Family]]) -> None:
        self.tables["domain_names"] = [domain.name for domain in domains]
        self.tables["domain_facts"] = [
            json.dumps({"title": d.title, "share": d.share, "envelopes": {k: list(v) for k, v in d.envelopes.items()}}) for d in domains
        ]
        self.tables["family_names"] = [family.name for _, family in families]
        self.column("family_domain", (d for d, _ in families))
        self.column("family_difficulty", (round(family.difficulty * 10_000) for _, family in families))

    def piece(self, text: str) -> int:
        return self.pieces.setdefault(text, len(self.pieces))

    def _local_slots(self, family: Family) -> dict[str, int]:
        """Numbers for the slots that a family's texts use; they count from 0 in every family."""
        used: dict[str, int] = {}
        for prompt in family.prompts:
            for text in (prompt.text, *(rewrite.text for rewrite in prompt.rewrites)):
                for ref in text.refs:
                    used.setdefault(ref.slot, len(used))
        for texts in family.clauses.values():
            for text in texts:
                for ref in text.refs:
                    used.setdefault(ref.slot, len(used))
        return used

    def text(self, text: Text, family_number: int, family: Family, local: dict[str, int]) -> int:
        parts = []
        for part in text.parts:
            if isinstance(part, Ref):
                parts.append(-1 - self._ref(part, family_number, family, local))
            else:
                parts.append(self.piece(part))
        self.texts.append(parts)
        return len(self.texts) - 1

    def _ref(self, ref: Ref, family_number: int, family: Family, local: dict[str, int]) -> int:
        key = (family_number, ref.slot, ref.field)
        if key not in self.refs:
            fillers = family.slots[ref.slot][ref.field]
            self.refs[key] = len(self.ref_rows)
            self.ref_rows.append((local[ref.slot], len(self.fillers), len(fillers)))
            self.fillers.extend(self.piece(filler) for filler in fillers)
        return self.refs[key]

    def _place_prompts(
        self, families: list[tuple[int, Family]], bases: list[tuple[int, Prompt]], locals_of: list[dict[str, int]], finder: SlipFinder
    ) -> None:
        width = max((len(local) for local in locals_of), default=0)
        rows: dict[str, list[int]] = {name: [] for name in ("family", "text", "separator", "capacity", "salt")}
        digits: list[int] = []  # base x width: place of the slot among the identity, or -1
        radices: list[list[int]] = []
        rewrites: list[list[tuple[int, int, list[int]]]] = []
        slips: list[list[tuple[int, Slip]]] = []
        for number, prompt in bases:
            domain, family = families[number]
            local = locals_of[number]
            identity = sorted(prompt.text.slots)
            sizes = [len(next(iter(family.slots[name].values()))) for name in identity]
            place = {local[name]: digit for digit, name in enumerate(identity)}
            digits.extend(place.get(column, -1) for column in range(width))
            radices.append(sizes)
            rows["family"].append(number)
            rows["text"].append(self.text(prompt.text, number, family, local))
            rows["separator"].append(self._separator(prompt.text, family))
            rows["capacity"].append(min(math.prod(sizes), _LARGEST))
            label = f"{self.tables['domain_names'][domain]}/{family.name}/{prompt.key}"
            rows["salt"].append(int.from_bytes(hashlib.sha256(label.encode()).digest()[:7], "little"))
            slips.append([(self.text(slip.text, number, family, local), slip) for slip in finder.find(prompt.text, label)])
            rewrites.append(
                [
                    (self.text(w.text, number, family, local), self._separator(w.text, family), _marks(w.rules))
                    for w in sorted(prompt.rewrites, key=lambda w: sum(_marks(w.rules)) - 4 * list(w.rules.values()).count("badly"))
                ]
            )
        for name, values in rows.items():
            self.column(f"base_{name}", values)
        self.column("slot_width", [width])
        self.column("base_digit", digits)
        self.column("radix_start", itertools.accumulate((len(r) for r in radices), initial=0))
        self.column("radices", itertools.chain.from_iterable(radices))
        self.column("rewrite_start", itertools.accumulate((len(r) for r in rewrites), initial=0))
        for place_, name in enumerate(("rewrite_text", "rewrite_separator")):
            self.column(name, (w[place_] for r in rewrites for w in r))  # type: ignore[misc]
        self.column("slip_start", itertools.accumulate((len(s) for s in slips), initial=0))
        self.column("slip_text", (number for s in slips for number, _ in s))
        self.column("slip_kind", (SLIP_KINDS.index(slip.kind) for s in slips for _, slip in s))
        self.tables["slip_wrote"] = [slip.wrote for s in slips for _, slip in s]
        self.tables["slip_meant"] = [slip.meant for s in slips for _, slip in s]
        self.column("rewrite_rules", (mark for r in rewrites for w in r for mark in w[2]))

    def _separator(self, text: Text, family: Family) -> int:
        last = text.parts[-1]
        ending = family.slots[last.slot][last.field][0] if isinstance(last, Ref) else last
        return SEPARATORS.index(separator(ending))

    def _place_clauses(self, families: list[tuple[int, Family]], locals_of: list[dict[str, int]]) -> None:
        lists = [
            [self.text(text, number, family, locals_of[number]) for text in family.clauses[rule, strength]]
            for number, (_, family) in enumerate(families)
            for rule in RULES
            for strength in STRENGTHS
        ]
        self.column("clause_start", itertools.accumulate((len(x) for x in lists), initial=0))
        self.column("clause_text", itertools.chain.from_iterable(lists))

    def _measure_pieces(self) -> None:
        edges = [count_piece(piece) for piece in self.pieces]
        self.tables["pieces"] = list(self.pieces)
        self.column("piece_counts", (n for edge in edges for n in edge.counts))
        self.column("piece_first", (edge.first for edge in edges))
        self.column("piece_last", (edge.last for edge in edges))
        cues = lexicon()
        lefts = {edge.last for edge in edges if edge.last >= 0} | {cues.start}
        rights = {edge.first for edge in edges if edge.first >= 0}
        tags = max(lefts | rights) + 1
        codes: dict[tuple[int, ...], int] = {(): 0}
        table = array("q", bytes(8 * tags * tags))
        for left in lefts:
            for right in rights:
                adds = cues.pair(left, right)
                if adds:
                    table[left * tags + right] = codes.setdefault(adds, len(codes))
        self.tables["pair_code"] = table
        self.column("pair_adds", (adds.count(place) for adds in codes for place in range(len(COUNTS))))
        self.column("start_tag", [cues.start])


def _marks(rules: object) -> list[int]:
    """0 not applied, 1 badly, 2 weakly, 3 well; one number a rule."""
    assert isinstance(rules, dict)
    return [STRENGTHS.index(rules[rule]) + 1 if rule in rules else 0 for rule in RULES]
