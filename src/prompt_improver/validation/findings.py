"""A finding: one check with its figure, its threshold and its verdict. Findings never change data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Finding", "failures", "finding", "note", "ready", "to_json"]

Verdict = Literal["pass", "fail", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw.

    `verdict` is "note" where the number of rows cannot give what the check asks, or where nothing is asked.
    """

    check: str
    figure: Any
    threshold: str
    verdict: Verdict
    text: str


def finding(check: str, figure: Any, threshold: str, passed: bool, text: str) -> Finding:
    """A finding with a verdict."""
    return Finding(check, figure, threshold, "pass" if passed else "fail", text)


def note(check: str, figure: Any, text: str, threshold: str = "none at this size") -> Finding:
    """A figure without a verdict."""
    return Finding(check, figure, threshold, "note", text)


def failures(findings: Iterable[Finding]) -> list[Finding]:
    """The checks that fell short."""
    return [found for found in findings if found.verdict == "fail"]


def ready(findings: Iterable[Finding]) -> bool:
    """Whether no check fell short."""
    return not failures(findings)


def to_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as plain values."""
    return [asdict(found) for found in findings]
