"""Documentation says what the program does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from prompt_improver.batch import ROW_SCHEMA
from prompt_improver.domains.content import RULES
from prompt_improver.recipe.recipe import Recipe

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def test_the_command_reference_is_current():
    made = subprocess.run([sys.executable, str(DOCS / "generate_cli.py"), "-"], capture_output=True, text=True, check=True).stdout
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == made


@pytest.mark.parametrize("name", [*ROW_SCHEMA.names, "id", "run_id", "created_at"])
def test_every_column_is_described(name):
    assert f"`{name}`" in (DOCS / "data-dictionary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Recipe.model_fields)
def test_every_recipe_field_is_described(name):
    assert f"`{name}`" in (DOCS / "guide.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_described(rule):
    assert f"`{rule}`" in (DOCS / "data-dictionary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", "docs/guide.md"])
def test_commands_of_a_page_run(page, tmp_path):
    text = (ROOT / page).read_text(encoding="utf-8")
    commands = re.findall(r"^\$ (?:.*&& )?(prompt-improver .+)$", text, flags=re.MULTILINE)
    assert commands
    for name, content in re.findall(r"^`([\w.-]+)`:\n\n```\w*\n(.*?)```$", text, flags=re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")  # the files that the page shows
    for command in commands:
        if "postgresql://" in command:
            continue  # run on a real server by the storage tests
        words = re.findall(r"'([^']*)'|\"([^\"]*)\"|(\S+)", command)[1:]
        arguments = ["".join(word) for word in words]
        done = subprocess.run([sys.executable, "-m", "prompt_improver.cli", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, command + "\n" + done.stderr


def test_snippets_of_the_guide_run():
    snippets = re.findall(r"^```python\n(.*?)```$", (DOCS / "guide.md").read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert len(snippets) >= 2
    done = subprocess.run([sys.executable, "-c", "\n".join(snippets)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "bayes_ceiling" in done.stdout
