"""An MCP server written down to its bytes, in both eras, for what the SDK's own would never do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.types import Message, Receive, Scope, Send

from agentnet.testing.serving import serving
from tests.integration.gateway.mcp.everything import Only, refuse
from tests.integration.gateway.mcp.raw import LEGACY, MODERN

Answer = Callable[["Call"], Awaitable[None]]


class Call:
    """One `tools/call`, to be answered as a test likes."""

    def __init__(self, body: bytes, send: Send) -> None:
        self.body = body
        self.message: dict[str, Any] = orjson.loads(body)
        self._send = send
        self._has_begun = False

    async def event(self, text: bytes) -> None:
        """One event of the answer's stream."""
        await self.chunk(b"event: message\ndata: %b\n\n" % text)

    async def chunk(self, data: bytes) -> None:
        """Bytes of the answer's stream."""
        if not self._has_begun:
            self._has_begun = True
            await start(self._send, b"text/event-stream")
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def notify(self, method: str, **params: Any) -> None:
        """A notification on the stream."""
        await self.event(orjson.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    async def finish(self, result: bytes) -> None:
        """The answer as the last event."""
        await self.event(b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (orjson.dumps(self.message["id"]), result))
        await self.close()

    async def close(self) -> None:
        """The end of the stream."""
        await self._send({"type": "http.response.body", "body": b""})


class Verbatim:
    """The ASGI app; `answer` serves the calls."""

    def __init__(self, answer: Answer, *tools: dict[str, Any]) -> None:
        self.answer = answer
        self.tools = list(tools)
        self.bodies: list[bytes] = []
        """Of calls."""
        self.headers: list[dict[str, str]] = []
        """Of calls."""
        self.told: list[dict[str, Any]] = []
        """Notifications, and answers to questions."""
        self.is_busy = False
        """Whether it takes no answers to questions for now."""
        self.away: set[str] = set()
        """Methods for which a proxy answers that nobody is there."""
        self.noisy: set[str] = set()
        """Methods that are answered with log messages and nothing else, for as long as the client listens."""
        self.lost: list[tuple[int, bytes]] = []
        """What the next calls are answered with over HTTP, in place of an answer."""
        self.opened = 0
        """Sessions."""
        self.only: Only = None
        """The one era that it speaks."""
        self.ttl_ms = 60_000
        self.lists = True
        """Whether it gives a list of its tools."""
        self.news = asyncio.Event()
        self.gone = asyncio.Event()
        """A client left a call."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] != "POST":
            await whole(send, 405, b"")
            return
        body = await read(receive)
        message = orjson.loads(body)
        is_modern = (b"mcp-protocol-version", MODERN.encode()) in scope["headers"]
        if self.only == ("legacy" if is_modern else "modern"):
            await refuse(send, is_modern)
            return
        if message.get("method") in self.away:
            await whole(send, 502, b"<html>Bad Gateway</html>")
        elif self.is_busy and "method" not in message:
            await whole(send, 503, b"")
        elif "id" not in message or "method" not in message:
            self.told.append(message)
            self.news.set()
            await whole(send, 202, b"")
        elif message["method"] == "tools/call" and self.lost:
            await whole(send, *self.lost.pop())
        elif message["method"] == "tools/call":
            self.bodies.append(body)
            self.headers.append({name.decode(): value.decode("latin-1") for name, value in scope["headers"]})
            await self._call(Call(body, send), receive, self.answer)
        elif message["method"] in self.noisy:
            await self._call(Call(body, send), receive, endless)
        elif message["method"] == "tools/list" and not self.lists:
            await whole(send, 500, b"")
        else:
            self.opened += message["method"] == "initialize"
            result = orjson.dumps(self._result(message["method"]))
            text = b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (orjson.dumps(message["id"]), result)
            await whole(send, 200, text, [(b"mcp-session-id", b"s1")] if message["method"] == "initialize" else [])

    async def _call(self, call: Call, receive: Receive, answer: Answer) -> None:
        answering = asyncio.create_task(answered(answer, call))
        leaving = asyncio.create_task(disconnected(receive))
        await asyncio.wait([answering, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            self.gone.set()
        for task in (answering, leaving):
            task.cancel()
        await asyncio.wait([answering, leaving])

    def _result(self, method: str) -> dict[str, Any]:
        info = {"name": "verbatim", "version": "1"}
        known: dict[str, dict[str, Any]] = {
            "server/discover": {"supportedVersions": [MODERN], "capabilities": {"tools": {}}, "serverInfo": info},
            "initialize": {"protocolVersion": LEGACY, "capabilities": {"tools": {}}, "serverInfo": info},
            "tools/list": {"tools": self.tools, "ttlMs": self.ttl_ms, "cacheScope": "public"},
            "prompts/list": {"prompts": [], "ttlMs": 60_000, "cacheScope": "public"},
            "resources/list": {"resources": [], "ttlMs": 60_000, "cacheScope": "public"},
            "resources/templates/list": {"resourceTemplates": []},
        }
        return {"resultType": "complete"} | known.get(method, {})


async def answered(answer: Answer, call: Call) -> None:
    await answer(call)


async def endless(call: Call) -> None:
    while True:
        await call.notify("notifications/message", level="info", data="noise")
        await asyncio.sleep(0)


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def read(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message: Message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def start(send: Send, kind: bytes, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    sent = [(b"content-type", kind), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": sent})


async def whole(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    await start(send, b"application/json", status, headers)
    await send({"type": "http.response.body", "body": body})


def tool(name: str, **properties: Any) -> dict[str, Any]:
    """A tool with arguments of these schemas."""
    return {"name": name, "description": name, "inputSchema": {"type": "object", "properties": properties}}


@asynccontextmanager
async def verbatim(answer: Answer, *tools: dict[str, Any]) -> AsyncIterator[tuple[Verbatim, str]]:
    """The server, and the URL of its endpoint."""
    app = Verbatim(answer, *tools)
    async with serving(app) as url:
        yield app, f"{url}/mcp"
