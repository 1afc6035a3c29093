"""MCP servers as tools of a run: found by name in the registry, called over pooled connections for the task's tenant.

One connection serves all tasks of a tenant; a broken one is made anew at the next call. Each connection lives in an
asyncio task of its own, because an MCP client must be closed where it was opened.
"""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import mcp
from agents import FunctionTool, Tool
from agents.tool_context import ToolContext
from mcp import types
from mcp.client.streamable_http import streamable_http_client

from agentnet.directory import Directory
from agentnet.errors import AgentNetError, UnavailableError
from agentnet.identity import Principal
from agentnet.identity.tokens import Tokens
from agentnet.mcp_connection import CONNECT_SECONDS, End, McpConnection, is_closed
from agentnet.runs.journal import call_key
from agentnet.runs.scope import RunScope
from agentnet.runs.traits import mark, traits_of

logger = logging.getLogger(__name__)

CALL_SECONDS = 120.0
TOOLS_SECONDS = 30.0
"""How long a server's list of tools is taken as current."""
MAX_RESULT_CHARACTERS = 60_000
IDEMPOTENCY_META = "agentnet.dev/idempotency-key"


class _TokenAuth(httpx2.Auth):
    """Signs each request with a fresh token of the tenant's."""

    def __init__(self, tokens: Tokens, principal: Principal, audience: str) -> None:
        self._tokens, self._principal, self._audience = tokens, principal, audience

    def auth_flow(self, request: httpx2.Request) -> Any:
        request.headers["authorization"] = f"Bearer {self._tokens.mint(self._principal, self._audience)}"
        yield request


class _Connection(McpConnection):
    """A connection, and the tools that its server has."""

    def __init__(self, server: str, url: str, auth: httpx2.Auth) -> None:
        @asynccontextmanager
        async def opened(_end: End) -> AsyncIterator[mcp.Client]:
            timeout = httpx2.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS)
            async with httpx2.AsyncClient(auth=auth, timeout=timeout, trust_env=False) as http:
                async with mcp.Client(streamable_http_client(url, http_client=http), mode="auto") as client:
                    yield client

        super().__init__(f"the MCP server {server}", opened)
        self.tools: list[types.Tool] = []
        self.tools_at = -TOOLS_SECONDS


