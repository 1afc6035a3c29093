"""The `/mcp` endpoint: an MCP server over streamable HTTP whose tools are the live agents of the caller's tenant."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from agentnet import __version__
from agentnet.directory import Entry
from agentnet.errors import AgentNetError
from agentnet.http_errors import invalid_input
from agentnet.identity import Principal
from gateway.calls import AgentCalls
from gateway.catalog import Catalog
from gateway.headers import header_of
from gateway.limits import StreamLimit
from gateway.mcp.call import AgentCall
from gateway.mcp.tools import FIND_AGENTS, MAX_FOUND, AgentArguments, FindArguments, by_tool_name, list_tools
from gateway.relay import principal_of
from gateway.transport import Headers

NAME = "agentnet"
INSTRUCTIONS = (
    "Every tool but find_agents is a specialist agent: tell it in `message` what to do. When its result has the state "
    "input-required, it asks: call it again with that task_id and the answer."
)
LIST_TTL_MS = 2000
TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

Context = ServerRequestContext[Any, Any]


class McpEndpoint:
    """An ASGI app for `/mcp`. Runs within `running()`."""

    def __init__(
        self, catalog: Catalog, calls: AgentCalls, limit: StreamLimit, addresses: list[str], max_body_bytes: int
    ) -> None:
        self._catalog = catalog
        self._calls = calls
        self._limit = limit
        server: Server[Any] = Server(
            NAME,
            version=__version__,
            title="Agent Network",
            instructions=INSTRUCTIONS,
            cache_hints={"tools/list": CacheHint(ttl_ms=LIST_TTL_MS, scope="private")},
            get_tool_input_schema=lambda _: None,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
        )
        self._manager = StreamableHTTPSessionManager(
            server,
            stateless=True,
            security_settings=security(addresses),
            max_request_body_size=max_body_bytes,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve for as long as the block runs; once."""
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, of either era."""
        await self._manager.handle_request(scope, receive, send)

    async def _list_tools(self, context: Context, _: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        try:
            entries = await self._catalog.visible(principal_of(scope_of(context)))
        except AgentNetError as error:
            raise MCPError(types.INTERNAL_ERROR, str(error)) from error
        return types.ListToolsResult(tools=list_tools(entries))

    async def _call_tool(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            principal = principal_of(scope_of(context))
            if params.name == FIND_AGENTS:
                return await self._find(principal, FindArguments.model_validate(params.arguments or {}))
            entry = await self._agent(principal, params.name)
            arguments = AgentArguments.model_validate(params.arguments or {})
            with self._limit.stream(principal):
                call = AgentCall(self._calls, principal, entry, context.session.report_progress)
                return await call.run(arguments.request(), trace_of(context))
        except ValidationError as error:
            return refusal(invalid_input(error))
        except AgentNetError as error:
            return refusal(error)

    async def _agent(self, principal: Principal, name: str) -> Entry:
        entry = by_tool_name(await self._catalog.visible(principal)).get(name)
        if entry is None:
            raise MCPError(types.INVALID_PARAMS, f"There is no tool {name!r} here.")
        return entry

    async def _find(self, principal: Principal, arguments: FindArguments) -> types.CallToolResult:
        found = await self._catalog.search(principal, arguments.need, MAX_FOUND)
        tools = {entry.name: name for name, entry in by_tool_name(await self._catalog.visible(principal)).items()}
        agents = [
            {"tool": tools.get(entry.name, entry.name), "description": entry.description, "skills": entry.skills}
            for entry in found
        ]
        text = "\n".join(f"{agent['tool']}: {agent['description']}" for agent in agents) or "No agent fits that."
        return types.CallToolResult(content=[types.TextContent(text=text)], structured_content={"agents": agents})


def refusal(error: AgentNetError) -> types.CallToolResult:
    """An error that the model may read and mend."""
    return types.CallToolResult(content=[types.TextContent(text=str(error))], is_error=True)


def scope_of(context: Context) -> Scope:
    """The HTTP request that the call came in."""
    assert context.request is not None
    scope: Scope = context.request.scope
    return scope


def trace_of(context: Context) -> Headers:
    """The host's trace, from the request's `_meta` or its header."""
    said: object = dict(context.meta or {}).get("traceparent")
    value = said.encode() if isinstance(said, str) else header_of(scope_of(context)["headers"], b"traceparent")
    return [(b"traceparent", value)] if TRACEPARENT.fullmatch(value) else []


def security(addresses: list[str]) -> TransportSecuritySettings:
    """Takes requests for the gateway's own addresses only, against DNS rebinding (MCP transports, security warning)."""
    hosts = [urlsplit(address).netloc for address in addresses]
    names = [*LOOPBACK, *(host for address in addresses if (host := urlsplit(address).hostname))]
    allowed = [*hosts, *LOOPBACK, *(f"{name}:*" for name in names)]
    origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in allowed]
    return TransportSecuritySettings(allowed_hosts=allowed, allowed_origins=origins)
