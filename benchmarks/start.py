"""Whole processes, beside importing what they need."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
        bootstrap = ("bootstrap", "--samples", str(n), "--seed", str(SEED), "--database-url", f"sqlite:///{file}")
        took, floors = _timed(bootstrap, _ARRAYS, rounds, lambda: file.unlink(missing_ok=True))
    work = f"bootstrap --samples {n}, whole process, SQLite in an empty folder, schema included"
    note = "built-in domains are compiled already, as an installed package has them"
    yield Figure("start.bootstrap", work, f'python -c "{_ARRAYS}"', limit=2.0, goal=1.4, ours=took, floors=floors, note=note)
    took, floors = _timed(("--help",), _TERMINAL, rounds, None)
    yield Figure("start.help", "prompt-improver --help, whole process", f'python -c "{_TERMINAL}"', limit=1.3, ours=took, floors=floors)


def _timed(command: tuple[str, ...], imports: str, rounds: int, before: Callable[[], None] | None) -> tuple[list[float], list[float]]:
    ours = dropping(run_child, "-m", "prompt_improver.cli", *command)
    return paired(ours, dropping(run_child, "-c", imports), rounds=rounds, before=before, warm_ups=2)
