"""The load on MCP servers: raw requests of either generation over `bench.load`'s connections."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from agentnet.http.sse import MAX_EVENT_BYTES, Reader
from bench.load import ANSWER_SECONDS, CONNECT_SECONDS, Answer, Connection, LoadError
from bench.processes import Server

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
META = "io.modelcontextprotocol/"
CLIENT = {"name": "bench", "version": "1.0.0"}
ECHOED = b"echo: hello"
FIRST_ID = 1_000_000
"""All ids have as many digits, so a request is made by putting one in."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where and how to call the tool that echoes."""

    server: Server
    path: str
    version: str
    tool: str = "echo"


@dataclass(slots=True)
class Listed:
    """What tools/list answered: time on the wire and in the server, and bytes, of all pages together."""

    names: list[str] = field(default_factory=list[str])
    seconds: float = 0.0
    size: int = 0


class Session(Connection):
    """A connection of one client. The older generation has a session on it."""

    def __init__(self, address: Address) -> None:
        super().__init__()
        self._address = address
        self._id = FIRST_ID
        self._session = b""
        key = address.server.key
        self._head = "\r\n".join(
            [
                f"POST {address.path} HTTP/1.1",
                f"Host: 127.0.0.1:{address.server.port}",
                "Content-Type: application/json",
                "Accept: application/json, text/event-stream",
                f"MCP-Protocol-Version: {address.version}",
                *([f"Authorization: Bearer {key}"] if key else []),
            ]
        ).encode()
        self._call = self._request("tools/call", {"name": address.tool, "arguments": {"text": "hello"}}, address.tool)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the session's id."""
        if name.lower() == b"mcp-session-id":
            self._session = b"\r\nMcp-Session-Id: " + value

    async def begin(self) -> None:
        """The handshake of the older generation. Raises `LoadError`."""
        if self._address.version == MODERN:
            return
        offer = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": CLIENT}
        answer = await self._answer_to(self._request("initialize", offer))
        if b'"protocolVersion"' not in answer.body:
            raise LoadError(f"HTTP {answer.status}: {answer.body[:300]!r}")
        await self._answer_to(self._message({"jsonrpc": "2.0", "method": "notifications/initialized"}, ""))
        self._call = self._request(
            "tools/call", {"name": self._address.tool, "arguments": {"text": "hello"}}, self._address.tool
        )

    async def call(self) -> Answer:
        """Call the tool once."""
        self._id += 1
        return await self.send(self._call.replace(b"%d" % FIRST_ID, b"%d" % self._id, 1))

    async def list_tools(self) -> Listed:
        """All pages of tools/list. Raises `LoadError`."""
        listed = Listed()
        params: dict[str, Any] = {}
        while True:
            sent = time.monotonic()
            answer = await self._answer_to(self._request("tools/list", params))
            listed.seconds += answer.at - sent
            listed.size += len(answer.body)
            result = result_of(answer)
            listed.names += [tool["name"] for tool in result["tools"]]
            if not result.get("nextCursor"):
                return listed
            params = {"cursor": result["nextCursor"]}

    async def _answer_to(self, request: bytes) -> Answer:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await self.send(request)

    def _request(self, method: str, params: dict[str, Any], name: str = "") -> bytes:
        if self._address.version == MODERN:
            meta = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}, META + "clientInfo": CLIENT}
            params = {**params, "_meta": meta}
        return self._message({"jsonrpc": "2.0", "id": FIRST_ID, "method": method, "params": params}, name)

    def _message(self, message: dict[str, Any], name: str) -> bytes:
        body = json.dumps(message).encode()
        routing = f"\r\nMcp-Method: {message['method']}" + (f"\r\nMcp-Name: {name}" if name else "")
        head = self._head + (routing.encode() if self._address.version == MODERN else self._session)
        return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


@dataclass(slots=True)
class Load:
    """What a closed loop found."""

    latencies: list[float] = field(default_factory=list[float])
    """Seconds, of calls that were answered as they should."""
    errors: int = 0
    seconds: float = 0.0
    first_error: str = ""


@asynccontextmanager
async def sessions(address: Address, count: int) -> AsyncIterator[list[Session]]:
    """Clients that have begun, each on a connection of its own."""
    made: list[Session] = []
    try:
        for _ in range(count):
            async with asyncio.timeout(CONNECT_SECONDS):
                _, session = await asyncio.get_running_loop().create_connection(
                    lambda: Session(address), "127.0.0.1", address.server.port
                )
            made.append(session)
            await session.begin()
        yield made
    finally:
        for session in made:
            session.close()


async def closed_loop(clients: list[Session], seconds: float) -> Load:
    """tools/call from every client, each sending again as soon as it is answered."""
    load = Load()
    began = time.monotonic()

    async def one(client: Session) -> None:
        while (sent := time.monotonic()) < began + seconds:
            answer = await client.call()
            if ECHOED in answer.body:
                load.latencies.append(answer.at - sent)
            else:
                load.errors += 1
                load.first_error = load.first_error or f"HTTP {answer.status}: {answer.body[:300]!r}"

    await asyncio.gather(*(one(client) for client in clients))
    load.seconds = time.monotonic() - began
    return load


def result_of(answer: Answer) -> dict[str, Any]:
    """The result in an answer, plain or as one event. Raises `LoadError`."""
    try:
        events = Reader(MAX_EVENT_BYTES, LoadError).feed(answer.body)
        data = next((event.data for event in events if event.data and event.data.startswith(b"{")), answer.body)
        result: dict[str, Any] = json.loads(data)["result"]
    except (ValueError, KeyError):
        raise LoadError(f"HTTP {answer.status}: {answer.body[:300]!r}") from None
    return result
