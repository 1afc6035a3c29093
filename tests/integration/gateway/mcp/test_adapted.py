"""Servers behind a command, as hosts of both eras meet them through two replicas of the gateway."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp import Client

from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from tests.integration.gateway.mcp.conftest import ERAS, Place, until
from tests.integration.gateway.mcp.test_aggregate import answer_ada, text_of
from tests.integration.mcp_servers.adapters import child

pytestmark = pytest.mark.anyio


@pytest.fixture
async def beside(place: Place, tmp_path: Path) -> AsyncIterator[Place]:
    """A place with the command `child` beside it."""
    file = tmp_path / "servers.yaml"
    command = [sys.executable, "-W", "ignore", str(child.__file__)]
    file.write_text(json.dumps({"servers": [{"name": "child", "command": command}]}))
    settings = place.network.runtime.settings.model_copy(update={"mcp_servers_file": file, "mcp_commands": True})
    async with Runtime.open(settings) as runtime, running(runtime, Service("mcp", "child", 0)):
        async with place.host("2026-07-28") as host:
            await until(lambda: has(host, "child__add"))
        yield place


async def has(host: Client, tool: str) -> bool:
    return tool in [each.name for each in (await host.list_tools(cache_mode="bypass")).tools]


@pytest.mark.parametrize("era", ERAS)
async def test_a_question_of_a_command_reaches_the_host_and_its_answer_the_command(beside: Place, era: str) -> None:
    told: list[str | None] = []

    async def progress(_: float, __: float | None, message: str | None) -> None:
        told.append(message)

    async with (
        beside.host(era, elicitation_callback=answer_ada) as host,
        beside.host(era, replica=1) as plain,
    ):
        assert text_of(await host.call_tool("child__ask", {})) == "accept: Ada"
        assert text_of(await host.call_tool("child__steps", {}, progress_callback=progress)) == "done"
        assert (await plain.call_tool("child__add", {"a": 1, "b": 2})).structured_content == {"result": 3}
    assert told == ["half way"]


async def test_a_new_tool_of_a_command_is_told_to_who_listens_at_another_replica(beside: Place) -> None:
    async with beside.host("2026-07-28") as host, beside.host("2026-07-28", replica=1) as other:
        async with host.listen(tools_list_changed=True) as news:
            assert not await has(host, "child__more")
            listening = asyncio.create_task(anext(news))

            async def grown() -> bool:  # until the gateway's own stream to the command is open
                await other.call_tool("child__grow", {"name": "more"})
                return listening.done()

            await until(grown)
            await until(lambda: has(host, "child__more"))
