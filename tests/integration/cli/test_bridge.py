import pytest
from mcp import Client
from mcp.server.mcpserver import Context, MCPServer

from agentnet.cli.bridge import relay

pytestmark = pytest.mark.anyio


def tools() -> MCPServer:
    server = MCPServer("upstream")

    @server.tool()
    async def double(number: int, context: Context) -> int:
        """Double a number."""
        await context.report_progress(1, 2, "half way")
        return number * 2

    return server


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_bridge_passes_tools_calls_and_progress_on(mode: str) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async with Client(tools()) as upstream, Client(relay(upstream), mode=mode) as client:
        [tool] = (await client.list_tools()).tools
        assert tool.name == "double"
        assert tool.description == "Double a number."
        result = await client.call_tool("double", {"number": 21}, progress_callback=on_progress)
    assert result.structured_content == {"result": 42}
    assert told == [(1, 2, "half way")]


async def test_an_error_of_a_tool_comes_through() -> None:
    async with Client(tools()) as upstream, Client(relay(upstream)) as client:
        result = await client.call_tool("double", {"number": "many"})
    assert result.is_error
