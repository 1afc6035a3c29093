"""The watch over a client while its request is served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agentnet.http.presence import Presence
from gateway.http.body import Body, run_until_gone
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


class Client:
    """What a server tells of a client: `leave` ends its connection."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        self.asked.set()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    def leave(self) -> None:
        self._gone.set()


@asynccontextmanager
async def served(client: Client, work: Any, **options: Any) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(run_until_gone(Body(client.receive, b"", True), work, **options))
    async with asyncio.timeout(PATIENCE_SECONDS):
        yield task


async def until(event: asyncio.Event) -> None:
    await event.wait()


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_work_that_is_soon_done_asks_for_no_client() -> None:
    client, done = Client(), asyncio.Event()
    await run_until_gone(Body(client.receive, b"", True), asyncio.sleep(0))
    asyncio.get_running_loop().call_later(0.2, done.set)  # well behind the moment at which it would be looked for
    await done.wait()
    assert not client.asked.is_set()


async def test_work_ends_when_its_client_leaves() -> None:
    client = Client()
    async with served(client, for_ever()) as task:
        await client.asked.wait()
        client.leave()
        await task  # of its own end the caller is not told


async def test_a_client_that_left_at_once_is_noticed_too() -> None:
    client = Client()
    client.leave()
    async with served(client, for_ever()) as task:
        await task


async def test_work_goes_on_without_its_client_where_it_may() -> None:
    client, asked, ends = Client(), asyncio.Event(), asyncio.Event()

    def goes_on() -> bool:
        asked.set()
        return True

    async with served(client, until(ends), goes_on=goes_on) as task:
        client.leave()
        await asked.wait()
        assert not task.done()
        ends.set()
        await task


async def test_what_cancels_the_caller_is_not_taken_for_a_client_that_left() -> None:
    for leaves in (False, True):
        client = Client()
        async with served(client, for_ever(), goes_on=lambda: True) as task:
            await client.asked.wait()
            if leaves:
                client.leave()
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_a_caller_who_is_cancelled_as_its_client_leaves_hears_of_it() -> None:
    client = Client()
    async with served(client, for_ever()) as task:
        await client.asked.wait()
        client.leave()
        while not task.cancelling():
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_client_that_leaves_after_the_work_cancels_nothing() -> None:
    client, ends = Client(), asyncio.Event()

    async def request() -> str:
        await run_until_gone(Body(client.receive, b"", True), until(ends))
        client.leave()
        await asyncio.sleep(0.01)
        return "whole"

    task = asyncio.create_task(request())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await client.asked.wait()
        ends.set()
        assert await task == "whole"


class Seen(Client):
    """A client whose connection tells that it leaves: nobody has to ask."""

    def __init__(self) -> None:
        super().__init__()
        self.presence = Presence()

    def body(self, complete: bool = True) -> Body:
        return Body(self.receive, b"", complete, self.presence)


async def test_work_ends_when_the_connection_tells_that_its_client_left() -> None:
    client, begun = Seen(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await for_ever()

    task = asyncio.create_task(run_until_gone(client.body(), work()))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await begun.wait()
        client.presence.leave()
        await task
    assert not client.asked.is_set()


async def test_a_client_that_left_before_the_work_began_cancels_it_and_nothing_behind_it() -> None:
    for work in (for_ever, lambda: asyncio.sleep(0)):
        client = Seen()
        client.presence.leave()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await run_until_gone(client.body(), work())
            await asyncio.sleep(0.01)  # would be cancelled, had the work left anything of it


async def test_who_still_reads_the_request_finds_out_himself() -> None:
    client, ends = Seen(), asyncio.Event()
    task = asyncio.create_task(run_until_gone(client.body(complete=False), until(ends)))
    await asyncio.sleep(0)
    client.presence.leave()
    await asyncio.sleep(0)
    assert not task.done() and not task.cancelling()
    ends.set()
    await task


async def test_work_goes_on_where_it_may_though_the_connection_tells() -> None:
    client, ends = Seen(), asyncio.Event()
    task = asyncio.create_task(run_until_gone(client.body(), until(ends), lambda: True))
    await asyncio.sleep(0)
    client.presence.leave()
    await asyncio.sleep(0)
    assert not task.cancelling()
    ends.set()
    await task


async def test_the_connection_tells_nobody_once_the_work_is_done() -> None:
    client = Seen()
    await run_until_gone(client.body(), asyncio.sleep(0))
    assert client.presence.on_leaving is None
