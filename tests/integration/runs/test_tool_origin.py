"""A server of this network is told for which task a tool is called; one outside is not."""

from pathlib import Path
from typing import Any

import pytest
from agents.testing import assistant_message, function_call
from mcp.server.mcpserver import Context, MCPServer

from agentnet.database import Database
from agentnet.identity.origin import ORIGIN_META, Origin
from agentnet.identity.sealing import Seal
from agentnet.identity.tokens import Tokens
from agentnet.runs.toolservers import IDEMPOTENCY_META
from agentnet.settings import Settings
from agentnet.upstreams.server import NewServer
from agentnet.upstreams.upstreams import Upstreams
from tests.integration.runs.specialists_under_test import DONE, sent, specialist
from tests.integration.tasks.replicas import PRINCIPAL, context, request
from tests.integration.upstreams.parts import mcp_over_http

pytestmark = pytest.mark.anyio

MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
mcp_servers: [ear]
"""
STEPS = [[function_call("ear_hear", {}, call_id="c1")], [assistant_message("done")]]


def ear(heard: list[dict[str, Any]]) -> MCPServer:
    """A server that keeps what is said beside the calls of its tool."""
    server = MCPServer("ear")

    @server.tool()
    def hear(context: Context[Any]) -> str:
        """Hear what is said beside the call."""
        heard.append(dict(context.request_context.meta or {}))
        return "heard"

    return server


async def test_a_server_of_the_network_hears_task_and_context_from_an_agent(database_url: str, tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []
    async with (
        mcp_over_http(ear(heard)) as server,
        specialist(database_url, tmp_path, [*STEPS, *STEPS], 1, MANIFEST, {"ear": server.url}) as (_, [one]),
    ):
        first = await sent(one, "go")
        again = request("once more")
        again.message.context_id = first.context_id
        second: Any = await one.handler.on_message_send(again, context())
    assert (first.status.state, second.status.state) == (DONE, DONE)
    said = [Origin.in_meta(meta) for meta in heard]
    assert [str(each.task_id) for each in said if each] == [first.id, second.id]
    assert {each.context_id for each in said if each} == {first.context_id}
    # What a server goes by to believe it: the token of the call names the agent that acts.
    tokens = {headers["authorization"].removeprefix("Bearer ") for headers in server.seen}
    assert {Tokens("x" * 32).verify(token, "mcp:ear").caller for token in tokens} == {"agent:worker"}


async def test_a_server_outside_is_not_told_who_asks_what(database_url: str, tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []
    settings = Settings(database_url=database_url, allow_private_urls=True, _env_file=None)
    database = await Database.open(settings)
    upstreams = Upstreams(database, Seal("s" * 32), settings)
    tenant = context().state[PRINCIPAL].tenant
    try:
        async with mcp_over_http(ear(heard)) as server:
            await upstreams.add(tenant, NewServer(name="ear", url=server.url))
            async with specialist(database_url, tmp_path, STEPS, 1, MANIFEST, None, upstreams) as (_, [one]):
                assert (await sent(one, "go")).status.state == DONE
            await upstreams.store.remove(tenant, "ear")
    finally:
        await upstreams.close()
        await database.close()
    [meta] = heard
    assert IDEMPOTENCY_META in meta
    assert not ORIGIN_META & meta.keys()
