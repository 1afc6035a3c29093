"""What is opened apart is closed whole, whatever happens to the block, and once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agentnet.process.apart import apart


class Part:
    """Tells how far it came."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.done: list[str] = []
        self.closing = asyncio.Event()
        self.go_on = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Part"]:
        try:
            if self.fails == "opening":
                raise ValueError("opening")
            if self.fails == "endless":
                await asyncio.Event().wait()
            yield self
        finally:
            self.closing.set()
            await self.go_on.wait()
            self.done.append("closed")
            if self.fails == "closing":
                raise ValueError("closing")


async def used(part: Part) -> None:
    async with apart(part.open(), "part"):
        pass


@pytest.mark.parametrize("times", [1, 3])
async def test_who_is_cancelled_while_it_closes_waits_until_it_is_closed(times: int) -> None:
    part = Part()
    task = asyncio.create_task(used(part))
    await part.closing.wait()
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    part.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert part.done == ["closed"]


async def test_who_is_cancelled_while_it_opens_closes_what_was_opened() -> None:
    part = Part("endless")
    task = asyncio.create_task(used(part))
    await asyncio.sleep(0.01)
    task.cancel()
    await part.closing.wait()
    part.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert part.done == ["closed"]


@pytest.mark.parametrize("fails", ["opening", "closing"])
async def test_what_goes_wrong_inside_is_told(fails: str) -> None:
    part = Part(fails)
    part.go_on.set()
    with pytest.raises(ValueError, match=fails):
        await used(part)
    assert part.done == ["closed"]


async def test_an_error_of_the_block_is_the_blocks() -> None:
    part = Part()
    part.go_on.set()
    with pytest.raises(KeyError):
        async with apart(part.open(), "part"):
            raise KeyError("block")
    assert part.done == ["closed"]
