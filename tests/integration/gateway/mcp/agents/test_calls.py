"""Calls of agents while they last: progress, cancel, hosts that leave, agents that break off."""

import asyncio

import httpx
import pytest
from mcp import MCPError

from agentnet.identity.origin import TASK_META
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from agentnet.signals import LOOK_SECONDS
from agentnet.signals.postgres import PostgresSignals
from tests.integration.gateway.mcp.agents.conftest import Wire, text_of
from tests.integration.gateway.mcp.conftest import ERAS, Place
from tests.integration.gateway.mcp.raw import LegacySession, answer_in, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio
both = pytest.mark.parametrize("era", ERAS)
HANG = request("tools/call", {"name": "echo", "arguments": {"message": "hang"}}, 7)


@both
async def test_an_agent_that_is_away_is_not_one_that_there_is_none(place: Place, era: str) -> None:
    for name in ("gone", "gone-too"):  # a tool's name has no hyphen
        await place.network.register(name, ["http://127.0.0.1:9"])
        await place.network.deregister(name)
    await place.put_profile("others", agents=["echo"])
    async with place.host(era) as client:
        for name in ("gone", "gone-too"):
            result = await client.call_tool(name.replace("-", "_"), {"message": "hi"})
            assert result.is_error
            assert text_of(result) == f"No replica of the agent {name!r} answers now. Try again in 5 s."
        with pytest.raises(MCPError, match="no tool"):
            await client.call_tool("never", {"message": "hi"})
        for kept, reason in (("gone", "answers now"), ("never", "no such resource")):
            with pytest.raises(MCPError, match=reason):
                await client.read_resource(f"agentnet://agents/{kept}/tasks/t/artifacts/a")
    async with place.host(era, "others") as client:  # which does not show it
        with pytest.raises(MCPError, match="no tool"):
            await client.call_tool("gone", {"message": "hi"})


@both
async def test_progress_rises_and_a_flood_of_it_is_told_together(place: Place, era: str) -> None:
    await place.network.agent("echo")
    told: list[tuple[float, str]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        assert total is None
        told.append((done, message or ""))

    async with place.host(era) as client:
        result = await client.call_tool("echo", {"message": "chatter"}, progress_callback=progress)
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert len(told) < 250
    assert "".join(message for _, message in told) == "".join(f"{number} " for number in range(500)) == text_of(result)


async def test_a_modern_host_that_leaves_cancels_the_task(place: Place) -> None:
    probe = await place.network.agent("echo")
    async with place.host("2026-07-28") as client:
        call = asyncio.create_task(client.call_tool("echo", {"message": "hang"}))
        await probe.started.wait()
        call.cancel()
        await asyncio.wait([call])
        async with asyncio.timeout(PATIENCE_SECONDS):
            await probe.cancelled.wait()


async def test_a_legacy_host_cancels_at_any_replica(place: Place) -> None:
    probe = await place.network.agent("echo")
    one, two = place.urls
    async with place.network.client() as http:
        session = await LegacySession.open(http, one)
        call = asyncio.create_task(session.post(one, HANG))
        await probe.started.wait()
        gone = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
        assert (await session.post(two, gone)).status_code == 202
        async with asyncio.timeout(PATIENCE_SECONDS):
            await probe.cancelled.wait()
        await call


@pytest.mark.parametrize("identifier", ["\0", "x" * 5000, 2**70, -(2**70), 1.5, True, None, {"a": 1}])
async def test_a_cancellation_of_what_can_be_no_request_is_taken_and_does_nothing(
    place: Place, identifier: object
) -> None:
    async with place.network.client() as http:
        session = await LegacySession.open(http, place.urls[0])
        gone = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": identifier}}
        assert (await session.post(place.urls[1], gone)).status_code == 202


async def test_a_cancellation_whose_signal_is_lost_is_found(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PostgresSignals, "publish", lambda *_: None)
    probe = await place.network.agent("echo")
    one, two = place.urls
    async with place.network.client() as http:
        session = await LegacySession.open(http, one)
        gone = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
        await session.post(two, gone)  # for a request that is not there: it does not end the one that has its id later
        call = asyncio.create_task(session.post(one, HANG))
        await probe.started.wait()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS * 1.5):
                await probe.cancelled.wait()
        await session.post(two, gone)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await probe.cancelled.wait()
        assert (await answer_in(await call))["error"]["code"] == -32800


async def test_a_question_that_waits_is_cancelled_with_its_call(place: Place) -> None:
    probe = await place.network.agent("echo")
    one, two = place.urls
    async with place.network.client() as http:
        session = await LegacySession.open(http, one, elicitation={})
        ask = request("tools/call", {"name": "echo", "arguments": {"message": "ask"}}, 7)
        async with session.stream(one, ask) as messages:
            assert (await anext(messages))["method"] == "elicitation/create"
            gone = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
            await session.post(two, gone)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await probe.cancelled.wait()


async def test_a_legacy_host_that_only_leaves_cancels_nothing_and_has_the_result_later(place: Place) -> None:
    probe = await place.network.agent("echo")
    async with place.network.client() as http:
        session = await LegacySession.open(http, place.urls[0])
        params = {"name": "echo", "arguments": {"message": "slow"}, "_meta": {"progressToken": "p"}}
        async with session.stream(place.urls[0], request("tools/call", params)) as messages:
            told = await anext(messages)
            task_id = told["params"]["_meta"][TASK_META]
        probe.go.set()
        again = {"name": "echo", "arguments": {"message": "", "task_id": task_id}}
        response = await session.post(place.urls[1], request("tools/call", again, 2))
        assert "first second" in response.text
        assert not probe.cancelled.is_set()


@both
async def test_a_stream_that_breaks_loses_no_task(place: Place, era: str) -> None:
    probe = await place.network.agent("echo")
    heard = asyncio.Event()

    async def progress(_: float, __: float | None, ___: str | None) -> None:
        heard.set()

    async with place.host(era) as client:
        call = asyncio.create_task(client.call_tool("echo", {"message": "slow"}, progress_callback=progress))
        await heard.wait()
        probe.cut.set()
        await probe.was_cut.wait()
        probe.go.set()
        result = await call
    assert text_of(result) == "first second"
    assert not probe.cancelled.is_set()


@both
async def test_an_agent_that_takes_longer_than_a_call_may_goes_on(place: Place, era: str) -> None:
    probe = await place.network.agent("echo")
    settings = place.network.runtime.settings.model_copy(update={"mcp_call_seconds": 4.0})
    runtime = await place.stack.enter_async_context(Runtime.open(settings))
    gateway = await place.stack.enter_async_context(running(runtime, Service("gateway", "gateway", 0)))
    place.urls = (gateway.url, place.urls[1])
    async with place.host(era) as client:
        result = await client.call_tool("echo", {"message": "slow"})
        assert result.structured_content["state"] == "working"
        assert not probe.cancelled.is_set()
        probe.go.set()
        task_id = result.structured_content["task_id"]
        assert task_id in text_of(result)
    async with place.host(era, replica=1) as client:
        done = await client.call_tool("echo", {"message": "", "task_id": task_id})
    assert text_of(done) == "first second"


async def test_a_client_that_leaves_before_it_has_its_task_cancels_it(place: Place) -> None:
    probe = await place.network.agent("echo")
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        probe.hold.set()
        call = asyncio.create_task(Wire(http, place).call("hang"))
        await probe.held.wait()
        call.cancel()
        await asyncio.wait([call])
        probe.hold.clear()
        probe.released.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await probe.cancelled.wait()
