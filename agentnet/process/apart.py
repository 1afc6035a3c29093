"""What is opened and closed whole, whatever happens to the block in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@asynccontextmanager
async def apart(opening: AbstractAsyncContextManager[T], name: str) -> AsyncIterator[T]:
    """`opening`, entered and left in a task of its own.

    Who is cancelled while it closes, waits until it is closed, and is cancelled then: cut short, parts that still close
    would find closed what they close with. Cancelled while it opens, it gives up and closes what it had opened.
    """
    stop = asyncio.Event()
    opened: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    async def host() -> None:
        async with opening as value:
            opened.set_result(value)
            await stop.wait()

    task = asyncio.create_task(host(), name=name)
    try:
        either: set[asyncio.Future[Any]] = {task, opened}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            task.result()
        yield opened.result()
    finally:
        stop.set()
        if not opened.done():
            task.cancel()
            opened.cancel()
        await _ended(task)
    task.result()


async def _ended(task: asyncio.Task[None]) -> None:
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        if not task.cancelled():
            task.exception()  # looked at, or asyncio logs that nobody did
        raise asyncio.CancelledError
