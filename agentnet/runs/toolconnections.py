"""The connections of one agent to MCP servers: the network's, and outside ones that the task's tenant may use."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import mcp
from mcp import types
from mcp.client.streamable_http import streamable_http_client

from agentnet.discovery.directory import Directory
from agentnet.errors import NotFoundError
from agentnet.identity import Principal
from agentnet.identity.tokens import Tokens
from agentnet.mcp.connection import CONNECT_SECONDS, MAX_EVENT_BYTES, End, McpConnection, all_tools, watched
from agentnet.mcp.sessions import DOUBTFUL, is_lost
from agentnet.upstreams.http import tls
from agentnet.upstreams.server import OutsideServer
from agentnet.upstreams.upstreams import Upstreams

SESSION_HEADER = "mcp-session-id"
CALL_SECONDS = 120.0
TOOLS_SECONDS = 30.0
"""How long a server's list of tools is taken as current."""
OUTSIDE_SECONDS = 5.0
"""How long an outside server that was removed or changed may still be used."""


class _TokenAuth(httpx2.Auth):
    """Signs each request with a fresh token of the tenant's."""

    def __init__(self, tokens: Tokens, principal: Principal, audience: str) -> None:
        self._tokens, self._principal, self._audience = tokens, principal, audience

    def auth_flow(self, request: httpx2.Request) -> Any:
        request.headers["authorization"] = f"Bearer {self._tokens.mint(self._principal, self._audience)}"
        yield request


class ToolConnection(McpConnection):
    """A connection, and the tools that its server has. `http` is closed with it."""

    def __init__(self, name: str, url: str, http: httpx2.AsyncClient, outside: OutsideServer | None = None) -> None:
        label = f"the MCP server {name}"
        self.is_lost: bool = False
        """Whether the server has forgotten its session."""

        @asynccontextmanager
        async def opened(end: End) -> AsyncIterator[mcp.Client]:
            transport = streamable_http_client(url, http_client=http, max_sse_event_size=MAX_EVENT_BYTES)
            async with http, mcp.Client(watched(transport, end, label), mode="auto") as client:
                yield client

        async def look(response: httpx2.Response) -> None:
            request = response.request
            if request.method == "POST" and SESSION_HEADER in request.headers and response.status_code in DOUBTFUL:
                await response.aread()
                self.is_lost = self.is_lost or is_lost(response.status_code, response.content)

        http.event_hooks = {"response": [look]}
        super().__init__(label, opened, connect_seconds=CONNECT_SECONDS)
        self.outside = outside
        self.looked_at = time.monotonic()
        self._tools: list[types.Tool] = []
        self._tools_until = 0.0
        self._uses = 0
        self._is_retired = False

    @asynccontextmanager
    async def used(self) -> AsyncIterator[mcp.Client]:
        """The client for one call. Raises `UnavailableError`."""
        self._uses += 1
        try:
            yield await self.client()
        finally:
            self._uses -= 1
            if self._is_retired and not self._uses:
                await self.close()

    async def retire(self) -> None:
        """Close it as soon as no call uses it any more: what broke for one may go well for others."""
        self._is_retired = True
        if not self._uses:
            await self.close()

    async def tools(self) -> list[types.Tool]:
        """What the server offers, as it said a while ago at most. Raises `UnavailableError`, `MCPError`."""
        if time.monotonic() >= self._tools_until:
            self._tools = await all_tools(await self.client())
            self._tools_until = time.monotonic() + TOOLS_SECONDS
        return self._tools


class ToolConnections:
    """One connection serves all tasks of a tenant. The registry's servers go before outside ones of the same name."""

    def __init__(self, directory: Directory, tokens: Tokens, upstreams: Upstreams | None) -> None:
        self._directory = directory
        self._tokens = tokens
        self._upstreams = upstreams
        self._connections: dict[tuple[str, str], ToolConnection] = {}

    async def get(self, principal: Principal, name: str) -> ToolConnection:
        """The tenant's connection, made anew if it broke. Raises `NotFoundError`, `UnavailableError`."""
        connection = self._connections.get((principal.tenant, name))
        if connection is not None and (
            connection.broken or connection.is_lost or await self._is_stale(principal, connection)
        ):
            await self.drop(principal, name, connection)
            connection = None
        if connection is None:
            made = await self._connect(principal, name)
            connection = self._connections.setdefault((principal.tenant, name), made)
            if connection is not made:  # another call was quicker
                await made.close()
        return connection

    def known(self, principal: Principal, name: str) -> ToolConnection | None:
        """The connection that the tenant has already."""
        return self._connections.get((principal.tenant, name))

    async def drop(self, principal: Principal, name: str, connection: ToolConnection) -> None:
        """Have the next use make another connection than this one, which is closed when no call uses it."""
        if self._connections.get((principal.tenant, name)) is connection:
            del self._connections[principal.tenant, name]
        await connection.retire()

    async def close(self) -> None:
        """Close every connection."""
        connections, self._connections = list(self._connections.values()), {}
        await asyncio.gather(*(connection.close() for connection in connections))

    async def _connect(self, principal: Principal, name: str) -> ToolConnection:
        try:
            entry = await self._directory.get(principal, "mcp", name)
        except NotFoundError:
            outside = await self._outside(principal, name)
            if outside is None or self._upstreams is None:
                raise
            return ToolConnection(name, outside.url, self._upstreams.client(outside), outside)
        # Shared by all tasks of the tenant: of the first one's chain it may tell no more than which agent calls.
        caller = Principal(principal.tenant, principal.subject, chain=principal.chain[-1:])
        timeout = httpx2.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS)
        auth = _TokenAuth(self._tokens, caller, f"mcp:{name}")
        client = httpx2.AsyncClient(auth=auth, timeout=timeout, trust_env=False, verify=tls())
        return ToolConnection(name, entry.url, client)

    async def _is_stale(self, principal: Principal, connection: ToolConnection) -> bool:
        """Whether its outside server was removed, switched off or changed since."""
        now = time.monotonic()
        if connection.outside is None or now - connection.looked_at < OUTSIDE_SECONDS:
            return False
        connection.looked_at = now
        return await self._outside(principal, connection.outside.name) != connection.outside

    async def _outside(self, principal: Principal, name: str) -> OutsideServer | None:
        if self._upstreams is None:
            return None
        try:
            server = await self._upstreams.get(principal.tenant, name)
        except NotFoundError:
            return None
        return server if server.enabled else None
