"""Limits of a call's time: whose holds, what the host hears, and what the server is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import MCPError

from agentnet.identity.principal import ADMIN
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from tests.integration.gateway.mcp.conftest import ERAS, Place
from tests.integration.gateway.mcp.test_aggregate import text_of
from tests.integration.gateway.mcp.verbatim import Call, Verbatim, tool, verbatim
from tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ERAS)]

REQUEST_TIMEOUT = -32001
SOON = 0.3
UNTIL_IT_WORKS = 3.0
"""Long enough for an agent to have begun its task on a busy machine."""
WHERE_SERVER = "`call_seconds` of the MCP server 'slow'"
with_loopback = pytest.mark.parametrize("network", [{"allow_private_urls": True}], indirect=True)
each_way = pytest.mark.parametrize("alone", [True, False])


async def endless(call: Call) -> None:
    """Reports progress and has no answer."""
    token = call.message["params"].get("_meta", {}).get("progressToken", "t")
    for number in range(1, 10_000):
        await call.notify("notifications/progress", progressToken=token, progress=number)
        await asyncio.sleep(0.05)


@asynccontextmanager
async def server(place: Place, **limits: Any) -> AsyncIterator[Verbatim]:
    """A server `slow` that a tenant's admin added with these limits; its tool never ends."""
    key = await (await place.network.runtime.keys()).create("acme", "admin", scopes=[ADMIN])
    async with verbatim(endless, tool("never"), tool("once")) as (upstream, url), place.network.client(key) as admin:
        await (await place.network.runtime.database()).pool.execute("DELETE FROM upstream_servers")
        added = await admin.post("/v1/mcp/servers", json={"name": "slow", "url": url, **limits})
        assert added.status_code == 201, added.text
        await place.put_profile("alone", servers=["slow"], agents=[])
        yield upstream


async def timed_out(place: Place, era: str, name: str, profile: str) -> MCPError:
    async with place.host(era, profile) as client:
        with pytest.raises(MCPError) as raised:
            await client.call_tool(name, {}, progress_callback=heard)
    assert raised.value.error.code == REQUEST_TIMEOUT
    return raised.value


async def heard(_: float, __: float | None, ___: str | None) -> None:
    """Wants progress."""


async def was_told(era: str, upstream: Verbatim) -> None:
    """The server knows that nobody waits any more, in the way of its era."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        if era != "legacy":
            await upstream.gone.wait()
            return
        while not [one for one in upstream.told if one["method"] == "notifications/cancelled"]:
            upstream.news.clear()
            await upstream.news.wait()
    [cancelled] = [one for one in upstream.told if one["method"] == "notifications/cancelled"]
    assert cancelled["params"]["requestId"] == Call(upstream.bodies[-1], no_send).message["id"]


async def no_send(_: Any) -> None: ...


@with_loopback
@each_way
async def test_a_servers_limit_ends_a_call_that_still_reports_progress_and_tells_the_server(
    place: Place, era: str, alone: bool
) -> None:
    name = "never" if alone else "slow__never"
    async with server(place, call_seconds=SOON) as upstream:
        error = await timed_out(place, era, name, "alone" if alone else "")
        assert str(error) == f"The tool {name!r} took longer than 0.3 s, the limit that {WHERE_SERVER} sets."
        assert error.error.data == {"seconds": SOON, "setting": WHERE_SERVER, "tool": name}
        await was_told(era, upstream)


@with_loopback
@each_way
async def test_a_tools_own_limit_goes_before_that_of_its_server(place: Place, era: str, alone: bool) -> None:
    async with server(place, call_seconds=60, timeouts={"n*": 0.2, "nev*": SOON, "once": 50}):
        error = await timed_out(place, era, "never" if alone else "slow__never", "alone" if alone else "")
    assert error.error.data["setting"] == "`timeouts` of the MCP server 'slow'"
    assert error.error.data["seconds"] == SOON


@with_loopback
@each_way
async def test_the_shorter_limit_of_profile_and_server_holds(place: Place, era: str, alone: bool) -> None:
    name = "never" if alone else "slow__never"
    async with server(place, timeouts={"never": 30}):
        servers = {"servers": ["slow"], "agents": []} if alone else {}
        await place.put_profile("hasty", **servers, timeouts={f"{name[:-2]}*": SOON})
        error = await timed_out(place, era, name, "hasty")
        assert error.error.data["setting"] == "`timeouts` of the profile 'hasty'"
        await place.put_profile("patient", **servers, timeouts={name: 3000})
        async with place.host(era, "patient") as client:
            call = asyncio.create_task(client.call_tool(name, {}))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(call), 3 * SOON)
            call.cancel()
            await asyncio.wait([call])


@with_loopback
async def test_nobody_goes_beyond_the_operators_limit(place: Place, era: str) -> None:
    settings = place.network.runtime.settings.model_copy(update={"mcp_call_seconds": SOON})
    runtime = await place.stack.enter_async_context(Runtime.open(settings))
    gateway = await place.stack.enter_async_context(running(runtime, Service("gateway", "gateway", 0)))
    place.urls = (gateway.url, place.urls[1])
    async with server(place, call_seconds=3000, timeouts={"never": 3000}):
        error = await timed_out(place, era, "slow__never", "")
    assert error.error.data["setting"] == "AGENTNET_MCP_CALL_SECONDS"


async def test_an_agent_that_takes_longer_than_its_profile_allows_goes_on(place: Place, era: str) -> None:
    probe = await place.network.agent("echo")
    await place.put_profile("hasty", timeouts={"echo": UNTIL_IT_WORKS})
    async with place.host(era, "hasty") as client:
        result = await client.call_tool("echo", {"message": "slow"})
        assert result.structured_content["state"] == "working"
        probe.go.set()
        task_id = result.structured_content["task_id"]
    async with place.host(era) as client:
        assert text_of(await client.call_tool("echo", {"message": "", "task_id": task_id})) == "first second"


async def test_a_service_of_the_network_says_its_limit_in_its_entry(place: Place, era: str) -> None:
    async with verbatim(endless, tool("never")) as (_, url):
        await place.register("slow", url, document={"limits": {"timeouts": {"never": SOON}}})
        await place.register("odd", url, document={"limits": {"timeouts": 7}})
        error = await timed_out(place, era, "slow__never", "")
        assert error.error.data["setting"] == "`timeouts` of the MCP server 'slow'"
        async with place.host(era) as client:
            assert "odd__never" in [each.name for each in (await client.list_tools()).tools]


@pytest.mark.parametrize(
    "wrong", [{"call_seconds": 0}, {"timeouts": {"a": -1}}, {"timeouts": {"": 1}}, {"timeouts": 3}]
)
async def test_a_wrong_limit_is_refused(place: Place, era: str, wrong: dict[str, Any]) -> None:
    key = await (await place.network.runtime.keys()).create("acme", "admin", scopes=[ADMIN])
    async with place.network.client(key) as admin:
        new = {"name": "wrong", "url": "https://93.184.215.14/mcp", **wrong}
        assert (await admin.post("/v1/mcp/servers", json=new)).status_code == 400
