"""What a run's quality report holds, and how findings are told to people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from prompt_improver.validation.findings import Finding, failures, to_json
from prompt_improver.validation.quick import Expectation, Sample, check_sample, quality_validation

__all__ = ["build_report", "tell"]


def build_report(sample: Sample, expected: Expectation, *, noise: float) -> tuple[dict[str, Any], list[Finding]]:
    """The quality report that is stored with a run, and its findings."""
    findings = check_sample(sample, expected)
    ceiling = sample.ceiling()
    report = {
        "quality_validation": quality_validation(sample),
        "findings": to_json(findings),
        "bayes_auc": None if ceiling is None else round(ceiling, 4),
        "noise_share": noise,
        "shares": expected.shares,
        "envelopes": expected.envelopes,
        "tier_gaps": expected.gaps,
        "domains": sample.tally.domains,
        "tiers": sample.tally.tiers,
    }
    return report, findings


def tell(findings: Sequence[Finding]) -> list[str]:
    """One line a finding: verdict, check, figure, threshold, words."""
    lines = [f"{found.verdict:4}  {found.check:23} {_short(found.figure):>26}  {_asked(found.threshold):18}  {found.text}" for found in findings]
    short = failures(findings)
    passed = sum(found.verdict == "pass" for found in findings)
    notes = sum(found.verdict == "note" for found in findings)
    end = f"not ready: {len(short)} of {passed + len(short)} checks fell short" if short else f"ready: {passed} checks pass"
    return [*lines, f"{end}, {notes} note(s)"]


def _asked(threshold: str) -> str:
    """A threshold for people: of an exact split only the numbers, and nothing of an empty list."""
    if threshold.startswith("= {"):
        return "= " + " ".join(re.findall(r": (\d+)", threshold))
    return "none" if threshold in ("= []",) or threshold.startswith("none") else threshold


def _short(figure: Any) -> str:
    if isinstance(figure, dict):
        return " ".join("/".join(map(str, v)) if isinstance(v, list) else str(v) for v in figure.values())
    if isinstance(figure, list) and all(isinstance(value, str) for value in figure):
        return "; ".join(figure) or "none"
    return str(figure)
