"""Where the time of a block goes: the engine's own functions, each without those that it calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from inspect import isfunction
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

from benchmarks.workload import recipe_of
from prompt_improver.execution.local import BLOCKS_AT_ONCE, Run, open_run
from prompt_improver.generation import block as engine

__all__ = ["TABLE", "measure"]

TABLE = "Block"
_BLOCK = 4096


class _Clock:
    """Seconds spent in functions themselves, by name, while they are wrapped."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            self._inner.append(0.0)
            begun = perf_counter()
            try:
                return function(*given, **named)
            finally:
                took = perf_counter() - begun
                self.seconds[name] += took - self._inner.pop()
                if self._inner:
                    self._inner[-1] += took

        return timed


def measure(*, rounds: int, quick: bool) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """A table: microseconds a row of every function that `make_blocks` calls, and of what it does itself."""
    blocks = 2 if quick else 32
    run = open_run(recipe_of(blocks * _BLOCK))
    _profile(run, blocks)
    found = [_profile(run, blocks) for _ in range(rounds)]
    rows = []
    whole = median(sum(seconds.values()) for seconds in found)
    for name in found[0]:
        micro = [seconds[name] / (blocks * _BLOCK) * 1e6 for seconds in found]
        where = getattr(engine, name).__module__.removeprefix("prompt_improver.")
        share = median(seconds[name] for seconds in found) / whole
        rows.append(
            {
                "function": name,
                "in": where,
                "µs a row": round(median(micro), 3),
                "min": round(min(micro), 3),
                "max": round(max(micro), 3),
                "share": f"{share:.1%}",
            }
        )
    rows.sort(key=lambda row: -float(row["µs a row"]))
    total = [sum(seconds.values()) / (blocks * _BLOCK) * 1e6 for seconds in found]
    ends = {"µs a row": round(median(total), 3), "min": round(min(total), 3), "max": round(max(total), 3), "share": "100.0%"}
    yield {TABLE: [*rows, {"function": "all", "in": f"{blocks} blocks, {rounds} rounds", **ends}]}


def _profile(run: Run, blocks: int) -> dict[str, float]:
    clock = _Clock()
    functions = {name: found for name, found in vars(engine).items() if isfunction(found) and found.__module__.startswith("prompt_improver.")}
    with ExitStack() as stack:
        for name, function in functions.items():
            stack.enter_context(patch.object(engine, name, clock.wrapped(name, function)))
        for first in range(0, blocks, BLOCKS_AT_ONCE):
            together = range(first, min(first + BLOCKS_AT_ONCE, blocks))
            engine.make_blocks(run.plan, together, run.origin, noise_share=run.recipe.noise, gaps=run.recipe.tier_gaps)
    return dict(clock.seconds)
