"""Servers of the 2024-11-05 transport, presented as servers of the network."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from mcp import MCPError
from mcp.server.mcpserver import MCPServer

from agentnet.process.service import bind
from tests.integration.mcp_servers.adapters.child import server as child
from tests.integration.mcp_servers.adapters.conftest import Present
from tests.integration.upstreams.parts import ANY_HOST, Guarded
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def legacy(server: MCPServer, port: int = 0, **accepted: str) -> AsyncIterator[Guarded]:
    """`server` over HTTP+SSE; with a port it comes back where it was."""
    guarded = Guarded(server.sse_app(transport_security=ANY_HOST), accepted)
    listener = bind("127.0.0.1", port, "legacy")
    config = uvicorn.Config(guarded, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1)
    running = uvicorn.Server(config)
    serving = asyncio.create_task(running.serve(sockets=[listener]))
    guarded.url = f"http://127.0.0.1:{listener.getsockname()[1]}/sse"
    try:
        yield guarded
    finally:
        running.should_exit = True
        await serving


async def test_a_legacy_server_is_a_server(present: Present, tenant: str) -> None:
    async with legacy(child, authorization="Bearer t0ken") as upstream:
        declared = {"name": "old", "sse": upstream.url, "credential": {"type": "bearer", "token": "t0ken"}}
        async with present(declared) as served, served.client(tenant) as client:
            assert "add" in [tool.name for tool in (await client.list_tools()).tools]
            assert (await client.call_tool("add", {"a": 2, "b": 3})).structured_content == {"result": 5}
    assert {headers["authorization"] for headers in upstream.seen} == {"Bearer t0ken"}


async def test_a_legacy_server_that_went_away_and_came_back_is_used_again(present: Present, tenant: str) -> None:
    async with legacy(child) as upstream:
        port = int(upstream.url.split(":")[2].split("/")[0])
        declared = {"name": "old", "sse": upstream.url}
        stack = present(declared)
        served = await stack.__aenter__()
        async with served.client(tenant) as client:
            assert not (await client.call_tool("add", {"a": 1, "b": 1})).is_error
    async with served.client(tenant) as client:
        with pytest.raises(MCPError, match="old"):
            await client.call_tool("add", {"a": 1, "b": 1})
        async with legacy(child, port):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    try:
                        result = await client.call_tool("add", {"a": 1, "b": 1})
                        break
                    except MCPError:
                        await asyncio.sleep(0.05)
            assert result.structured_content == {"result": 2}
            await stack.__aexit__(None, None, None)


async def test_a_private_address_is_refused_when_it_is_used(present: Present, tenant: str) -> None:
    async with legacy(child) as upstream:
        declared = {"name": "old", "sse": upstream.url}
        async with present(declared, allow_private_urls=False) as served, served.client(tenant) as client:
            with pytest.raises(MCPError, match="public address"):
                await client.call_tool("add", {"a": 1, "b": 1})
    assert not upstream.seen


async def test_the_operator_may_say_of_one_server_that_it_is_at_a_private_address(
    present: Present, tenant: str
) -> None:
    async with legacy(child) as upstream:
        declared = {"name": "old", "sse": upstream.url, "allow_private": True}
        async with present(declared, allow_private_urls=False) as served, served.client(tenant) as client:
            assert (await client.call_tool("add", {"a": 1, "b": 1})).structured_content == {"result": 2}
