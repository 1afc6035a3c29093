"""How an answer goes out: plain JSON while nothing was streamed, a stream of server-sent events from then on."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from mcp_types.jsonrpc import REQUEST_TIMEOUT
from starlette.types import Send

from gateway.http.transport import Headers
from gateway.http.waits import Wait, call_in
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.jsonrpc import event, write
from gateway.mcp.messages.pace import Pace

KEEP_ALIVE_SECONDS = 15.0
"""Longest silence of a stream, and longest wait for an answer before it becomes a stream: proxies cut silent ones."""
MAX_UNHEARD = 1000
"""Notifications to a client that has left, beyond what may come in a second; then the call ends, for reading them takes
time from others."""
PER_SECOND = 20
"""A server's notifications that go out in a second, where no setting says otherwise."""
KEEP_ALIVE = b": keep-alive\n\n"
# no-transform (RFC 9111 section 5.2.2.6): what a proxy compresses it holds back. The last one says so to nginx.
STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
BODILESS = frozenset({204, 205, 304})
FINAL = range(200, 600)
"""The statuses of a response that ends the exchange; servers of ASGI know no others."""
BAD_GATEWAY = 502
JSON_HEADERS: Headers = [(b"content-type", b"application/json")]


class NoiseError(McpError):
    """A server told more than enough to a client that is not there."""

    def __init__(self, count: int) -> None:
        super().__init__(
            REQUEST_TIMEOUT,
            f"The client left, and the server then sent {count} notifications and no answer: the call was ended.",
        )


class Unheard:
    """The notifications of a server that its client is not there to hear. Its call goes on for a client that comes back
    for the answer; one that comes back may be there for long, so some in a second are nothing to end it for."""

    __slots__ = ("_clock", "_count", "_per_second", "_since")

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._since = 0.0
        self._count = 0

    def count(self) -> None:
        """One more. Raises `NoiseError` for one too many."""
        now = self._clock()
        self._since = self._since or now
        self._count += 1
        if self._count > MAX_UNHEARD + self._per_second * (now - self._since):
            raise NoiseError(self._count)


class Keeper(Protocol):
    """Sees to it that a client which loses its connection can come back to the call (`gateway.mcp.resumption`)."""

    def left(self) -> bool:
        """The client has left: whether its request is served on."""
        ...

    def leave_to_server(self) -> bool:
        """Whether the client may see the server's own event ids, and resume the stream there."""
        ...

    async def ask(self, document: Document) -> None:
        """Send a question of the gateway's own, so that it is found by a client that comes back. Raises `McpError`."""
        ...

    async def keep(self, message: Document) -> None:
        """Note what a server sent, before it is passed on. Raises `McpError` for what would reach nobody."""
        ...

    async def named(self, data: bytes) -> bytes:
        """A server's notifications as they are to be passed on."""
        ...

    async def answered_with(self, data: bytes) -> None:
        """Note a server's answer, before it is passed on."""
        ...


