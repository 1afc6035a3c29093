"""A small HTTP relay: each request goes to the next of its targets, with headers added; answers are streamed.

A client that goes away takes its request to the target along, which is how MCP 2026-07-28 cancels.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import cycle

import anyio
import httpx
from starlette.types import Message, Receive, Scope, Send

from agentnet.testing.serving import serving

Headers = list[tuple[bytes, bytes]]
HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"content-length"})
NAMED = frozenset({"tools/call", "prompts/get"})
TIMEOUT = httpx.Timeout(60, read=None)


class Relay:
    """An ASGI app in front of `targets`, base URLs of servers that are one to the client."""

    def __init__(self, client: httpx.AsyncClient, targets: Sequence[str], headers: Mapping[str, str]) -> None:
        self._client = client
        self._targets = cycle(targets)
        self._added = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, until it is answered or the client has gone."""
        body = await _body(receive)
        async with anyio.create_task_group() as tasks:

            async def give_up_with_the_client() -> None:
                await _disconnected(receive)
                tasks.cancel_scope.cancel()

            tasks.start_soon(give_up_with_the_client)
            await self._pass_on(scope, body, send)
            tasks.cancel_scope.cancel()

    def outgoing(self, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
        """The request as it goes on."""
        return headers, body

    def incoming(self, chunk: bytes) -> bytes:
        """A piece of the answer as it goes back."""
        return chunk

    async def _pass_on(self, scope: Scope, body: bytes, send: Send) -> None:
        url = next(self._targets) + scope["raw_path"].decode()
        headers = [(name, value.strip()) for name, value in scope["headers"] if name not in HOP_BY_HOP]
        headers, body = self.outgoing(headers, body)
        # Not the client's build_request, which adds headers of its own.
        request = httpx.Request(scope["method"], url, headers=[*headers, *self._added], content=body)
        response = await self._client.send(request, stream=True)
        try:
            answer = [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in HOP_BY_HOP]
            await send({"type": "http.response.start", "status": response.status_code, "headers": answer})
            async for chunk in response.aiter_raw():
                await send({"type": "http.response.body", "body": self.incoming(chunk), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()


class Unprefixed(Relay):
    """Gives a client that knows a server's own names what the gateway shows as `prefix__name`."""

    def __init__(
        self, client: httpx.AsyncClient, targets: Sequence[str], headers: Mapping[str, str], prefix: str
    ) -> None:
        super().__init__(client, targets, headers)
        self._prefix = prefix

    def outgoing(self, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
        """With the prefix before the names of tools and prompts."""
        message = json.loads(body) if body else None
        if not isinstance(message, dict) or not isinstance(params := message.get("params"), dict):
            return headers, body
        if message.get("method") in NAMED and isinstance(params.get("name"), str):
            params["name"] = self._prefix + params["name"]
            headers = [
                (name, self._prefix.encode() + value if name == b"mcp-name" else value) for name, value in headers
            ]
        if (reference := params.get("ref", {})).get("type") == "ref/prompt":
            reference["name"] = self._prefix + reference["name"]
        return headers, json.dumps(message).encode()

    def incoming(self, chunk: bytes) -> bytes:
        """Without it. The gateway sends an event, or a short answer, in one piece."""
        return chunk.replace(b'"' + self._prefix.encode(), b'"')


@asynccontextmanager
async def relaying(
    targets: Sequence[str], headers: Mapping[str, str] | None = None, *, prefix: str = ""
) -> AsyncIterator[str]:
    """A relay on a port of its own; gives its base URL. With `prefix`, clients use the names without it."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=TIMEOUT, limits=limits, trust_env=False) as client:
        added = headers or {}
        relay = Unprefixed(client, targets, added, prefix) if prefix else Relay(client, targets, added)
        async with serving(relay) as url:
            yield url


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    message: Message = {"more_body": True}
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
