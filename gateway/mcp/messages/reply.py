"""How an answer goes out: plain JSON while nothing was streamed, a stream of server-sent events from then on."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from starlette.types import Send

from gateway.http.transport import Headers
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.jsonrpc import event, write
from gateway.mcp.messages.pace import Pace

KEEP_ALIVE_SECONDS = 15.0
"""Longest silence of a stream, and longest wait for an answer before it becomes a stream: proxies cut silent ones."""
PER_SECOND = 20
"""A server's notifications that go out in a second, where no setting says otherwise."""
KEEP_ALIVE = b": keep-alive\n\n"
STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
JSON_HEADERS: Headers = [(b"content-type", b"application/json")]


class Reply:
    """The response to one HTTP request. Whoever writes into it writes whole events."""

    def __init__(self, send: Send, *, may_stream: bool, per_second: int = PER_SECOND) -> None:
        self._send = send
        self._per_second = per_second
        self._pace: Pace | None = None
        self.may_stream = may_stream
        """Whether the client takes a stream. Without it notifications are dropped."""
        self.headers: Headers = []
        """Go out with the head, whichever form it has."""
        self.on_left: Callable[[], bool] | None = None
        self.is_stream = False
        self.is_done = False
        self._has_begun = False
        self._timer: asyncio.TimerHandle | None = None
        self._comment: asyncio.Task[None] | None = None
        self._release: asyncio.TimerHandle | None = None

    def keep_alive(self) -> None:
        """From now on break every long silence with a comment."""
        if self.may_stream and not self.is_done:
            self._timer = asyncio.get_running_loop().call_later(KEEP_ALIVE_SECONDS, self._break_silence)

    async def send_event(self, document: Document, identifier: str | None = None) -> None:
        """One event of the stream, which begins with the first."""
        if self.may_stream:
            await self.stream(event(write(document), identifier))

    async def keep(self, message: Document) -> None:
        """Note what the client must not miss, where it may come back for it."""

    def goes_on(self) -> bool:
        """The client has left: whether its request is served on."""
        return self.on_left is not None and self.on_left()

    def leave_to_server(self) -> bool:
        """Whether the client may see the server's own event ids, and resume the stream there."""
        return True

    async def prime(self, identifier: str) -> None:
        """An event without data: the stream can be resumed after it."""
        if self.may_stream:
            await self.stream(event(b"", identifier))

    async def relay(self, data: bytes) -> None:
        """Whole events of a server, its notifications no faster than they may come."""
        pace = self._pace = self._pace or Pace(self._per_second)
        await self._stream(pace.passed(data))
        if pace.holds and self._release is None and not self.is_done:
            self._release = asyncio.get_running_loop().call_later(pace.seconds_left, self._let_go)

    async def stream(self, data: bytes) -> None:
        """Whole events, as they are, after what waits."""
        await self._stream(self._held() + data)

    async def _stream(self, data: bytes) -> None:
        if self.is_done or (self._has_begun and not self.is_stream):
            return
        if not self.is_stream:
            self.is_stream = True
            await self.begin(200, STREAM_HEADERS)
        if not data:
            return
        self._rest()
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, document: Document, status: int = 200) -> None:
        """The last word: an event of the stream, or the whole answer with `status` where there is none."""
        await self.finish_with(write(document), status)

    async def finish_with(self, data: bytes, status: int = 200) -> None:
        """`finish` for a document that is written already."""
        if self.is_stream:
            await self.end(event(data))
        else:
            await self.whole(status, JSON_HEADERS, data)

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """A response of one piece; only the end where the stream has begun."""
        if self._has_begun:
            await self.end_stream()
            return
        await self.begin(status, [*headers, (b"content-length", b"%d" % len(body))])
        await self.end(body)

    async def open_stream(self) -> None:
        """Begin the stream although nothing is to be said yet."""
        if not self._has_begun:
            self.is_stream = True
            await self.begin(200, STREAM_HEADERS)
            await self._send({"type": "http.response.body", "body": b"", "more_body": True})

    async def begin(self, status: int, headers: Headers) -> None:
        """Status and headers. Only once."""
        self._has_begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": [*headers, *self.headers]})

    async def end(self, body: bytes = b"") -> None:
        """The end of the response, once."""
        if self.is_done:
            return
        self.close()
        await self._send({"type": "http.response.body", "body": self._held() + body, "more_body": False})

    async def end_stream(self) -> None:
        """The end of a stream that is still open; nothing for any other response."""
        if self.is_stream and not self.is_done:
            await self.end()

    def close(self) -> None:
        """Nothing more goes out."""
        self.is_done = True
        if self._timer is not None:
            self._timer.cancel()
        if self._release is not None:
            self._release.cancel()

    def _held(self) -> bytes:
        """What waited because it came too fast."""
        return self._pace.held() if self._pace is not None and self._pace.holds else b""

    def _let_go(self) -> None:
        self._release = None
        self._comment = asyncio.create_task(self._send_aside(b""))

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self.keep_alive()

    def _break_silence(self) -> None:
        self._comment = asyncio.create_task(self._send_aside(KEEP_ALIVE))
        self.keep_alive()

    async def _send_aside(self, data: bytes) -> None:
        with suppress(OSError):  # a client that has gone is told of elsewhere
            await self.stream(data)
