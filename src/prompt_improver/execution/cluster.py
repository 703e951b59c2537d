"""The Ray engine: parts made by workers of a cluster, which write them where they are kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from prompt_improver.errors import EnvironmentFailure, MissingExtra

__all__ = ["load_ray", "run_ray"]

T = TypeVar("T")

_GONE = 10.0
"""Seconds that cancelled tasks are waited for."""
_RETRIES = 5
"""How often a part is begun anew when its worker dies."""


def load_ray() -> Any:
    """The package ray, with its usage statistics off.

    Raises:
        MissingExtra: it is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read while it is imported
    try:
        import ray
    except ImportError:
        told = "--engine ray needs the package ray, which is not installed. Install it with: pip install 'prompt-improver[ray]'"
        raise MissingExtra(told) from None
    return ray


def run_ray(make: Callable[[int], T], tasks: Iterable[int], *, workers: int) -> Generator[T]:
    """Makes every task on a worker and gives the small results in the order in which they are finished.

    With `RAY_ADDRESS` set it joins that cluster, else it starts one of `workers` processes on this machine. A task whose worker dies is
    begun anew. At most `workers` tasks are begun and not given back, so the driver's memory does not grow with them.

    Raises:
        MissingExtra: ray is not installed.
        EnvironmentFailure: the cluster cannot be reached or lost a task for good.
    """
    ray = load_ray()
    waiting = iter(tasks)
    with _cluster(ray, workers), _told(ray):
        task = ray.remote(num_cpus=1, max_retries=_RETRIES)(_called).remote
        kept = ray.put(make)
        pending = [task(kept, number) for number in islice(waiting, workers)]
        try:
            while pending:
                done, pending = ray.wait(pending)
                for result in done:
                    yield ray.get(result)
                    pending += [task(kept, number) for number in islice(waiting, 1)]
        finally:
            for result in pending:
                ray.cancel(result, force=True)
            if pending:  # their workers are gone before the caller tidies up after them
                ray.wait(pending, num_returns=len(pending), timeout=_GONE)


def _called(make: Callable[[int], T], number: int) -> T:
    return make(number)


@contextmanager
def _cluster(ray: Any, workers: int) -> Iterator[None]:
    if ray.is_initialized():  # the caller's own; it stays
        yield
        return
    started = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(log_to_driver=False, logging_level="error", **started)
    except (OSError, RuntimeError, ValueError) as error:
        raise EnvironmentFailure(f"no Ray cluster could be started or joined: {str(error).splitlines()[0][:200]}. Look at RAY_ADDRESS.") from None
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _told(ray: Any) -> Iterator[None]:
    """Gives the error of a task as it was there, and turns Ray's own into one sentence."""
    try:
        yield
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        said = str(error).splitlines()[0][:200]
        told = f"the Ray cluster lost a part for good: {said}. Give the same command again: finished parts are kept."
        raise EnvironmentFailure(told) from None
