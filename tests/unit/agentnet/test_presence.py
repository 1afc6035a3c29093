"""Whether a client is there, told by its connection: true sockets, and whoever serves the request waits for nothing."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from starlette.types import Message, Receive, Scope, Send

from agentnet.http.presence import Presence, presence_of
from agentnet.testing.serving import serving
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWER: list[Message] = [
    {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]},
    {"type": "http.response.body", "body": b"ok"},
]


def told(presence: Presence) -> asyncio.Event:
    """Set when the client leaves."""
    event = asyncio.Event()
    presence.on_leaving = event.set
    return event


class App:
    """Serves each request until its client leaves; `answers` those that it is to."""

    def __init__(self, answers: Callable[[int], bool]) -> None:
        self.begun: asyncio.Queue[Presence] = asyncio.Queue()
        self.left: asyncio.Queue[int] = asyncio.Queue()
        self._answers = answers
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._count += 1
        number = self._count
        presence = presence_of(scope)
        assert presence is not None and not presence.is_gone
        leaves = told(presence)
        self.begun.put_nowait(presence)
        if self._answers(number):
            for message in ANSWER:
                await send(message)
        await leaves.wait()
        assert presence.is_gone
        self.left.put_nowait(number)


async def test_who_serves_a_request_is_told_when_its_client_leaves() -> None:
    app = App(lambda _: False)
    async with serving(app) as url, asyncio.timeout(PATIENCE_SECONDS):
        _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(REQUEST)
        await app.begun.get()
        writer.close()
        assert await app.left.get() == 1


async def test_a_client_with_its_whole_answer_waits_for_nothing_more() -> None:
    app = App(lambda _: True)
    async with serving(app) as url, asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        for number in (1, 2):  # the connection stays
            writer.write(REQUEST)
            assert (await reader.readuntil(b"ok")).endswith(b"ok")
            assert await app.left.get() == number
        writer.close()


async def test_of_requests_behind_one_another_each_has_its_own() -> None:
    app = App(lambda number: number == 1)
    async with serving(app) as url, asyncio.timeout(PATIENCE_SECONDS):
        _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(REQUEST + REQUEST)
        first, second = await app.begun.get(), await app.begun.get()
        assert await app.left.get() == 1
        assert first.is_gone and not second.is_gone
        writer.close()
        assert await app.left.get() == 2


def test_a_request_that_another_server_takes_has_none() -> None:
    assert presence_of({"type": "http"}) is None
