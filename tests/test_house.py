"""Format, lint, types and documentation, so that one command runs everything."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMANDS = {
    "format": [sys.executable, "-m", "ruff", "format", "--check", "."],
    "lint": [sys.executable, "-m", "ruff", "check", "."],
    "types": [sys.executable, "-m", "mypy"],
    "docs": [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", "docs", "docs/_build"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_house_rule(name):
    done = subprocess.run(COMMANDS[name], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
