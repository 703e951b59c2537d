"""The enhancement rules in words, from `rules.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

__all__ = ["describe_rules"]


@cache
def describe_rules() -> dict[str, str]:
    """What each rule does, in one sentence, by its name."""
    content = tomllib.loads((Path(__file__).parent / "rules.toml").read_text(encoding="utf-8"))
    return {name: rule["definition"] for name, rule in content.items() if isinstance(rule, dict)}
