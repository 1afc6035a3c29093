"""An agent uses the upstream servers of the tenant whose task it is, and no other's."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from agents.testing import assistant_message, function_call
from mcp import types
from mcp.server.lowlevel import Server
from pydantic import SecretStr

from agentnet.database import Database
from agentnet.identity.sealing import Seal
from agentnet.mcp import connection as mcp_connection
from agentnet.runs import toolconnections
from agentnet.settings import Settings
from agentnet.upstreams.credential import BearerCredential
from agentnet.upstreams.server import NewServer
from agentnet.upstreams.upstreams import Upstreams
from tests.integration.runs.specialists_under_test import DONE, answer, sent, specialist
from tests.integration.tasks.replicas import PRINCIPAL, context
from tests.integration.upstreams.parts import adder, mcp_over_http

pytestmark = pytest.mark.anyio

MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
mcp_servers: [sums]
"""
TOKEN = BearerCredential(type="bearer", token=SecretStr("t0ken"))


@pytest.fixture
async def upstreams(database_url: str) -> AsyncIterator[Upstreams]:
    """Nothing stored yet; servers on loopback may be used."""
    settings = Settings(database_url=database_url, allow_private_urls=True, _env_file=None)
    database = await Database.open(settings)
    await database.pool.execute("DELETE FROM upstream_servers")
    opened = Upstreams(database, Seal("s" * 32), settings)
    yield opened
    await opened.close()
    await database.close()


async def test_a_stored_server_is_used_with_its_own_credential_until_it_is_removed(
    database_url: str, tmp_path: Path, upstreams: Upstreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolconnections, "OUTSIDE_SECONDS", 0.0)
    call = [function_call("sums_add", {"a": 20, "b": 3}, call_id="c1")]
    steps = [call, [assistant_message("23")], [assistant_message("no tool for that")]]
    tenant = context().state[PRINCIPAL].tenant
    async with mcp_over_http(adder(), authorization="Bearer t0ken") as upstream:
        await upstreams.add(tenant, NewServer(name="sums", url=upstream.url, credential=TOKEN))
        async with specialist(database_url, tmp_path, steps, 1, MANIFEST, None, upstreams) as (worker, [one]):
            task = await sent(one, "20 + 3")
            assert (task.status.state, answer(task)) == (DONE, "23")
            said = worker.script.calls[1].input
            assert any("23" in str(item.get("output")) for item in said if isinstance(item, dict))
            await upstreams.store.remove(tenant, "sums")
            await sent(one, "again")
            assert "sums_add" not in str(worker.script.calls[2].tools)


async def test_another_tenants_server_is_not_used(database_url: str, tmp_path: Path, upstreams: Upstreams) -> None:
    steps = [[assistant_message("no tool for that")]]
    async with mcp_over_http(adder()) as upstream:
        await upstreams.add("somebody-else", NewServer(name="sums", url=upstream.url))
        async with specialist(database_url, tmp_path, steps, 1, MANIFEST, None, upstreams) as (worker, [one]):
            await sent(one, "20 + 3")
            assert "sums_add" not in str(worker.script.calls[0].tools)
    assert not upstream.seen


def listing(list_tools: Any) -> Server[Any]:
    """A server that lists its tools in the test's way."""
    return Server("sums", on_list_tools=list_tools)


async def test_tools_on_later_pages_are_found(database_url: str, tmp_path: Path, upstreams: Upstreams) -> None:
    async def page(_: Any, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        number = int(params.cursor) if params and params.cursor else 1
        tool = types.Tool(name=f"t{number}", input_schema={"type": "object"})
        return types.ListToolsResult(tools=[tool], next_cursor=str(number + 1) if number < 3 else None)

    async with mcp_over_http(listing(page)) as upstream:
        await upstreams.add(context().state[PRINCIPAL].tenant, NewServer(name="sums", url=upstream.url))
        steps = [[assistant_message("so many")]]
        async with specialist(database_url, tmp_path, steps, 1, MANIFEST, None, upstreams) as (worker, [one]):
            await sent(one, "which tools?")
            assert all(f"sums_t{number}" in str(worker.script.calls[0].tools) for number in (1, 2, 3))


async def test_a_server_that_never_lists_its_tools_holds_no_task_up(
    database_url: str, tmp_path: Path, upstreams: Upstreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> types.ListToolsResult:
        await anyio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr(mcp_connection, "LIST_SECONDS", 0.5)
    async with mcp_over_http(listing(never)) as upstream:
        await upstreams.add(context().state[PRINCIPAL].tenant, NewServer(name="sums", url=upstream.url))
        steps = [[assistant_message("no tool for that")]]
        async with specialist(database_url, tmp_path, steps, 1, MANIFEST, None, upstreams) as (_, [one]):
            with anyio.fail_after(20):
                assert (await sent(one, "20 + 3")).status.state == DONE


async def test_every_tool_gets_a_name_that_models_take_and_no_other_has(
    database_url: str, tmp_path: Path, upstreams: Upstreams
) -> None:
    names = ["list.items", "list_items", "a-b", "a_b", "x" * 70 + "1", "x" * 70 + "2"]

    async def listed(*_: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[types.Tool(name=name, input_schema={"type": "object"}) for name in names])

    async def called(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(text=f"called {params.name}")])

    steps = [[function_call("sums_list_items", {}, call_id="c1")], [assistant_message("done")]]
    async with mcp_over_http(Server("sums", on_list_tools=listed, on_call_tool=called)) as upstream:
        await upstreams.add(context().state[PRINCIPAL].tenant, NewServer(name="sums", url=upstream.url))
        async with specialist(database_url, tmp_path, steps, 1, MANIFEST, None, upstreams) as (worker, [one]):
            assert (await sent(one, "list")).status.state == DONE
            given = [tool.name for tool in worker.script.calls[0].tools if tool.name.startswith("sums_")]
            assert "called list_items" in str(worker.script.calls[1].input)
    assert len(set(given)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in given)
