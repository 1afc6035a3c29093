"""Frames on the wire: what a client sends and hears, message by message."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}

Message = dict[str, Any]


def request(method: str, params: Message | None = None, identifier: str | int = 1) -> Message:
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": params or {}}


def modern(method: str, params: Message | None = None, **capabilities: Any) -> tuple[Message, dict[str, str]]:
    """A modern request and its headers."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    }
    params = (params or {}) | {"_meta": meta}
    headers = ACCEPT | {"mcp-protocol-version": MODERN, "mcp-method": method}
    named = params.get("name", params.get("uri"))
    return request(method, params), headers | ({"mcp-name": str(named)} if named else {})


class LegacySession:
    """A legacy session whose requests go to any replica."""

    def __init__(self, http: httpx.AsyncClient, path: str) -> None:
        self.http = http
        self.path = path
        self.headers = dict(ACCEPT)

    @classmethod
    async def open(cls, http: httpx.AsyncClient, url: str, path: str = "/mcp", **capabilities: Any) -> "LegacySession":
        """Begin a session at the replica `url`."""
        session = cls(http, path)
        params = {"protocolVersion": LEGACY, "capabilities": capabilities, "clientInfo": {"name": "t", "version": "1"}}
        response = await http.post(url + path, json=request("initialize", params), headers=ACCEPT)
        assert response.status_code == 200, response.text
        session.headers |= {
            "mcp-session-id": response.headers["mcp-session-id"],
            "mcp-protocol-version": LEGACY,
        }
        return session

    async def post(self, url: str, message: Any) -> httpx.Response:
        """Send a message, and wait for the whole answer."""
        return await self.http.post(url + self.path, json=message, headers=self.headers)

    @asynccontextmanager
    async def stream(self, url: str, message: Message) -> AsyncIterator[AsyncIterator[Message]]:
        """Send a request, and read its answer as it comes."""
        async with self.http.stream("POST", url + self.path, json=message, headers=self.headers) as response:
            yield messages_of(response)


async def messages_of(response: httpx.Response) -> AsyncIterator[Message]:
    """The messages in an answer, a stream or not."""
    if not response.headers["content-type"].startswith("text/event-stream"):
        yield json.loads(await response.aread())
        return
    async for line in response.aiter_lines():
        if line.startswith("data:") and line[5:].strip():
            yield json.loads(line[5:])


async def answer_in(response: httpx.Response) -> Message:
    """The last message of an answer that has been read."""
    if not response.headers["content-type"].startswith("text/event-stream"):
        found: Message = response.json()
        return found
    data = [line[5:] for line in response.text.splitlines() if line.startswith("data:") and line[5:].strip()]
    last: Message = json.loads(data[-1])
    return last
