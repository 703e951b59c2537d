"""Writes `cli.md` from the program's own help. `python docs/generate_cli.py` writes it, with `-` prints it."""

import os
import subprocess
import sys
from pathlib import Path

COMMANDS = (
    "",
    *("install", "bootstrap", "import", "validate", "optimize", "score", "features", "status", "export"),
    *("domains", "domains check", "domains list"),
)


def page() -> str:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    parts = ["# Command reference\n\nMade from the program's own help by `docs/generate_cli.py`.\n"]
    for command in COMMANDS:
        run = [sys.executable, "-m", "prompt_improver.cli", *command.split(), "--help"]
        text = subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout
        text = "\n".join(line.rstrip() for line in text.replace("python -m prompt_improver.cli", "prompt-improver").strip().splitlines())
        parts.append(f"## prompt-improver {command}".rstrip() + f"\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    if sys.argv[1:] == ["-"]:
        print(page(), end="")
    else:
        (Path(__file__).parent / "cli.md").write_text(page(), encoding="utf-8")
