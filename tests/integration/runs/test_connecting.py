"""A specialist connects to its tool servers when it starts: its first task waits for none, and misses none."""

from pathlib import Path

import pytest
from agents.testing import assistant_message, function_call
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

from tests.integration.runs.specialists_under_test import DONE, answer, sent, specialist
from tests.integration.upstreams.parts import mcp_over_http

pytestmark = pytest.mark.anyio

MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
mcp_servers: [shop, depot]
"""
STEPS = [[function_call("shop_price", {}, call_id="c1")], [assistant_message("It costs 7.")]]
NOBODY = "http://127.0.0.1:9/mcp"


def server_called(name: str) -> MCPServer:
    server = MCPServer(name)

    async def price() -> str:
        return "7"

    server.add_tool(price, annotations=ToolAnnotations(read_only_hint=True))
    return server


async def test_the_first_task_asks_no_server_what_it_has(database_url: str, tmp_path: Path) -> None:
    async with (
        mcp_over_http(server_called("shop")) as shop,
        mcp_over_http(server_called("depot")) as depot,
        specialist(
            database_url, tmp_path, STEPS, manifest=MANIFEST, mcp_servers={"shop": shop.url, "depot": depot.url}
        ) as (worker, [one]),
    ):
        await worker.connect()
        before = len(shop.seen), len(depot.seen)
        assert min(before) > 0
        done = await sent(one, "What does it cost?")
        assert (len(shop.seen), len(depot.seen)) == (before[0] + 1, before[1]), "the call alone"
    assert done.status.state == DONE, done.status
    assert answer(done) == "It costs 7."


@pytest.mark.parametrize("away", [{}, {"depot": NOBODY}], ids=["not registered", "not listening"])
async def test_a_server_that_comes_after_the_start_is_not_missed_by_the_first_task(
    away: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    async with (
        mcp_over_http(server_called("shop")) as shop,
        mcp_over_http(server_called("depot")) as depot,
        specialist(
            database_url, tmp_path, STEPS, manifest=MANIFEST, mcp_servers=(urls := {"shop": shop.url} | away)
        ) as (worker, [one]),
    ):
        await worker.connect()
        urls["depot"] = depot.url
        done = await sent(one, "What does it cost?")
        tools = {tool.name for tool in worker.script.calls[0].tools}
    assert done.status.state == DONE, done.status
    assert {"shop_price", "depot_price"} <= tools
