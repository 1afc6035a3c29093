"""A lean HTTP/1.1 client for the relay: httptools over asyncio, keep-alive connections, nothing between a byte in and
a byte out. A relayed call costs it about a fifth of what httpx's pool does, and its cost does not grow with the pool.
"""

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

import httptools

from agentnet.errors import InvalidInputError, UnavailableError
from gateway.transport import (
    CONNECT_SECONDS,
    IDLE_SECONDS,
    KEEP_ALIVE_SECONDS,
    Headers,
    Incoming,
    NotReachedError,
    Outgoing,
)

BUFFER_BYTES = 256 * 1024
"""Read ahead of a slow client up to this much."""
SWEEP_SECONDS = 2.0
METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


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
        self._wake = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._reset("GET")

    def _reset(self, method: str) -> None:
        self.status = 0
        self.headers = []
        self.is_complete = False
        self._has_head = False
        self._ends_with_connection = False
        self._is_head_request = method == "HEAD"
        self._reusable = False
        self._is_sent = True
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._reading_paused = False
        self._wake.clear()

    @property
    def is_fresh(self) -> bool:
        """Whether the agent still keeps it open, as far as can be known."""
        return not self.lost and time.monotonic() - self.touched < KEEP_ALIVE_SECONDS

    @property
    def wire(self) -> asyncio.Transport:
        """asyncio's transport below it."""
        assert self._transport is not None
        return self._transport

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._has_head and self._ends_with_connection and exc is None:
            self.is_complete = True
        self._writable.set()
        self._wake.set()

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
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        names = {name.lower() for name, _ in self.headers}
        bodiless = self.status in (204, 304) or self._is_head_request
        self._ends_with_connection = not bodiless and not names & {b"content-length", b"transfer-encoding"}
        self._has_head = True
        if self._is_head_request:  # the parser waits for a body that does not come: not to be used again
            self.is_complete = True
        self._wake.set()

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._buffered += len(body)
        if self._buffered > BUFFER_BYTES and not self._reading_paused:
            self._reading_paused = True
            self.wire.pause_reading()
        self._wake.set()

    def on_message_complete(self) -> None:
        if self.status < 200:  # 100 Continue and its kind come before the response
            self.headers = []
            return
        self._reusable = self._parser.should_keep_alive() and not self._is_head_request
        self.is_complete = True
        self._wake.set()

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
        """Returns when status and headers are there. Raises `UnavailableError`."""
        while not self._has_head:
            if self.lost:
                raise UnavailableError("The agent closed the connection without an answer.")
            self._wake.clear()
            await self._wake.wait()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises `UnavailableError` when it breaks off."""
        while True:
            if self._chunks:
                data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
                self._chunks, self._buffered = [], 0
                if self._reading_paused and not self.lost:
                    self._reading_paused = False
                    self.wire.resume_reading()
                yield data
            elif self.is_complete:
                return
            elif self.lost:
                raise UnavailableError("The agent broke off.")
            else:
                self._wake.clear()
                await self._wake.wait()

    def release(self) -> bool:
        """End the exchange. Tells whether the connection may be used again; if not, it is closed."""
        self.in_use = False
        self.touched = time.monotonic()
        if self._reusable and self.is_complete and self._is_sent and not self._chunks and not self.lost:
            return True
        self.wire.abort()
        return False


class Http1Transport:
    """A pool of connections; the one that was used last is used next."""

    def __init__(self) -> None:
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._open: set[Connection] = set()
        self._ssl: ssl.SSLContext | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def send(self, request: Outgoing) -> Incoming:
        """Send `request`."""
        origin, target, host = split(request.url)
        head = head_of(request, target, host)
        connection = await self._connection(origin)
        try:
            await connection.write(request, head)
            await connection.head()
        except BaseException:
            connection.wire.abort()
            self._open.discard(connection)
            raise
        return _Exchange(self, connection)

    async def close(self) -> None:
        """Close every connection."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in self._open:
            connection.wire.abort()
        self._open.clear()
        self._idle.clear()
        await asyncio.sleep(0)  # lets asyncio tell the connections

    def give_back(self, connection: Connection) -> None:
        """Keep `connection` for the next request, if it can serve one."""
        if connection.release():
            self._idle[connection.origin].append(connection)
        else:
            self._open.discard(connection)

    async def _connection(self, origin: Origin) -> Connection:
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            if connection.is_fresh:
                connection.in_use = True
                return connection
            connection.wire.abort()
            self._open.discard(connection)
        return await self._connect(origin)

    async def _connect(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: Connection(origin), origin.host, origin.port, ssl=self._context() if origin.secure else None
                )
        except (OSError, TimeoutError) as error:
            raise NotReachedError(f"No connection ({type(error).__name__}).") from error
        self._open.add(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._ssl is None:
            self._ssl = ssl.create_default_context()
        return self._ssl

    def _sweep(self) -> None:
        """Close what nobody uses, and what has been silent for too long."""
        now = time.monotonic()
        for connection in [*self._open]:
            silent = now - connection.touched
            if connection.lost or silent > (IDLE_SECONDS if connection.in_use else KEEP_ALIVE_SECONDS):
                connection.wire.abort()
                self._open.discard(connection)
        for origin, idle in [*self._idle.items()]:
            self._idle[origin] = [connection for connection in idle if connection in self._open]
            if not self._idle[origin]:
                del self._idle[origin]
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)


class _Exchange:
    """One response, on a connection that goes back to the pool."""

    def __init__(self, pool: Http1Transport, connection: Connection) -> None:
        self.status = connection.status
        self.headers = connection.headers
        self._pool = pool
        self._connection: Connection | None = connection

    def chunks(self) -> AsyncIterator[bytes]:
        assert self._connection is not None
        return self._connection.chunks()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(connection)


def split(url: str) -> tuple[Origin, bytes, bytes]:
    """Origin, request target and Host of an address. Raises `UnavailableError` for one that leads nowhere."""
    try:
        parsed = httptools.parse_url(url.encode("latin-1"))
        secure = parsed.schema == b"https"
        origin = Origin(parsed.host.decode(), parsed.port or (443 if secure else 80), secure)
    except (httptools.HttpParserInvalidURLError, AttributeError, UnicodeError):
        raise UnavailableError(f"The agent's address {url!r} leads nowhere.") from None
    target = (parsed.path or b"/") + (b"?" + parsed.query if parsed.query else b"")
    name = b"[%b]" % parsed.host if b":" in parsed.host else parsed.host
    return origin, target, name + (b":%d" % parsed.port if parsed.port else b"")


def head_of(request: Outgoing, target: bytes, host: bytes) -> bytes:
    """Request line and headers. Raises `InvalidInputError` for one that would end its line early."""
    headers = [(b"host", host), *request.headers]
    if not any(name == b"content-length" for name, _ in request.headers):
        if not isinstance(request.body, bytes):
            headers.append((b"transfer-encoding", b"chunked"))
        elif request.body or request.method in METHODS_WITH_BODY:
            headers.append((b"content-length", b"%d" % len(request.body)))
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), target), *(b"%b: %b" % header for header in headers)]
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    if head.count(b"\n") != len(lines) + 1 or head.count(b"\r") != len(lines) + 1:
        raise InvalidInputError("A header holds a line break.")
    return head
