"""The load generator of the MCP benchmarks against the server that they use."""

import pytest

from bench.mcp_load import LEGACY, MODERN, Address, closed_loop, sessions
from bench.mcp_network import upstreams

pytestmark = pytest.mark.anyio
SECONDS = 0.2


@pytest.mark.parametrize("version", [MODERN, LEGACY])
async def test_calls_and_lists_of_both_generations_are_answered(version: str) -> None:
    async with upstreams(servers=2, tools=3) as server, sessions(Address(server, "/1/mcp", version), 2) as clients:
        load = await closed_loop(clients, SECONDS)
        listed = await clients[0].list_tools()
    assert load.latencies and not load.errors
    assert listed.names == ["echo", "look_up_1", "look_up_2"]
    assert listed.seconds > 0 and listed.size > 0


async def test_an_answer_that_is_no_echo_counts_as_an_error() -> None:
    async with upstreams(tools=2) as server, sessions(Address(server, "/0/mcp", MODERN, "look_up_1"), 1) as clients:
        load = await closed_loop(clients, SECONDS)
    assert load.errors and not load.latencies
    assert "HTTP 200" in load.first_error
