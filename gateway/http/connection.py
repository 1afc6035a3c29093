"""One HTTP/1.1 connection to an agent: httptools over asyncio, nothing between a byte in and a byte out."""

import asyncio
import math
import time
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import cast

import httptools

from agentnet.errors import UnavailableError
from gateway.http.transport import KEEP_ALIVE_SECONDS, Headers, Outgoing

BUFFER_BYTES = 256 * 1024
"""Read ahead of a slow client up to this much."""
SMALL_BYTES = 64 * 1024
"""A body that is said to have no more is waited for with its head: many servers send the two apart, a moment after one
another, and each costs its reader a turn."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection leads."""

    host: str
    port: int
    secure: bool


class Connection(asyncio.Protocol):
    """One connection, one exchange at a time: `write`, `head`, `chunks`, then `close`."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.touched = time.monotonic()
        self.in_use = True
        self.lost = False
        self.status = 0
        self.headers: Headers = []
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        """Of whoever waits for more."""
        self._writable = asyncio.Event()
        self._writable.set()
        self._reset("GET")

    def _reset(self, method: str) -> None:
        self.patience = math.inf
        """Seconds of silence after which the exchange is given up."""
        self.status = 0
        self.headers = []
        self.is_complete = False
        self._has_head = False
        self._is_small = False
        self._ends_with_connection = False
        self._is_head_request = method == "HEAD"
        self._reusable = False
        self._is_sent = True
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._reading_paused = False

    @property
    def is_fresh(self) -> bool:
        """Whether the agent still keeps it open, as far as can be known."""
        return not self.lost and time.monotonic() - self.touched < KEEP_ALIVE_SECONDS

    @property
    def longest_silence(self) -> float:
        """Seconds of it after which the exchange is given up; it is no silence while a slow client has it wait."""
        return math.inf if self._reading_paused else self.patience

    @property
    def wire(self) -> asyncio.Transport:
        """asyncio's transport below it."""
        assert self._transport is not None
        return self._transport

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass of it

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._has_head and self._ends_with_connection and exc is None:
            self.is_complete = True
        self._writable.set()
        self._tell()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self.touched = time.monotonic()
        if not self.in_use:  # nobody asked: what it says belongs to no request
            self.wire.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.wire.abort()

    # What httptools calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        # RFC 9112 section 6.3: these have no body; any other without a length ends where the connection does.
        bodiless = self.status in (204, 304) or self._is_head_request
        self._ends_with_connection = not bodiless
        for name, value in self.headers:
            if name == b"content-length":
                self._ends_with_connection = False
                self._is_small = int(value) <= SMALL_BYTES  # the parser takes nothing but digits
            elif name == b"transfer-encoding":
                self._ends_with_connection = False
        self._has_head = True
        if self._is_head_request:  # the parser waits for a body that does not come: not to be used again
            self.is_complete = True
        if not self._is_small or self.is_complete:
            self._tell()

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._buffered += len(body)
        if self._buffered > BUFFER_BYTES and not self._reading_paused:
            self._reading_paused = True
            self.wire.pause_reading()
        if not self._is_small:
            self._tell()

    def on_message_complete(self) -> None:
        if self.status < 200:  # 100 Continue and its kind come before the response
            self.headers = []
            return
        self._reusable = self._parser.should_keep_alive() and not self._is_head_request
        self.is_complete = True
        self._tell()

    # What the pool and the relay call.

    async def write(self, request: Outgoing, head: bytes) -> None:
        """Send a request. A body without a length is sent in chunks."""
        self._reset(request.method)
        self.touched = time.monotonic()
        if isinstance(request.body, bytes):
            self.wire.write(head + request.body)
            return
        self.wire.write(head)
        await self._write_stream(request.body, chunked=b"\r\ntransfer-encoding: chunked\r\n" in head)

    async def _write_stream(self, body: AsyncIterable[bytes], chunked: bool) -> None:
        async for part in body:
            if part:
                self.touched = time.monotonic()
                self.wire.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
                await self._writable.wait()
            if self.lost or self._has_head:
                self._is_sent = False
                return  # it has answered already, or never will
        if chunked:
            self.wire.write(b"0\r\n\r\n")

    async def head(self) -> None:
        """Returns when status and headers are there, and a body that is small. Raises `UnavailableError`."""
        while not self._has_head or (self._is_small and not self.is_complete):
            if self.lost:
                if self._has_head:
                    return
                raise UnavailableError("The agent closed the connection without an answer.")
            await self._more()

    def at_hand(self) -> bytes | None:
        """The rest of the body, if it is complete."""
        return self._taken() if self.is_complete else None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises `UnavailableError` when it breaks off."""
        while True:
            if self._chunks:
                yield self._taken()
            elif self.is_complete:
                return
            elif self.lost:
                raise UnavailableError("The agent broke off.")
            else:
                await self._more()

    async def _more(self) -> None:
        """Returns when something came, or nothing more will."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _tell(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _taken(self) -> bytes:
        """What has come of the body since."""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks, self._buffered = [], 0
        if self._reading_paused and not self.lost:
            self._reading_paused = False
            self.wire.resume_reading()
        return data

    def release(self) -> bool:
        """End the exchange. Tells whether the connection may be used again; if not, it is closed."""
        self.in_use = False
        self.touched = time.monotonic()
        # What is left of this answer would be read as the beginning of the next.
        if self._reusable and self.is_complete and self._is_sent and not self._chunks and not self.lost:
            return True
        self.wire.abort()
        return False
