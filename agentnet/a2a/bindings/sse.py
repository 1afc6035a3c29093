"""Server-Sent Events: one response that costs little while nothing happens and ends when its reader leaves."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

logger = logging.getLogger(__name__)

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back until its buffer is full
]
KEEP_ALIVE = b": keep-alive\n\n"  # a comment: proxies end silent connections (WHATWG HTML section 9.2.7)

Frames = AsyncGenerator[bytes, None]


class EventStream:
    """An ASGI response that sends `frames` until they end or the reader leaves."""

    def __init__(self, frames: Frames, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._frames = frames
        self._headers = [*HEADERS, *headers]

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        sending = asyncio.current_task()
        assert sending is not None
        watching = asyncio.create_task(_until_gone(receive, sending))
        try:
            async for data in self._frames:
                await send({"type": "http.response.body", "body": data, "more_body": True})
                del data  # a reader that waits for the next holds nothing of the last: 4 KiB each
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            if not watching.done():
                raise
            sending.uncancel()  # the reader has left; nobody is there to be told
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            await self._frames.aclose()


class EventResponse(Response):
    """An `EventStream` where Starlette wants a Response."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__()
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._stream(scope, receive, send)


async def _until_gone(receive: Receive, sending: "asyncio.Task[None]") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    sending.cancel()
