"""`agentnet mcp`: an MCP server on stdio that passes everything on to the gateway's MCP address and back."""

from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from agentnet import __version__
from agentnet.cli.exits import Interrupted
from agentnet.cli.gateway import Gateway, client_settings, no_gateway, no_key
from agentnet.cli.loop import run
from agentnet.identity.secret import read_key
from agentnet.settings import Settings

CONNECT_SECONDS = 5.0
READ_SECONDS = 600.0

_Context = ServerRequestContext[Any, Any]


def run_bridge(url: str | None) -> None:
    """Serve until the host closes stdin. Raises when there is no gateway or no key: hosts show that line."""
    settings = client_settings()
    try:
        run(_bridge(settings, (url or settings.gateway_url).rstrip("/")))
    except Interrupted:
        return


async def _bridge(settings: Settings, url: str) -> None:
    key = read_key(settings)
    if key is None:
        raise no_key(settings)
    async with Gateway.open(settings, url) as gateway:
        if not await gateway.answers():
            raise no_gateway(url)
        await gateway.agents()  # a key that does not hold is said in one line, not as a broken protocol
    headers = {"authorization": f"Bearer {key}"}
    timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    async with httpx2.AsyncClient(headers=headers, timeout=timeout, trust_env=False) as http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http, max_sse_event_size=None)
        async with Client(transport, cache=None) as upstream, stdio_server() as (read, write):
            server = relay(upstream)
            await server.run(read, write, server.create_initialization_options())


def relay(upstream: Client) -> Server[Any]:
    """An MCP server whose tools are `upstream`'s, progress included."""

    async def list_tools(_context: _Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        return await upstream.list_tools(cursor=params.cursor if params else None)

    async def call_tool(context: _Context, params: CallToolRequestParams) -> CallToolResult:
        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            await context.session.report_progress(progress, total, message)

        return await upstream.call_tool(params.name, params.arguments, progress_callback=on_progress)

    return Server(
        "agentnet",
        version=__version__,
        get_tool_input_schema=lambda _name: None,  # otherwise every call lists all tools first; the gateway validates
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
