"""Runs the benchmarks and writes their page.

    python benchmarks/run.py [--only NAME …] [--rounds 5] [--quick] [--write docs/benchmarks.md]

Without `--only` everything but `growth` is measured, which makes up to ten million rows and takes longest. Results are kept in a file, so that
`--only` replaces its own rows alone; `--only` without names measures nothing, and `--write` makes the page from what is kept. Packages come with
`pip install -c constraints.txt -e '.[bench,ray,test]'`. To compare with data-designer, install it in an environment of its own and
name that one's Python in PROMPT_IMPROVER_BENCH_DESIGNER.
"""

from __future__ import annotations

import argparse
import compileall
import os
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["main"]

_ROOT = Path(__file__).parents[1]


def main() -> int:
    """Exit code 0, or 1 where an area failed; the others are kept."""
    from benchmarks.area import AREAS
    from benchmarks.figures import read_areas
    from benchmarks.page import render
    from benchmarks.plots import draw

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="*", choices=AREAS, default=[name for name in AREAS if name != "growth"], metavar="NAME", help=", ".join(AREAS)
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="few rows, to see that it works; the figures mean little")
    parser.add_argument("--results", type=Path, default=_ROOT / "benchmarks" / "results.json", help="what is measured is kept here")
    parser.add_argument("--write", type=Path, help="the page to write; plots go into a folder images beside it")
    asked = parser.parse_args()
    failed = [name for name in asked.only if not _measured(name, asked.rounds, asked.quick, asked.results.absolute())]
    kept = read_areas(asked.results)
    areas = {name: kept[name] for name in AREAS if name in kept}
    if asked.write is not None:
        images = asked.write.parent / "images"
        draw(areas, images)
        asked.write.write_text(render(areas, images), encoding="utf-8")
    for name in failed:
        print(f"{name} failed; what was kept of it before is kept still", file=sys.stderr)
    return 1 if failed else 0


def _measured(name: str, rounds: int, quick: bool, results: Path) -> bool:
    """Measures an area in a process of its own, which may keep its bytecode and has a home without a user's settings."""
    compileall.compile_dir(_ROOT / "src", quiet=2)
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONDONTWRITEBYTECODE", "PROMPT_IMPROVER_DATABASE_URL")}
    with tempfile.TemporaryDirectory(prefix="benchmark-home-") as home:
        environment.setdefault("PROMPT_IMPROVER_HOME", home)
        command = [sys.executable, "-m", "benchmarks.area", name, str(rounds), "quick" if quick else "full", str(results)]
        return subprocess.run(command, cwd=_ROOT, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.path[0] = str(_ROOT)  # so that this folder is a package, and its modules do not hide others of the same name
    sys.exit(main())
