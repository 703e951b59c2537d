"""Whole processes, beside importing what they need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.pairs import dropping, paired
from benchmarks.workload import SEED, run_child, scratch

__all__ = ["measure"]

_ARRAYS = "import numpy, pyarrow, sqlmodel, aiosqlite"
_TERMINAL = "import typer, rich"


def measure(*, rounds: int, quick: bool) -> Iterator[Figure]:
    """A first bootstrap and the help, from the start of the process to its end."""
    n = 100 if quick else 1000
    with scratch() as folder:
        file = folder / "rows.db"
        bootstrap = ("-m", "prompt_improver.cli", "bootstrap", "--samples", str(n), "--seed", str(SEED), "--database-url", f"sqlite:///{file}")
        work = f"bootstrap --samples {n}, whole process, SQLite in an empty folder, schema included"
        note = "built-in domains are compiled already, as an installed package has them"
        yield _figure("bootstrap", work, bootstrap, _ARRAYS, (2.0, 1.4), rounds, lambda: file.unlink(missing_ok=True), note)
    help_ = ("-m", "prompt_improver.cli", "--help")
    yield _figure("help", "prompt-improver --help, whole process", help_, _TERMINAL, (1.3, None), rounds, Path, "")


def _figure(
    name: str, work: str, ours: tuple[str, ...], imports: str, asked: tuple[float, float | None], rounds: int, before: Callable[[], object], note: str
) -> Figure:
    took, floors = paired(dropping(run_child, *ours), dropping(run_child, "-c", imports), rounds=rounds, before=before, warm_ups=2)
    return Figure(f"start.{name}", work, f'python -c "{imports}"', limit=asked[0], goal=asked[1], ours=took, floors=floors, note=note)
