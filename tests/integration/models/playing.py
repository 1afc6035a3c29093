"""An endpoint that plays what goes wrong, byte for byte, over real sockets: each request one act."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Act = Callable[["Wire"], Awaitable[None]]


@dataclass
class Wire:
    """The connection of one request."""

    writer: asyncio.StreamWriter
    asked: dict[str, Any]

    async def send(self, data: bytes | str) -> None:
        self.writer.write(data.encode() if isinstance(data, str) else data)
        await self.writer.drain()

    async def chunk(self, data: bytes | str) -> None:
        """A chunk of a chunked body; the last is empty."""
        body = data.encode() if isinstance(data, str) else data
        await self.send(b"%x\r\n%s\r\n" % (len(body), body))

    def reset(self) -> None:
        """Cut it, as a process does that is killed."""
        self.writer.transport.abort()


@dataclass
class Endpoint:
    """Where it is, and what it was asked."""

    url: str
    acts: list[Act]
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client hangs up amid an act."""

    def act(self) -> Act:
        return self.acts[min(len(self.asked) - 1, len(self.acts) - 1)]


@asynccontextmanager
async def playing(*acts: Act, port: int = 0) -> AsyncIterator[Endpoint]:
    """Serve `acts` on this machine."""
    endpoint = Endpoint("", list(acts))
    tasks = set[asyncio.Task[Any]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            named = dict(line.split(": ", 1) for line in head.split("\r\n") if ": " in line)
            body = json.loads(await reader.readexactly(int(named.get("content-length", "0"))) or "{}")
            endpoint.asked.append(body)
            await _played(endpoint, Wire(writer, body), reader)
        with suppress(ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    endpoint.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield endpoint
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _played(endpoint: Endpoint, wire: Wire, reader: asyncio.StreamReader) -> None:
    act = asyncio.ensure_future(endpoint.act()(wire))
    left = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait([act, left], return_when=asyncio.FIRST_COMPLETED)
        if not act.done():
            endpoint.gone.set()
            return
        await act
    finally:
        for each in (act, left):
            each.cancel()
        await asyncio.gather(act, left, return_exceptions=True)


def event(data: dict[str, Any] | str) -> str:
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n"


def delta(content: str | None = None, finish: str | None = None, **more: Any) -> str:
    """A chunk of a Chat Completions stream."""
    words = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": {**words, **more}, "finish_reason": finish}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return event({**head, "choices": [choice]})


STREAM = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"


def streams(*pieces: str | float | None) -> Act:
    """A stream of pieces, with pauses in seconds; None cuts the connection. Whole at its end otherwise."""

    async def act(wire: Wire) -> None:
        await wire.send(STREAM)
        for piece in pieces:
            if piece is None:
                wire.reset()
                return
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                await wire.chunk(piece)
        await wire.chunk("")

    return act


def says(*words: str) -> Act:
    """A good answer."""
    return streams(delta("", role="assistant"), *map(delta, words), delta(finish="stop"), event("[DONE]"))


def refuses(status: int, body: Any = b"", **headers: str) -> Act:
    """An answer of that status."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())

    async def act(wire: Wire) -> None:
        await wire.send(f"HTTP/1.1 {status} X\r\ncontent-length: {len(sent)}\r\nconnection: close\r\n{lines}\r\n")
        await wire.send(sent)

    return act


def sends(*pieces: bytes | float | None) -> Act:
    """Bytes as they are, with pauses; None cuts the connection, which is closed at the end."""

    async def act(wire: Wire) -> None:
        for piece in pieces:
            if piece is None:
                wire.reset()
                return
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                await wire.send(piece)

    return act
