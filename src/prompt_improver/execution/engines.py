"""Engines: who makes the parts of a run. Each gives the same results, as they are finished."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from threading import Event
from typing import TypeVar

__all__ = ["ENGINES", "run_threads"]

T = TypeVar("T")

ENGINES = ("local", "ray")
"""Threads of this process; workers of a Ray cluster (`cluster.run_ray`)."""


def run_threads(make: Callable[[int], T], tasks: Iterable[int], *, workers: int, stop: Event, late: Callable[[T], None]) -> Generator[T]:
    """Makes every task on threads and gives the results in the order in which they are finished.

    At most `workers` tasks are begun and not given back. When the caller stops or a task fails, `stop` is set, and tasks that look at it end
    early; `late` is called with the results of those that were finished all the same.
    """
    waiting = iter(tasks)
    with ThreadPoolExecutor(workers, thread_name_prefix="part") as pool:
        pending: set[Future[T]] = set()
        try:
            pending |= {pool.submit(make, task) for task in islice(waiting, workers)}
            while pending:
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    pending.remove(future)
                    yield future.result()
                    pending |= {pool.submit(make, task) for task in islice(waiting, 1)}
        finally:
            stop.set()
            for future in pending:
                future.cancel()
            for future in wait(pending).done:
                if not future.cancelled() and future.exception() is None:
                    late(future.result())
