"""A replica of the gateway is killed in the middle of a call: what the host gets at the other one."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.integration.gateway.mcp.conftest import Place
from tests.integration.gateway.mcp.raw import LegacySession, Message, answer_in, messages_of, modern, request
from tests.integration.gateway.mcp.replica import Replica
from tests.integration.gateway.mcp.test_returning import ANSWER, PROGRESS, call, cut_off, resumed
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


@pytest.fixture
async def victim(place: Place, home: Path) -> AsyncIterator[Replica]:
    replica = await Replica(home, place.network.registry_url).start()
    yield replica
    await replica.kill()


@pytest.fixture
async def http(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        yield client


async def killed_after(victim: Replica, response: httpx.Response, method: str) -> tuple[str, Message]:
    """Kill the replica when the stream has brought this message; its event's id, and the message."""
    last = ""
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            last = line.removeprefix("id: ")
        if line.startswith("data: {") and json.loads(line[6:]).get("method") == method:
            await victim.kill()
            return last, json.loads(line[6:])
    raise AssertionError(f"the stream has no {method}")


async def cut_by_death(
    victim: Replica, session: LegacySession, message: Message, method: str = "notifications/progress"
) -> tuple[str, Message]:
    url, headers = victim.url + session.path, session.headers
    async with session.http.stream("POST", url, json=message, headers=headers) as response:
        return await killed_after(victim, response, method)


@pytest.mark.parametrize("has_seen", [True, False])
async def test_a_legacy_host_is_asked_on_at_the_other_replica(
    place: Place, http: httpx.AsyncClient, victim: Replica, monkeypatch: pytest.MonkeyPatch, has_seen: bool
) -> None:
    monkeypatch.setattr("gateway.mcp.resumption.log.LEASE_SECONDS", 2.0)
    monkeypatch.setattr("gateway.mcp.resumption.log.BEAT_SECONDS", 0.1)
    await place.server("alpha", "modern")
    session = await LegacySession.open(http, victim.url, elicitation={})
    last, asked = await cut_by_death(victim, session, call("alpha__greet"), "elicitation/create")
    begin = last.rsplit(".", 2)[0] + ".0.0"
    async with resumed(session, place.urls[0], last if has_seen else begin) as messages:
        if not has_seen:
            assert await anext(messages) == asked
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": ANSWER}
        assert (await session.post(place.urls[1], answer)).status_code == 202
        [end] = [message async for message in messages]
    assert (end["id"], end["result"]["content"][0]["text"]) == ("call-7", "Hello, Ada!")