class Reply:
    """The response to one HTTP request. Whoever writes into it writes whole events.

    A call that outlives its client's connection has a `keeper` beside it, and writes on when nobody is there any more.
    """

    def __init__(self, send: Send, *, may_stream: bool, per_second: int = PER_SECOND) -> None:
        self._send = send
        self._per_second = per_second
        self._pace: Pace | None = None
        self.may_stream = may_stream
        """Whether the client takes a stream. Without it notifications are dropped."""
        self.headers: Headers = []
        """Go out with the head, whichever form it has."""
        self.keeper: Keeper | None = None
        self.is_stream = False
        self.is_done = False
        self.is_left = False
        """Whether the client is not here any more: it may be served elsewhere."""
        self.is_answered = False
        """Whether something of a server's answer was passed on."""
        self._has_begun = False
        self._unheard: Unheard | None = None
        self._timer: Wait | None = None
        self._comment: asyncio.Task[None] | None = None
        self._release: asyncio.TimerHandle | None = None

    def keep_alive(self) -> None:
        """From now on break every long silence with a comment."""
        if self.may_stream and not self.is_done:
            self._timer = call_in(KEEP_ALIVE_SECONDS, self._break_silence)

    async def send_event(self, document: Document, identifier: str | None = None) -> None:
        """One event of the stream, which begins with the first. Raises `McpError` where it would reach nobody."""
        if self.keeper is not None:
            await self.keeper.ask(document)
        else:
            await self.deliver(document, identifier)

    async def deliver(self, document: Document, identifier: str | None) -> None:
        """The same for a client that is here, with nothing kept of it."""
        if self.may_stream:
            await self.stream(event(write(document), identifier))

    async def keep(self, message: Document) -> None:
        """Note what the client must not miss, where it may come back for it. Raises `McpError`."""
        if self.keeper is not None:
            await self.keeper.keep(message)

    def goes_on(self) -> bool:
        """The client has left: whether its request is served on."""
        return self.keeper is not None and self.keeper.left()

    def leave(self) -> None:
        """Nothing more goes out but the end: the client has left, or is served elsewhere from now on."""
        self.is_left = True

    def leave_to_server(self) -> bool:
        """Whether the client may see the server's own event ids, and resume the stream there."""
        return self.keeper is None or self.keeper.leave_to_server()

    async def prime(self, identifier: str) -> None:
        """An event without data: the stream can be resumed after it."""
        if self.may_stream:
            await self.stream(event(b"", identifier))

    async def relay(self, data: bytes) -> None:
        """Whole events of a server, its notifications no faster than they may come."""
        if self.keeper is not None:
            data = await self.keeper.named(data)
        pace = self._pace = self._pace or Pace(self._per_second)
        await self._stream(pace.passed(data))
        if pace.holds and self._release is None and not self.is_done:
            self._release = asyncio.get_running_loop().call_later(pace.seconds_left, self._let_go)

    async def stream(self, data: bytes) -> None:
        """Whole events, as they are, after what waits."""
        await self._stream(self._held() + data)

    async def _stream(self, data: bytes) -> None:
        if self.is_done or self.is_left or (self._has_begun and not self.is_stream):
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
        self.is_answered = True
        if self.keeper is not None:
            await self.keeper.answered_with(data)
        if self.is_left:
            return
        if self.is_stream:
            await self.end(event(data))
        else:
            await self.whole(status, JSON_HEADERS, data)

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """A response of one piece; only the end where the stream has begun."""
        self.is_answered = True
        if self.is_left:
            return
        if self._has_begun:
            await self.end_stream()
            return
        # RFC 9110, sections 8.6 and 15: with a body, or a length, of such a one the next answer begins in its midst.
        if status in BODILESS:
            headers, body = [], b""
        else:
            headers = [*headers, (b"content-length", b"%d" % len(body))]
        await self.begin(status, headers)
        await self.end(body)

    async def open_stream(self) -> None:
        """Begin the stream although nothing is to be said yet: a server streams its answer."""
        self.is_answered = True
        if not self._has_begun and not self.is_left:
            self.is_stream = True
            await self.begin(200, STREAM_HEADERS)
            await self._send({"type": "http.response.body", "body": b"", "more_body": True})

    def tell_nobody(self) -> None:
        """Count a notification where its client is not here. Raises `NoiseError`."""
        if self.is_left:
            self._unheard = self._unheard or Unheard(self._per_second)
            self._unheard.count()

    async def begin(self, status: int, headers: Headers) -> None:
        """Status and headers. Only once."""
        self._has_begun = True
        status = status if status in FINAL else BAD_GATEWAY
        await self._send({"type": "http.response.start", "status": status, "headers": [*headers, *self.headers]})

    async def end(self, body: bytes = b"") -> None:
        """The end of the response, once."""
        if self.is_done:
            return
        self.close()
        await self._send({"type": "http.response.body", "body": self._held() + body, "more_body": False})

    async def end_answer(self) -> None:
        """A server has streamed its answer. Where there is a keeper it may be missing, which the call then says."""
        if self.keeper is None:
            await self.end()

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
        # Kept, for asyncio holds tasks weakly.
        self._comment = asyncio.create_task(self._send_aside(KEEP_ALIVE))
        self.keep_alive()

    async def _send_aside(self, data: bytes) -> None:
        with suppress(OSError):  # a client that has gone is told of elsewhere
            await self.stream(data)
