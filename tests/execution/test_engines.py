"""Threads give what is finished first, hold no more than they work on, and end early when somebody stops."""

import threading
import time

import pytest

from prompt_improver.execution.engines import run_threads


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_every_task_is_made_once(workers):
    assert sorted(run_threads(lambda task: task * 2, range(20), workers=workers, stop=threading.Event())) == list(range(0, 40, 2))
    assert list(run_threads(lambda task: task, [], workers=workers, stop=threading.Event())) == []


def test_no_more_tasks_are_begun_than_there_are_workers():
    begun = []
    results = run_threads(begun.append, iter(range(100)), workers=3, stop=threading.Event())
    next(results)
    assert len(begun) <= 4
    results.close()


def test_an_error_stops_the_others():
    stop = threading.Event()

    def make(task: int) -> int:
        if task == 1:
            raise KeyError("no")
        assert stop.wait(20)  # or the test would take that long
        return task

    begun = time.monotonic()
    with pytest.raises(KeyError):
        list(run_threads(make, range(50), workers=2, stop=stop))
    assert time.monotonic() - begun < 10
