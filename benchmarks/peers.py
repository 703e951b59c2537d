"""Other generators making rows of the same shape, each in the way its documentation shows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.generate import mean_sizes, repeat_until
from benchmarks.pairs import dropping, paired
from benchmarks.workload import SEED, lacking, recipe_of, run_child, stream
from prompt_improver.batch import TIERS
from prompt_improver.execution.local import open_run
from prompt_improver.recipe.recipe import DEFAULT_SHARES

__all__ = ["measure"]

_DESIGNER = "PROMPT_IMPROVER_BENCH_DESIGNER"
"""A variable that names the Python of an environment with data-designer, whose pins are not ours."""

_SHARES = ("clarity", "specificity", "context_richness", "actionability", "effectiveness_score")

Rows = Callable[[int, tuple[float, float]], object]
"""Makes n rows whose two texts have so many characters."""


def measure(*, rounds: int, quick: bool) -> Iterator[Figure]:
    """Rows with two texts, domain, six features, effectiveness and tier; ours have the other columns of the contract as well."""
    n = 8192 if quick else 131_072
    sizes = mean_sizes(min(n, 32_768))
    run = open_run(recipe_of(n))
    work = "rows made and dropped, one thread"
    for name, told, rows, package, make in (
        ("mimesis", "Mimesis: Schema of Field calls, texts by text.sentence until as long", n // 64, "mimesis", _mimesis),
        ("faker", "Faker: a dictionary a row, texts by sentence() and paragraph() until as long", n // 128, "faker", _faker),
    ):
        if reason := lacking(package):
            yield Figure(f"peers.{name}", work, told, missing=reason)
            continue
        took, floors = paired(partial(stream, run), dropping(make(), rows, sizes), rounds=rounds)
        yield Figure(
            f"peers.{name}", work, told, n, rows, seed=SEED, ours=took, floors=floors, note="values are independent of each other and of the text"
        )
    told = "data-designer: sampler columns and one expression; texts are picked from 1,000 given ones"
    python = os.environ.get(_DESIGNER)
    if python is None:
        yield Figure("peers.data_designer", work, told, missing=f"{_DESIGNER} names no Python with data-designer")
        return
    rows = n // 16
    took, floors = paired(partial(stream, run), partial(_designer, python, rows, sizes), rounds=rounds)
    note = "its time is that of create(), which writes Parquet and column statistics too; no model is called"
    yield Figure("peers.data_designer", work, told, n, rows, seed=SEED, ours=took, floors=floors, note=note)


def _mimesis() -> Rows:
    from mimesis import Field, Schema

    field = Field(seed=SEED)

    def row(sizes: tuple[float, float]) -> dict[str, Any]:
        prompt, enhanced = (repeat_until(partial(field, "text.sentence"), size) for size in sizes)
        made = {"domain": field("choice", items=list(DEFAULT_SHARES)), "prompt_text": prompt, "enhanced_prompt": enhanced, "length": len(enhanced)}
        made |= {name: field("float_number", start=0, end=1, precision=3) for name in _SHARES}
        return made | {"complexity": field("integer_number", start=1, end=10), "tier": field("choice", items=list(TIERS))}

    return lambda n, sizes: Schema(schema=partial(row, sizes), iterations=n).create()


def _faker() -> Rows:
    from faker import Faker

    fake = Faker()

    def row(sizes: tuple[float, float]) -> dict[str, Any]:
        prompt, enhanced = repeat_until(fake.sentence, sizes[0]), repeat_until(fake.paragraph, sizes[1])
        made = {"domain": fake.random_element(tuple(DEFAULT_SHARES)), "prompt_text": prompt, "enhanced_prompt": enhanced, "length": len(enhanced)}
        made |= {name: fake.pyfloat(min_value=0, max_value=1, right_digits=3) for name in _SHARES}
        return made | {"complexity": fake.random_int(1, 10), "tier": fake.random_element(TIERS)}

    def rows(n: int, sizes: tuple[float, float]) -> list[dict[str, Any]]:
        fake.seed_instance(SEED)
        return [row(sizes) for _ in range(n)]

    return rows


def _designer(python: str, n: int, sizes: tuple[float, float]) -> float:
    """Seconds that data-designer says its run took, in a process of its own."""
    script = str(Path(__file__).with_name("designer.py"))
    return float(run_child(script, str(n), *(f"{size:.0f}" for size in sizes), python=python).split()[-1])
