"""What a domain is: task families of prompts, their rewrites and clauses, and the slots in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FORMS", "RULES", "STRENGTHS", "Domain", "Family", "Prompt", "Ref", "Rewrite", "Slot", "Text"]

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


Slot = dict[str, tuple[str, ...]]
"""Fillers by field; a plain list has the one field ''. All fields have as many fillers; texts add fields with an article."""


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