async def test_a_legacy_host_is_told_that_a_call_ended_at_its_modern_server(
    place: Place, http: httpx.AsyncClient, victim: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mcp.resumption.log.LEASE_SECONDS", 2.0)
    monkeypatch.setattr("gateway.mcp.resumption.log.BEAT_SECONDS", 0.1)
    await place.server("alpha", "modern")
    session = await LegacySession.open(http, victim.url)
    last, _ = await cut_by_death(victim, session, call("alpha__wait", **PROGRESS))
    for url in place.urls:
        async with resumed(session, url, last) as messages:
            [end] = [message async for message in messages]
        assert end["id"] == "call-7"
        assert "may have had effects" in end["error"]["message"]


async def test_a_legacy_host_is_told_that_a_call_ended_at_its_legacy_server(
    place: Place, http: httpx.AsyncClient, victim: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mcp.resumption.log.LEASE_SECONDS", 2.0)
    await place.server("alpha", "legacy")
    session = await LegacySession.open(http, victim.url)
    [last] = await cut_off(session, victim.url, call("alpha__wait"))
    await victim.kill()
    async with resumed(session, place.urls[0], last) as messages:
        [end] = [message async for message in messages]
    assert end["id"] == "call-7"
    assert "may have had effects" in end["error"]["message"]


async def test_a_modern_host_of_a_legacy_server_is_told_to_call_again(
    place: Place, http: httpx.AsyncClient, victim: Replica
) -> None:
    await place.server("alpha", "legacy")
    message, headers = modern("tools/call", {"name": "alpha__greet", "arguments": {}}, elicitation={})
    result = (await answer_in(await http.post(f"{victim.url}/mcp", json=message, headers=headers)))["result"]
    await victim.kill()
    more = {"inputResponses": dict.fromkeys(result["inputRequests"], ANSWER), "requestState": result["requestState"]}
    retry = message | {"params": message["params"] | more}
    url = f"{place.urls[0]}/mcp"
    refused = await answer_in(await http.post(url, json=retry, headers=headers))
    assert "call again without requestState" in refused["error"]["message"]
    again = await answer_in(await http.post(url, json=message, headers=headers))
    assert again["result"]["resultType"] == "input_required"


async def test_a_legacy_stream_of_a_server_goes_on_from_its_last_event(
    place: Place, http: httpx.AsyncClient, victim: Replica
) -> None:
    stage = await place.server("alpha", "legacy", resumable=True)
    session = await LegacySession.open(http, victim.url)
    last, _ = await cut_by_death(victim, session, call("alpha__wait", **PROGRESS))
    async with resumed(session, place.urls[0], last) as messages:
        stage.go.set()
        end = await anext(messages)  # the SDK's server leaves the stream open
    assert (end["id"], end["result"]["content"][0]["text"]) == ("call-7", "done")


async def test_a_modern_call_ends_with_its_connection_and_is_made_anew(
    place: Place, http: httpx.AsyncClient, victim: Replica
) -> None:
    stage = await place.server("alpha", "modern")
    message, headers = modern("tools/call", {"name": "alpha__wait", "arguments": {}})
    message["params"]["_meta"] |= {"progressToken": "p"}
    with pytest.raises(httpx.TransportError):
        async with http.stream("POST", f"{victim.url}/mcp", json=message, headers=headers) as response:
            async for line in response.aiter_lines():
                if "notifications/progress" in line:
                    await victim.kill()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await stage.cancelled.wait()
    stage.go.set()
    answer = await answer_in(await http.post(f"{place.urls[0]}/mcp", json=message, headers=headers))
    assert answer["result"]["content"][0]["text"] == "done"


async def test_an_agents_task_goes_on_and_a_legacy_host_gets_its_answer(
    place: Place, http: httpx.AsyncClient, victim: Replica
) -> None:
    probe = await place.network.agent("echo")
    session = await LegacySession.open(http, victim.url)
    message = request("tools/call", {"name": "echo", "arguments": {"message": "slow"}} | PROGRESS, "call-7")
    last, _ = await cut_by_death(victim, session, message)
    async with resumed(session, place.urls[0], last) as messages:
        probe.go.set()
        *_, end = [message async for message in messages]
    assert (end["id"], end["result"]["structuredContent"]["answer"]) == ("call-7", "first second")
    assert not probe.cancelled.is_set()


async def test_an_agents_task_goes_on_and_a_modern_host_asks_for_it_by_its_id(
    place: Place, http: httpx.AsyncClient, victim: Replica
) -> None:
    probe = await place.network.agent("echo")
    message, headers = modern("tools/call", {"name": "echo", "arguments": {"message": "slow"}})
    message["params"]["_meta"] |= {"progressToken": "p"}
    async with http.stream("POST", f"{victim.url}/mcp", json=message, headers=headers) as response:
        _, told = await killed_after(victim, response, "notifications/progress")
    probe.go.set()
    task_id = told["params"]["_meta"]["agentnet.dev/task_id"]
    look, headers = modern("tools/call", {"name": "echo", "arguments": {"message": "", "task_id": task_id}})
    async with http.stream("POST", f"{place.urls[0]}/mcp", json=look, headers=headers) as response:
        *_, end = [message async for message in messages_of(response)]
    assert end["result"]["structuredContent"]["answer"] == "first second"
    assert not probe.cancelled.is_set()
