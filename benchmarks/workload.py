"""What several areas use: runs, finished tables, folders, child processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from prompt_improver.execution.local import Run, open_run, stream_batches
from prompt_improver.recipe.recipe import Recipe, make_recipe
from prompt_improver.storage.files import with_ids

__all__ = ["SEED", "file_table", "lacking", "recipe_of", "row_table", "run_child", "scratch", "stream"]

SEED = 42
_ROOT = Path(__file__).parents[1]


def recipe_of(samples: int) -> Recipe:
    return make_recipe({"samples": samples, "seed": SEED})


def stream(run: Run, workers: int = 1) -> None:
    """Makes every block of a run and drops it."""
    for _ in stream_batches(run, workers=workers):
        pass


def row_table(samples: int) -> pa.Table:
    """The finished rows of a run, columns of `ROW_SCHEMA`, in one piece each."""
    return pa.concat_tables(batch.rows for batch in stream_batches(open_run(recipe_of(samples)))).combine_chunks()


def file_table(samples: int) -> pa.Table:
    """The finished rows of a run in the columns of a file, in one piece each."""
    return pa.concat_tables(with_ids(batch) for batch in stream_batches(open_run(recipe_of(samples)))).combine_chunks()


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder that is removed afterwards."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        yield Path(folder)


def lacking(*packages: str) -> str:
    """Why an area cannot be measured here, where a package is not installed; else an empty text."""
    absent = [name for name in packages if find_spec(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


def run_child(*arguments: str, python: str = sys.executable) -> str:
    """Runs Python in a process that may keep its bytecode, as an installed program does, and gives what it prints.

    Raises:
        subprocess.CalledProcessError: it ended with an error, whose words are printed.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([python, *arguments], cwd=_ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        done.check_returncode()
    return done.stdout
