"""Work ahead: the next thing is made in a thread while the last one is being used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

__all__ = ["ahead"]

T = TypeVar("T")


@asynccontextmanager
async def ahead(things: Iterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """The things in their order, one of them made in advance.

    On leaving, also by an error or a cancellation, the one that is being made is waited for: a thread cannot be stopped. Its own error
    is then dropped in favour of the one that is under way.
    """
    pending = asyncio.ensure_future(asyncio.to_thread(next, things, None))

    async def each() -> AsyncIterator[T]:
        nonlocal pending
        while (thing := await asyncio.shield(pending)) is not None:
            pending = asyncio.ensure_future(asyncio.to_thread(next, things, None))
            yield thing

    try:
        yield each()
    finally:
        await asyncio.wait({pending})
        pending.exception()
