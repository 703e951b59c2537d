"""Work ahead: in order, one in advance, nothing left behind."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from prompt_improver.storage.ahead import ahead


async def collect(things: Iterator[int]) -> list[int]:
    async with ahead(things) as each:
        return [thing async for thing in each]


async def test_everything_comes_in_order():
    assert await collect(iter(range(50))) == list(range(50))
    assert await collect(iter(())) == []


async def test_the_next_is_made_while_one_is_used():
    made = threading.Event()

    def things() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    async with ahead(things()) as each:
        async for thing in each:
            if thing == 1:
                assert await asyncio.to_thread(made.wait, 10)


async def test_an_error_of_the_maker_comes_in_its_place():
    def things() -> Iterator[int]:
        yield 1
        raise KeyError("two")

    got: list[int] = []

    async def use() -> None:
        async with ahead(things()) as each:
            async for thing in each:
                got.append(thing)  # noqa: PERF401

    with pytest.raises(KeyError, match="two"):
        await use()
    assert got == [1]


@pytest.mark.parametrize("ending", [KeyError, asyncio.CancelledError])
async def test_the_one_in_making_is_waited_for(ending):
    busy, done = threading.Event(), []

    def things() -> Iterator[int]:
        yield 1
        busy.wait(0.2)
        done.append(2)
        yield 2

    async def use() -> None:
        async with ahead(things()) as each:
            async for _ in each:
                raise ending

    with pytest.raises(ending):
        await use()
    assert done == [2]


async def test_a_cancellation_while_waiting_waits_for_the_thread():
    begun, go_on, done = threading.Event(), threading.Event(), []

    def things() -> Iterator[int]:
        begun.set()
        go_on.wait(10)
        done.append(1)
        yield 1

    task = asyncio.ensure_future(collect(things()))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    await asyncio.sleep(0.05)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [1]