class ToolServers:
    """The MCP servers of one agent."""

    def __init__(self, directory: Directory, tokens: Tokens) -> None:
        self._directory = directory
        self._tokens = tokens
        self._connections: dict[tuple[str, str], _Connection] = {}

    async def tools(self, principal: Principal, names: list[str]) -> list[Tool]:
        """The tools of the servers `names`, named `<server>_<tool>`. A server that is away is left out, and logged."""
        found = await asyncio.gather(*(self._tools_of(principal, name) for name in names))
        return [tool for tools in found for tool in tools]

    async def close(self) -> None:
        """Close every connection."""
        connections, self._connections = list(self._connections.values()), {}
        await asyncio.gather(*(connection.close() for connection in connections))

    async def _tools_of(self, principal: Principal, name: str) -> list[Tool]:
        try:
            connection = await self._connection(principal, name)
            now = asyncio.get_running_loop().time()
            if now - connection.tools_at > TOOLS_SECONDS:
                client = await connection.client()
                connection.tools = (await client.list_tools()).tools
                connection.tools_at = now
        except (AgentNetError, mcp.MCPError, TimeoutError) as error:
            logger.warning("tools of %s are not available: %s", name, error)
            await self._drop(principal, name)
            return []
        return [self._as_tool(principal, name, tool) for tool in connection.tools]

    async def _connection(self, principal: Principal, name: str) -> _Connection:
        key = (principal.tenant, name)
        connection = self._connections.get(key)
        if connection is None or connection.broken:
            entry = await self._directory.get(principal, "mcp", name)
            caller = Principal(principal.tenant, principal.subject, chain=principal.chain[-1:])
            connection = _Connection(name, entry.url, _TokenAuth(self._tokens, caller, f"mcp:{name}"))
            self._connections[key] = connection
        return connection

    async def _drop(self, principal: Principal, name: str) -> None:
        connection = self._connections.pop((principal.tenant, name), None)
        if connection is not None:
            await connection.close()

    def _as_tool(self, principal: Principal, server: str, tool: types.Tool) -> FunctionTool:
        async def invoke(context: ToolContext[Any], arguments: str) -> str:
            return await self._call(principal, server, tool, context, arguments)

        made = FunctionTool(
            name=f"{server}_{tool.name}".replace("-", "_")[:64],
            description=tool.description or tool.name,
            params_json_schema=dict(tool.input_schema),
            on_invoke_tool=invoke,
            strict_json_schema=False,
        )
        return mark(made, traits_of(tool.annotations))

    async def _call(
        self, principal: Principal, server: str, tool: types.Tool, context: ToolContext[Any], arguments: str
    ) -> str:
        scope: RunScope = context.context
        values = _arguments(arguments)
        result = await self._called(principal, server, tool, values)
        return await _rendered(result, scope, context.tool_call_id, str(values.get("title") or tool.name))

    async def _called(
        self, principal: Principal, server: str, tool: types.Tool, values: dict[str, Any]
    ) -> types.CallToolResult:
        """The result; over a connection that broke once more, if the tool may be called again."""
        if not traits_of(tool.annotations).repeatable:
            await self._check(principal, server)
            return await self._call_once(principal, server, tool.name, values)
        try:
            return await self._call_once(principal, server, tool.name, values)
        except UnavailableError:
            await self._drop(principal, server)
            return await self._call_once(principal, server, tool.name, values)

    async def _check(self, principal: Principal, server: str) -> None:
        """Find out that the connection is broken before a call that must not be made twice, and connect anew."""
        try:
            connection = await self._connection(principal, server)
            async with asyncio.timeout(CONNECT_SECONDS):
                await (await connection.client()).session.list_tools()
        except (UnavailableError, TimeoutError, mcp.MCPError):
            await self._drop(principal, server)

    async def _call_once(
        self, principal: Principal, server: str, tool: str, values: dict[str, Any]
    ) -> types.CallToolResult:
        connection = await self._connection(principal, server)
        client = await connection.client()
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await client.call_tool(tool, values, meta={IDEMPOTENCY_META: call_key.get()})  # type: ignore[arg-type]
        except TimeoutError:
            raise AgentNetError(f"{server}.{tool} did not answer within {CALL_SECONDS:g} s.") from None
        except mcp.MCPError as error:
            if is_closed(error) or connection.broken:
                raise UnavailableError(
                    f"The connection to {server} broke; whether {tool} was carried out is unknown."
                ) from error
            raise AgentNetError(f"{server}.{tool}: {error}") from error


def _arguments(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text) if text.strip() else {}
    except ValueError:
        raise AgentNetError("The arguments are not a JSON object.") from None
    if not isinstance(values, dict):
        raise AgentNetError("The arguments are not a JSON object.")
    return values


async def _rendered(result: types.CallToolResult, scope: RunScope, call_id: str, title: str) -> str:
    """A tool's result as text; images and files become artifacts of the task, named by their URI in the text."""
    texts: list[str] = []
    for number, content in enumerate(result.content):
        match content:
            case types.TextContent():
                texts.append(content.text)
            case types.ImageContent() | types.AudioContent():
                extension = content.mime_type.partition("/")[2].partition("+")[0] or "bin"
                name = f"{title[:60]}.{extension}"
                body = base64.b64decode(content.data)
                ref = await scope.attach_file(f"{call_id}-{number}", name, content.mime_type, body)
                texts.append(f"File: {ref.uri} ({ref.media_type}, {ref.size} bytes)")
            case types.EmbeddedResource(resource=types.TextResourceContents() as resource):
                texts.append(resource.text)
            case types.EmbeddedResource(resource=types.BlobResourceContents() as blob):
                body = base64.b64decode(blob.blob)
                media_type = blob.mime_type or "application/octet-stream"
                ref = await scope.attach_file(f"{call_id}-{number}", str(blob.uri), media_type, body)
                texts.append(f"File: {ref.uri} ({ref.media_type}, {ref.size} bytes)")
            case _:
                texts.append(f"[{content.type}]")
    text = "\n".join(texts)
    if result.is_error:
        raise AgentNetError(text or "The tool failed.")
    return text if len(text) <= MAX_RESULT_CHARACTERS else text[:MAX_RESULT_CHARACTERS] + "\n[cut here]"
