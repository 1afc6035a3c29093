"""The load on A2A agents, straight or through a gateway: requests of both bindings over `bench.load`'s connections."""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from bench.load import ANSWER_SECONDS, Client, Connection, LoadError, Stream
from bench.processes import Server

CHUNKS, CHUNK_BYTES = 100, 200
"""Of one stream."""
COMPLETED = b"TASK_STATE_COMPLETED"


class Binding(Enum):
    """Of A2A 1.0."""

    JSONRPC = "JSON-RPC"
    REST = "HTTP+JSON"


class Operation(Enum):
    """What is asked for again and again, and what is counted of it."""

    SEND = ("SendMessage", "requests")
    GET = ("GetTask", "requests")
    STREAM = ("SendStreamingMessage", "chunks")

    def __init__(self, method: str, unit: str) -> None:
        self.method = method
        self.unit = unit


REST_PATHS = {Operation.SEND: "/message:send", Operation.STREAM: "/message:stream"}


@dataclass(frozen=True, slots=True)
class Address:
    """An agent's: `path` is empty at the agent itself, and leads to it at a gateway."""

    server: Server
    path: str = ""

    def request(self, binding: Binding, operation: Operation, task_id: str = "") -> bytes:
        """As it goes over the wire; `task_id` is the task to get."""
        if operation is Operation.GET:
            params: dict[str, Any] = {"id": task_id}
        else:
            text = "echo hello world" if operation is Operation.SEND else f"stream {CHUNKS} {CHUNK_BYTES}"
            params = {"message": {"messageId": uuid.uuid4().hex, "role": "ROLE_USER", "parts": [{"text": text}]}}
        if binding is Binding.JSONRPC:
            return self._wire("POST", "", {"jsonrpc": "2.0", "id": 1, "method": operation.method, "params": params})
        if operation is Operation.GET:
            return self._wire("GET", f"/tasks/{task_id}", None)
        return self._wire("POST", REST_PATHS[operation], params)

    def _wire(self, method: str, below: str, document: dict[str, Any] | None) -> bytes:
        body = json.dumps(document).encode() if document is not None else b""
        lines = [
            f"{method} {self.path + below or '/'} HTTP/1.1",
            f"Host: 127.0.0.1:{self.server.port}",
            f"Authorization: Bearer {self.server.key}",
            "A2A-Version: 1.0",
            *(["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(slots=True)
class Load:
    """What a closed loop brought."""

    count: int = 0
    """Answers, or chunks."""
    latencies: list[float] = field(default_factory=list[float])
    """Seconds from each request to the end of its answer."""
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """A second."""
        return self.count / self.seconds


async def completed_task(address: Address) -> str:
    """The id of a task that is completed, made for this. Raises `LoadError`."""
    async with Client(address.server).connections(1) as (connection,), asyncio.timeout(ANSWER_SECONDS):
        answer = await connection.send(address.request(Binding.REST, Operation.SEND))
    if COMPLETED not in answer.body:
        raise LoadError(f"HTTP {answer.status}: {answer.body[:300]!r}")
    return str(json.loads(answer.body)["task"]["id"])


async def closed_loop(
    address: Address, binding: Binding, operation: Operation, task_id: str, concurrency: int, seconds: float
) -> Load:
    """The operation from so many connections, each asking again as soon as it is answered.

    Raises `LoadError` for an answer that tells of no completed task.
    """
    load = Load()
    ask: Callable[[Connection, bytes], Awaitable[int]] = _stream if operation is Operation.STREAM else _answer

    async def one(connection: Connection, began: float) -> None:
        while (sent := time.monotonic()) < began + seconds:
            count = await ask(connection, address.request(binding, operation, task_id))
            load.count += count  # not in one line: what it was before would be read before the others have added
            load.latencies.append(time.monotonic() - sent)

    async with Client(address.server).connections(concurrency) as connections:
        began = time.monotonic()
        await asyncio.gather(*(one(connection, began) for connection in connections))
        load.seconds = time.monotonic() - began
    return load


async def _answer(connection: Connection, request: bytes) -> int:
    answer = await connection.send(request)
    if COMPLETED not in answer.body:
        raise LoadError(f"HTTP {answer.status}: {answer.body[:300]!r}")
    return 1


async def _stream(connection: Connection, request: bytes) -> int:
    """The chunks that came."""
    stream = Stream()
    answer = await connection.send(request, stream.on_event)
    if not stream.completed:
        raise LoadError(f"HTTP {answer.status}: {answer.body[:300] or stream.last[:300]!r}")
    return stream.chunks
