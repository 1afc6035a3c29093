"""`agentnet mcp` as a process, as hosts run it: MCP on its standard input and output, in both eras."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.integration.gateway.mcp.conftest import ERAS, ROOT, Place
from tests.integration.gateway.mcp.test_aggregate import answer_ada, text_of
from tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ERAS)]

ARGUMENTS = ["-W", "ignore", "-m", "agentnet", "mcp"]


def environment_of(place: Place, home: Path) -> dict[str, str]:
    return {
        "AGENTNET_URL": place.urls[0],
        "AGENTNET_API_KEY": place.network.key,
        "AGENTNET_HOME": str(home),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'agents'}",
    }


@asynccontextmanager
async def host(place: Place, era: str, home: Path, **options: Any) -> AsyncIterator[Client]:
    command = StdioServerParameters(
        command=sys.executable, args=ARGUMENTS, env=environment_of(place, home), cwd=str(home)
    )
    async with Client(stdio_client(command), mode=era, **options) as client:
        yield client


async def test_the_bridge_passes_lists_calls_progress_and_errors_on(place: Place, era: str, tmp_path: Path) -> None:
    stage = await place.server("alpha")
    await place.network.agent("echo")
    told: list[str | None] = []

    async def progress(_: float, __: float | None, message: str | None) -> None:
        told.append(message)
        stage.go.set()

    async with host(place, era, tmp_path) as client:
        assert {"alpha__echo", "echo"} <= {tool.name for tool in (await client.list_tools()).tools}
        assert text_of(await client.call_tool("alpha__echo", {"text": "hi"})) == "alpha: hi"
        assert text_of(await client.call_tool("echo", {"message": "hi"})) == "echo: hi"
        assert text_of(await client.call_tool("alpha__wait", {}, progress_callback=progress)) == "done"
        assert told == ["begun"]
        with pytest.raises(MCPError) as refused:
            await client.call_tool("alpha__fail", {})
        assert refused.value.error.data == {"disk": 7}


async def test_a_question_comes_through_the_bridge_and_its_answer_goes_back(
    place: Place, era: str, tmp_path: Path
) -> None:
    await place.server("alpha")
    async with host(place, era, tmp_path, elicitation_callback=answer_ada) as client:
        assert text_of(await client.call_tool("alpha__greet", {})) == "Hello, Ada!"


async def test_cancelling_a_call_through_the_bridge_cancels_it(place: Place, era: str, tmp_path: Path) -> None:
    stage = await place.server("alpha")
    async with host(place, era, tmp_path) as client:
        call = asyncio.create_task(client.call_tool("alpha__wait", {}))
        await stage.started.wait()
        call.cancel()
        await asyncio.wait([call])
        async with asyncio.timeout(PATIENCE_SECONDS):
            await stage.cancelled.wait()


async def test_a_session_that_ended_is_begun_again_behind_the_hosts_back(
    place: Place, era: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mcp.sessions.sessions.RECENT_SECONDS", 0.0)  # the gateway is not told of this end
    await place.server("alpha")
    async with host(place, era, tmp_path) as client:
        await client.list_tools()
        pool = (await place.network.runtime.database()).pool
        await pool.execute("DELETE FROM mcp_sessions")
        assert text_of(await client.call_tool("alpha__echo", {"text": "hi"})) == "alpha: hi"


async def test_the_bridge_tells_of_lists_that_changed(place: Place, era: str, tmp_path: Path) -> None:
    heard = asyncio.Event()

    async def on_message(message: object) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            heard.set()

    async with host(place, era, tmp_path, message_handler=on_message) as client, asyncio.timeout(PATIENCE_SECONDS):
        if era == "legacy":
            await place.servers_until(heard)
            return
        async with client.listen(tools_list_changed=True) as changes:
            await place.server("alpha")
            await anext(aiter(changes))


async def test_a_signal_ends_the_bridge_while_its_host_is_silent(place: Place, era: str, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *ARGUMENTS, env=environment_of(place, tmp_path), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "no/such"}\n')
        await process.stdout.readline()
        process.terminate()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
        _, said = await process.communicate()
    assert not said
