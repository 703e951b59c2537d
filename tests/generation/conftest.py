"""A domain so small that it can be used up."""

from pathlib import Path

import pytest

from prompt_improver.domains.content import RULES, STRENGTHS

DOMAIN = """format = 1
name = "tiny"
title = "A tiny domain"
share = 1.0
[envelopes]
clarity = [0, 1]
length = [1, 500]
specificity = [0, 1]
complexity = [1, 10]
context_richness = [0, 1]
actionability = [0, 1]
[[family]]
name = "visit"
about = "Going somewhere"
difficulty = 0.5
[family.slots]
city = ["Lisbon", "Osaka", "Quito"]
[[family.prompt]]
key = "trip"
form = "question"
text = "what can i do in {{city}}"
[[family.prompt.rewrite]]
text = "Name two things to do in {{city}}."
rules = {}
[[family.prompt]]
key = "food"
form = "command"
text = "food of {{city}}"
[[family.prompt.rewrite]]
text = "Describe a dish from {{city}}."
rules = {}
"""


@pytest.fixture
def tiny_domains(tmp_path: Path) -> Path:
    """A folder with one domain of six prompts."""
    clauses = (f"[family.clauses.{rule}]\n" + "".join(f'{strength} = ["Clause {rule} {strength}."]\n' for strength in STRENGTHS) for rule in RULES)
    (tmp_path / "tiny.toml").write_text(DOMAIN + "".join(clauses), encoding="utf-8")
    return tmp_path
