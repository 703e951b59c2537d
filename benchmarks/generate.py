"""Rows made and dropped, beside others that make as many characters."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.figures import Figure
from benchmarks.pairs import dropping, paired
from benchmarks.workload import SEED, lacking, recipe_of, row_table, stream
from prompt_improver.execution.local import open_run

__all__ = ["mean_sizes", "measure", "repeat_until"]

_BLOCK = 4096
_BANK = 20_000


def measure(*, rounds: int, quick: bool) -> Iterator[Figure]:
    """Generation alone against Mimesis, Faker, two threads, and a bare assembly of equally long strings."""
    n = 2 * _BLOCK if quick else 32 * _BLOCK
    run = open_run(recipe_of(n))
    sizes = mean_sizes(min(n, 8 * _BLOCK))

    def ours() -> None:
        stream(run)

    one = "generate only, one thread"
    for name, calls, rows, package, limit, goal in (
        ("mimesis", ("sentence", "sentence"), n // 4, "mimesis", 1 / 4, 1 / 7),
        ("mimesis_text", ("text", "text"), n // 4, "mimesis", None, None),
        ("faker", ("sentence", "paragraph"), n // 32, "faker", 1 / 80, 1 / 130),
    ):
        called = (
            f"its {calls[0]}() until as long"
            if calls[0] == calls[1]
            else f"sentence() for the prompt and {calls[1]}() for the enhanced one until as long"
        )
        told = f"{package.capitalize()} making as many characters a row: {called}"
        if reason := lacking(package):
            yield Figure(f"generate.{name}", one, told, limit=limit, goal=goal, missing=reason)
            continue
        text = _TEXTS[package]()
        characters = text(calls, rows, sizes)
        took, floors = paired(ours, dropping(text, calls, rows, sizes), rounds=rounds)
        note = f"{sum(sizes):.0f} characters a row; the floor's {characters / rows:.0f} are scaled to as many"
        yield Figure(
            f"generate.{name}", one, told, n, characters / sum(sizes), seed=SEED, limit=limit, goal=goal, ours=took, floors=floors, note=note
        )

    took, floors = paired(lambda: stream(run, 2), ours, rounds=rounds)
    yield Figure("generate.threads", "generate only, two threads", "one thread", n, n, True, "s", SEED, 1 / 1.6, 1 / 1.85, took, floors)
    took, floors = paired(ours, lambda: _assemble(n, sizes), rounds=rounds)
    told = "numpy and pyarrow: two texts a row of as many characters from one take of random pieces"
    yield Figure(
        "generate.assembly", one, told, n, n, seed=SEED, ours=took, floors=floors, note="the floor has no plan, features, label or other columns"
    )


def mean_sizes(samples: int) -> tuple[float, float]:
    """Mean characters of prompt and enhanced prompt."""
    rows = row_table(samples)
    prompt, enhanced = (float(pc.mean(pc.utf8_length(rows[name])).as_py()) for name in ("prompt_text", "enhanced_prompt"))
    return prompt, enhanced


Text = Callable[[tuple[str, str], int, tuple[float, float]], int]
"""Makes rows of two texts, each by the named call until it is as long as asked; gives the characters made."""


def _mimesis() -> Text:
    from mimesis import Text as Words

    def text(calls: tuple[str, str], rows: int, sizes: tuple[float, float]) -> int:
        source = Words(seed=SEED)
        return _rows_of(getattr(source, calls[0]), getattr(source, calls[1]), rows, sizes)

    return text


def _faker() -> Text:
    from faker import Faker

    source = Faker()

    def text(calls: tuple[str, str], rows: int, sizes: tuple[float, float]) -> int:
        source.seed_instance(SEED)
        return _rows_of(getattr(source, calls[0]), getattr(source, calls[1]), rows, sizes)

    return text


_TEXTS = {"mimesis": _mimesis, "faker": _faker}


def _rows_of(prompt: Callable[[], str], enhanced: Callable[[], str], rows: int, sizes: tuple[float, float]) -> int:
    return sum(len(repeat_until(prompt, sizes[0])) + len(repeat_until(enhanced, sizes[1])) for _ in range(rows))


def repeat_until(make: Callable[[], str], size: float) -> str:
    """Texts of `make` behind each other, until there are `size` characters."""
    made = make()
    while len(made) < size:
        made += " " + make()
    return made


def _assemble(n: int, sizes: tuple[float, float]) -> None:
    """The least that a table of such texts costs: random places, one take, wider offsets."""
    rng = np.random.default_rng(SEED)
    lengths = rng.integers(10, 31, _BANK)
    letters = rng.integers(97, 123, lengths.sum(), dtype=np.uint8).tobytes()
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    bank = pa.StringArray.from_buffers(_BANK, pa.py_buffer(ends), pa.py_buffer(letters))
    for start in range(0, n, _BLOCK):
        rows = min(_BLOCK, n - start)
        for size in sizes:
            pieces = round(size / 20)
            _, offsets, data = bank.take(pa.array(rng.integers(0, _BANK, rows * pieces))).buffers()
            ends = np.frombuffer(offsets, dtype=np.int32, count=rows * pieces + 1)[::pieces]
            pa.StringArray.from_buffers(rows, pa.py_buffer(ends.tobytes()), data)
