"""The load generator: HTTP/1.1 over asyncio protocols, with keep-alive, Server-Sent Events, and moments taken as bytes
arrive. Small enough that it is not what is measured; what CPU it takes is reported beside every figure."""

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httptools

from agentnet.http.sse import MAX_EVENT_BYTES, Reader
from bench.processes import Server

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 120.0
STAMP = re.compile(rb"@(\d{9,}) ")
"""The moment that the executor writes into a chunk; the monotonic clock is one for all processes."""

OnEvent = Callable[[bytes, float], None]
"""Called with the data of an event of a stream and the monotonic moment at which it arrived."""


class LoadError(Exception):
    """A server answered something else than the benchmark asked for."""


@dataclass(slots=True)
class Answer:
    """A whole answer and the monotonic moment at which its last byte arrived."""

    status: int
    body: bytes
    at: float


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._body: list[bytes] = []
        self._answer: asyncio.Future[Answer] | None = None
        self._on_event: OnEvent | None = None
        self._reader: Reader | None = None
        self._now = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def send(self, request: bytes, on_event: OnEvent | None = None) -> "asyncio.Future[Answer]":
        """Send a request; with `on_event` the answer is a stream and its body stays empty."""
        assert self._transport is not None
        self._parser = httptools.HttpResponseParser(self)
        self._body, self._reader, self._on_event = [], None, on_event
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        self._now = time.monotonic()
        if self._parser is not None:
            self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """See whether the answer is the stream that was asked for, or a refusal."""
        if self._on_event is not None and name.lower() == b"content-type" and value.startswith(b"text/event-stream"):
            self._reader = Reader(MAX_EVENT_BYTES, LoadError)

    def on_body(self, data: bytes) -> None:
        """Gather the body, or read its events."""
        if self._reader is None or self._on_event is None:
            self._body.append(data)
            return
        for event in self._reader.feed(data):
            if event.data is not None:
                self._on_event(event.data, self._now)

    def on_message_complete(self) -> None:
        """Hand the answer over."""
        if self._answer is not None and not self._answer.done():
            body = b"".join(self._body)
            self._answer.set_result(Answer(self._parser.get_status_code(), body, self._now))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whoever waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("The server closed the connection."))

    def close(self) -> None:
        """Close at once."""
        if self._answer is not None and not self._answer.done():
            self._answer.cancel()
        if self._transport is not None:
            self._transport.abort()


class Client:
    """Makes connections and requests for one server."""

    def __init__(self, server: Server) -> None:
        self._port = server.port
        headers = [
            "POST / HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            "Content-Type: application/json",
            "A2A-Version: 1.0",
            *([f"Authorization: Bearer {server.key}"] if server.key else []),
        ]
        self._head = "\r\n".join(headers).encode()

    async def connect(self) -> Connection:
        """A new connection."""
        async with asyncio.timeout(CONNECT_SECONDS):
            _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", self._port)
        return connection

    @asynccontextmanager
    async def connections(self, count: int) -> AsyncIterator[list[Connection]]:
        """Connections that are closed with the block."""
        made: list[Connection] = []
        try:
            for _ in range(count):
                made.append(await self.connect())  # noqa: PERF401 - those made before a failure are closed
            yield made
        finally:
            for connection in made:
                connection.close()

    def request(self, method: str, params: dict[str, Any]) -> bytes:
        """A JSON-RPC request as it goes over the wire."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body)

    def message(
        self, text: str, *, method: str = "SendMessage", task: dict[str, Any] | None = None, at_once: bool = False
    ) -> bytes:
        """A request that sends a message, to `task` if one is given."""
        message: dict[str, Any] = {"messageId": uuid.uuid4().hex, "role": "ROLE_USER", "parts": [{"text": text}]}
        if task is not None:
            message |= {"taskId": task["id"], "contextId": task["contextId"]}  # the SDK needs both
        return self.request(method, {"message": message, "configuration": {"returnImmediately": at_once}})

    async def call(self, connection: Connection, request: bytes) -> dict[str, Any]:
        """The result of a request. Raises `LoadError` for an error."""
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await connection.send(request)
        try:
            body = json.loads(answer.body)
            result: dict[str, Any] = body["result"]
        except (ValueError, KeyError):
            raise LoadError(f"HTTP {answer.status}: {answer.body[:300]!r}") from None
        return result


@dataclass(slots=True)
class Stream:
    """What came over one stream."""

    moments: list[float] = field(default_factory=list[float])
    """When each event arrived."""
    lateness: list[float] = field(default_factory=list[float])
    """Seconds that each stamped chunk took from the moment on its stamp."""
    chunks: int = 0
    last: bytes = b""

    def on_event(self, event: bytes, at: float) -> None:
        """Note an event."""
        self.moments.append(at)
        self.last = event
        if b'"artifactUpdate"' in event:
            self.chunks += 1
            stamp = STAMP.search(event)
            if stamp:
                self.lateness.append(at - int(stamp[1]) / 1e9)

    @property
    def completed(self) -> bool:
        """Whether the last event says that the task is complete."""
        return b"TASK_STATE_COMPLETED" in self.last


async def closed_loop(client: Client, text: str, concurrency: int, seconds: float) -> tuple[list[float], float]:
    """Blocking SendMessage from `concurrency` connections, each sending again as soon as it is answered.

    Latencies in seconds and how long it took. Raises `LoadError` for an answer that is not a completed task.
    """
    latencies: list[float] = []

    async def one(connection: Connection, stop: float) -> None:
        while (sent := time.monotonic()) < stop:
            answer = await connection.send(client.message(text))
            if b"TASK_STATE_COMPLETED" not in answer.body:
                raise LoadError(f"HTTP {answer.status}: {answer.body[:300]!r}")
            latencies.append(answer.at - sent)

    async with client.connections(concurrency) as connections:
        began = time.monotonic()
        await asyncio.gather(*(one(connection, began + seconds) for connection in connections))
        return latencies, time.monotonic() - began
