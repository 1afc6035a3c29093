"""A server of both APIs that has one quirk. It writes HTTP by hand: some of what servers do, no library lets one do."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from agentnet.testing.apis import PATHS, complaint, frames, request_of, streamed, whole
from agentnet.testing.openai_server import MODEL, Brain
from agentnet.testing.quirks.quirk import JSON, STREAM, End, Exchange, Piece, Quirk, Reply
from agentnet.testing.quirks.strict import refusal
from agentnet.testing.wire import Api, Event, WireTurn, wired

HEAD_BYTES = 64 * 1024
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: closing sends a reset."""


@dataclass
class Asked:
    """A request for a turn, and what became of it."""

    api: Api
    body: Mapping[str, Any]
    status: int | None = None
    left: bool = False
    """Whether the client left before the end."""


@dataclass
class QuirkServer:
    """Answers what `brain` decides, with the quirk; without one, as the protocol says. Serve it with `playing`.

    It is strict, as the strictest hosts are: a history that does not fit together, or a tool's schema that is no
    object, gets a 400.
    """

    brain: Brain
    quirk: Quirk | None = None
    asked: list[Asked] = field(default_factory=list[Asked])
    played: int = 0

    async def respond(self, method: str, path: str, body: bytes) -> tuple[Reply, Asked | None]:
        """The reply to a request."""
        if (method, path) == ("GET", "/v1/models"):
            model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "agentnet"}
            return _json(HTTPStatus.OK, {"object": "list", "data": [model]}), None
        api = PATHS.get(path)
        if method != "POST" or api is None:
            return _json(HTTPStatus.NOT_FOUND, _error(f"There is no {method} {path}.")), None
        try:
            given = json.loads(body)
        except ValueError:
            return _json(HTTPStatus.BAD_REQUEST, _error("The body is not JSON.")), None
        asked = Asked(api, given)
        self.asked.append(asked)
        wrong = complaint(api, given) or refusal(api, given)
        reply = _json(HTTPStatus.BAD_REQUEST, _error(wrong)) if wrong else self._reply(api, given)
        asked.status = reply.status
        return reply, asked

    def _reply(self, api: Api, body: Mapping[str, Any]) -> Reply:
        turn = wired(self.brain(request_of(api, body)), body)
        quirk = self.quirk if self.quirk and self.quirk.plays_on(turn, self.played) else None
        if quirk is None:
            return _usual(api, turn, None)
        self.played += 1
        if quirk.turn is not None:
            quirk.turn(turn)
        if quirk.reply is not None and (reply := quirk.reply(Exchange(api, body, self.played, turn))) is not None:
            return reply
        return _usual(api, turn, quirk)


@asynccontextmanager
async def playing(server: QuirkServer) -> AsyncIterator[str]:
    """Serve it for as long as the block runs; gives its base URL, up to and with `/v1`."""
    open_connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_connections.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await _serve_one(server, reader, writer):
                    pass
        finally:
            open_connections.discard(task)
            writer.transport.abort()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, limit=HEAD_BYTES)
    try:
        port = listening.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        listening.close()
        for task in [*open_connections]:
            task.cancel()
        await asyncio.gather(*open_connections, return_exceptions=True)


async def _serve_one(server: QuirkServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; False when the connection is over."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.split("\r\n")
    method, path, _ = line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (item.partition(":") for item in rest)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    reply, asked = await server.respond(method, path, body)
    try:
        return await _write(reply, reader, writer)
    except ConnectionError:
        if asked is not None:
            asked.left = True
        raise


async def _write(reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    has_body = reply.status not in (None, HTTPStatus.NO_CONTENT)
    if reply.status is not None:
        head = {**({"transfer-encoding": "chunked"} if has_body else {}), **reply.headers}
        lines = [f"HTTP/1.1 {int(reply.status)} {_phrase(reply.status)}"]
        lines += [f"{key}: {value}" for key, value in head.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    for piece in reply.body:
        match piece:
            case bytes():
                if piece:
                    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    await writer.drain()
                    await asyncio.sleep(0)
            case End.HANGING:
                await _until_left(reader)
            case End():
                if piece is End.RESET:
                    connection = writer.get_extra_info("socket")
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                    writer.transport.abort()
                else:
                    writer.close()
                    await writer.wait_closed()
                return False
            case _:
                with suppress(TimeoutError):
                    async with asyncio.timeout(piece):
                        await _until_left(reader)
    if has_body:
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    return True


async def _until_left(reader: asyncio.StreamReader) -> None:
    """Returns never: raises when the client has left."""
    while not reader.at_eof():
        await reader.read(1)
    raise ConnectionResetError("The client has left.")


def _usual(api: Api, turn: WireTurn, quirk: Quirk | None) -> Reply:
    if not turn.streams:
        return _json(HTTPStatus.OK, whole(api, turn))
    return Reply(HTTPStatus.OK, STREAM, _stream(api, turn, quirk))


def _stream(api: Api, turn: WireTurn, quirk: Quirk | None) -> Iterable[Piece]:
    events = list(streamed(api, turn))
    edit = quirk and (quirk.chat if api == "chat" else quirk.responses)
    made = [frame.encode() for frame in frames(api, edit(events) if edit else events)]
    return quirk.frames(made) if quirk and quirk.frames else made


def _json(status: int, value: Event) -> Reply:
    return Reply(status, JSON, [json.dumps(value).encode()])


def _error(message: str) -> Event:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in list(HTTPStatus) else "Unknown"
