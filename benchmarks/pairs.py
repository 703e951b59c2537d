"""Two pieces of work, timed in turn."""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import perf_counter

__all__ = ["Work", "dropping", "paired"]

Work = Callable[[], float | None]
"""Something to time. Where it gives a number, that is its own measure (seconds without its start-up, say) and is taken instead."""


def paired(ours: Work, floor: Work, *, rounds: int, before: Callable[[], object] | None = None, warm_ups: int = 1) -> tuple[list[float], list[float]]:
    """Times both, round by round, so that what slows the machine for a while slows both. Every other round begins with the floor.

    Args:
        ours: what is judged.
        floor: what it is compared with.
        rounds: how often each is timed.
        before: called, untimed, before each.
        warm_ups: rounds that are thrown away.

    Returns:
        Measures of `ours` and of `floor`, in seconds unless they give another one themselves; `rounds` of each.
    """
    kept: tuple[list[float], list[float]] = ([], [])
    for number in range(-warm_ups, rounds):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            if before is not None:
                before()
            gc.collect()
            measure = _timed((ours, floor)[side])
            if number >= 0:
                kept[side].append(measure)
    return kept


def dropping(function: Callable[..., object], *given: object, **named: object) -> Work:
    """A call whose result is thrown away."""

    def work() -> None:
        function(*given, **named)

    return work


def _timed(work: Work) -> float:
    begun = perf_counter()
    own = work()
    seconds = perf_counter() - begun
    return seconds if own is None else own
