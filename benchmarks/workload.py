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
from time import perf_counter

import pyarrow as pa

from prompt_improver.execution.local import Run, open_run, stream_batches
from prompt_improver.recipe.recipe import Recipe, make_recipe
from prompt_improver.storage.files import with_ids

__all__ = ["SEED", "child_environment", "file_table", "lacking", "recipe_of", "row_table", "run_child", "scratch", "stream"]

SEED = 42


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


def child_environment() -> dict[str, str]:
    """Our environment for a child process that may keep its bytecode, as an installed program does."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run_child(*arguments: str, python: str = sys.executable) -> float:
    """Runs Python with arguments and gives the seconds of the whole process.

    Raises:
        subprocess.CalledProcessError: it ended with an error, which stands on standard error.
    """
    begun = perf_counter()
    subprocess.run([python, *arguments], env=child_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - begun
