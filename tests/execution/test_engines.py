"""Every engine gives what is finished first, holds no more than it works on, and ends early when somebody stops."""

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import pytest

from prompt_improver.errors import EnvironmentFailure
from prompt_improver.execution.cluster import run_ray
from prompt_improver.execution.engines import run_threads

Engine = Callable[[Callable[[int], object], Iterable[int]], Iterator[object]]


@pytest.fixture(params=[("local", 1), ("local", 2), ("local", 7), ("ray", 2)], ids=str)
def engine(request) -> Engine:
    name, workers = request.param
    if name == "ray":
        request.getfixturevalue("cluster")
        return partial(run_ray, workers=workers)
    return partial(run_threads, workers=workers, stop=threading.Event(), late=lambda _: None)


def test_every_task_is_made_once(engine):
    assert sorted(engine(lambda task: task * 2, range(20))) == list(range(0, 40, 2))


def test_nothing_to_do(engine):
    assert list(engine(lambda task: task, [])) == []


def test_tasks_are_taken_as_others_are_done(engine):
    """So neither the tasks nor their results are held, however many there are."""
    taken = []
    results = engine(lambda task: task, (taken.append(task) or task for task in range(30)))
    for done, _ in enumerate(results, 1):
        assert len(taken) <= done + 7
    assert len(taken) == 30


def test_a_caller_that_stops_ends_it(engine):
    results = engine(lambda task: task, range(1000))
    next(results)
    results.close()
    with pytest.raises(StopIteration):
        next(results)


@pytest.mark.parametrize("error", [KeyError("no"), EnvironmentFailure("no space left"), OSError(28, "No space left on device")])
def test_an_error_is_given_as_it_was(engine, error):
    def make(task: int) -> int:
        if task == 3:
            raise error
        return task

    with pytest.raises(type(error)) as caught:
        list(engine(make, range(50)))
    assert (type(caught.value), str(caught.value)) == (type(error), str(error))


def test_an_error_stops_the_other_threads_and_keeps_what_they_finish():
    stop, stopped, late = threading.Event(), [], []

    def make(task: int) -> int:
        if task == 1:
            raise KeyError("no")
        stopped.append(stop.wait(20))
        return task

    with pytest.raises(KeyError):
        list(run_threads(make, range(50), workers=2, stop=stop, late=late.append))
    assert (stopped, late) == ([True], [0])
