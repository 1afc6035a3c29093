"""Two replicas of the gateway: any of them serves any request of a session, of a question and of a cancellation."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from gateway.mcp.changes.feed import Feed
from tests.integration.gateway.mcp.conftest import Place, until
from tests.integration.gateway.mcp.raw import (
    ACCEPT,
    LEGACY,
    LegacySession,
    answer_in,
    messages_of,
    modern,
    request,
)
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

ANSWER = {"action": "accept", "content": {"name": "Ada"}}


@pytest.fixture
async def http(place: Place):
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        yield client


def call(name: str, identifier: int | str = 2, **arguments: object) -> dict[str, object]:
    return request("tools/call", {"name": name, "arguments": arguments}, identifier)


@pytest.mark.parametrize("straight", [True, False])
async def test_a_session_lives_at_both_replicas_and_ends_at_both(
    place: Place, http: httpx.AsyncClient, straight: bool
) -> None:
    await place.server("alpha")
    await place.put_profile("alpha", servers=["alpha"], agents=[])
    path, tool = ("/mcp/alpha", "echo") if straight else ("/mcp", "alpha__echo")
    one, other = place.urls
    session = await LegacySession.open(http, one, path)
    for url in (other, one):
        answer = await answer_in(await session.post(url, call(tool, text="hi")))
        assert answer["result"]["content"][0]["text"] == "alpha: hi"
    assert (await http.delete(other + path, headers=session.headers)).status_code in (200, 204)
    for url in place.urls:
        assert (await session.post(url, call(tool, text="hi"))).status_code == 404


@pytest.mark.parametrize("straight", [True, False])
async def test_a_session_is_nobody_elses(place: Place, http: httpx.AsyncClient, straight: bool) -> None:
    await place.server("alpha")
    await place.put_profile("alpha", servers=["alpha"], agents=[])
    path = "/mcp/alpha" if straight else "/mcp"
    session = await LegacySession.open(http, place.urls[0], path)
    keys = await place.network.runtime.keys()
    for tenant in ("acme", "other"):
        session.headers["authorization"] = f"Bearer {await keys.create(tenant, 'second')}"
        response = await session.post(place.urls[0], request("ping"))
        assert response.status_code == 404


@pytest.mark.parametrize("only", [None, "legacy", "modern"])
async def test_a_question_is_answered_at_the_other_replica(
    place: Place, http: httpx.AsyncClient, only: str | None
) -> None:
    await place.server("alpha", only)
    one, other = place.urls
    session = await LegacySession.open(http, one, elicitation={})
    async with session.stream(one, call("alpha__greet")) as messages:
        asked = await anext(messages)
        assert asked["method"] == "elicitation/create"
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": ANSWER}
        assert (await session.post(other, answer)).status_code == 202
        assert (await anext(messages))["result"]["content"][0]["text"] == "Hello, Ada!"


@pytest.mark.parametrize("only", [None, "legacy"])
async def test_a_modern_call_that_asks_goes_on_at_the_other_replica(
    place: Place, http: httpx.AsyncClient, only: str | None
) -> None:
    await place.server("alpha", only)
    one, other = place.urls
    message, headers = modern("tools/call", {"name": "alpha__greet", "arguments": {}}, elicitation={})
    result = (await answer_in(await http.post(f"{one}/mcp", json=message, headers=headers)))["result"]
    assert result["resultType"] == "input_required"
    message["params"] |= {
        "inputResponses": dict.fromkeys(result["inputRequests"], ANSWER),
        "requestState": result["requestState"],
    }
    result = (await answer_in(await http.post(f"{other}/mcp", json=message, headers=headers)))["result"]
    assert (result["resultType"], result["content"][0]["text"]) == ("complete", "Hello, Ada!")


async def test_the_state_of_a_question_serves_nobody_else(place: Place, http: httpx.AsyncClient) -> None:
    await place.server("alpha", "legacy")
    url = f"{place.urls[0]}/mcp"
    message, headers = modern("tools/call", {"name": "alpha__greet", "arguments": {}}, elicitation={})
    result = (await answer_in(await http.post(url, json=message, headers=headers)))["result"]
    message["params"] |= {
        "inputResponses": dict.fromkeys(result["inputRequests"], ANSWER),
        "requestState": result["requestState"],
    }
    second = await (await place.network.runtime.keys()).create("acme", "second")
    foreign = headers | {"authorization": f"Bearer {second}"}
    tampered = message | {"params": message["params"] | {"requestState": result["requestState"][:-2] + "AA"}}
    for body, sent in ((message, foreign), (tampered, headers)):
        response = await http.post(url, json=body, headers=sent)
        assert (response.status_code, response.json()["error"]["code"]) == (400, -32602)


@pytest.mark.parametrize("identifier", [7, "".join(map(chr, range(0x10000, 0x10400)))])
@pytest.mark.parametrize("only", [None, "legacy", "modern"])
async def test_a_call_is_cancelled_through_the_other_replica(
    place: Place, http: httpx.AsyncClient, only: str | None, identifier: int | str
) -> None:
    stage = await place.server("alpha", only)
    one, other = place.urls
    session = await LegacySession.open(http, one)
    async with session.stream(one, call("alpha__wait", identifier)):
        await stage.started.wait()
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": identifier}}
        assert (await session.post(other, cancel)).status_code == 202
        async with asyncio.timeout(PATIENCE_SECONDS):
            await stage.cancelled.wait()


async def test_calls_without_a_session_are_told_apart_though_they_have_the_same_id(
    place: Place, http: httpx.AsyncClient
) -> None:
    stage = await place.server("alpha", "legacy")
    url, headers = f"{place.urls[0]}/mcp", ACCEPT | {"mcp-protocol-version": LEGACY}
    first = asyncio.create_task(http.post(url, json=call("alpha__wait", 1), headers=headers))
    await stage.started.wait()
    second = await answer_in(await http.post(url, json=call("alpha__echo", 1, text="hi"), headers=headers))
    stage.go.set()
    async with asyncio.timeout(20):
        answers = [await answer_in(await first), second]
    assert [(one["id"], one["result"]["content"][0]["text"]) for one in answers] == [(1, "done"), (1, "alpha: hi")]


@pytest.mark.parametrize("text", ["a\0b", "\0"])
async def test_a_text_that_postgres_cannot_hold_is_refused_in_good_form(
    place: Place, http: httpx.AsyncClient, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = place.urls[0]
    said = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": text, "version": "1"}}
    begun = await http.post(f"{url}/mcp", json=request("initialize", said), headers=ACCEPT)
    assert begun.json()["error"]["code"] == -32602
    session = await LegacySession.open(http, url)
    for identifier, content in ((f"agentnet:{text}", {}), ("agentnet:x", {"name": text})):
        answer = {"jsonrpc": "2.0", "id": identifier, "result": {"action": "accept", "content": content}}
        response = await session.post(url, answer)
        assert (response.status_code, response.json()["error"]["code"]) == (400, -32602)
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_key_holds_so_many_sessions_and_the_oldest_ends(
    place: Place, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mcp.sessions.sessions.MAX_SESSIONS", 2)
    sessions = [await LegacySession.open(http, place.urls[0]) for _ in range(3)]
    statuses = [(await session.post(place.urls[1], request("ping"))).status_code for session in sessions]
    assert statuses == [404, 200, 200]


async def test_the_stream_of_a_session_ends_with_it(
    place: Place, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mcp.legacy.TOUCH_SECONDS", 0.1)
    one, other = place.urls
    session = await LegacySession.open(http, one)
    async with http.stream("GET", f"{one}/mcp", headers=session.headers) as response:
        assert response.status_code == 200
        assert (await http.delete(f"{other}/mcp", headers=session.headers)).status_code == 204
        async with asyncio.timeout(10):
            assert [line async for line in response.aiter_lines()] == []


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_replica_that_stops_ends_the_streams_that_clients_hold_open(
    place: Place, http: httpx.AsyncClient, era: str
) -> None:
    runtime = await place.stack.enter_async_context(Runtime.open(place.network.runtime.settings))
    heard: list[dict[str, object]] = []

    async def listen(response: httpx.Response, opened: asyncio.Event) -> None:
        async for line in response.aiter_lines():
            opened.set()
            if line.startswith("data:"):
                heard.append(json.loads(line[5:]))

    async with AsyncExitStack() as stopping:
        url = (await stopping.enter_async_context(running(runtime, Service("gateway", "gateway", 0)))).url
        message, headers = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        verb, body = ("POST", message) if era == "modern" else ("GET", None)
        if era == "legacy":
            headers = (await LegacySession.open(http, url)).headers
        async with http.stream(verb, f"{url}/mcp", json=body, headers=headers) as response:
            assert response.status_code == 200
            listening = asyncio.create_task(listen(response, opened := asyncio.Event()))
            if era == "modern":
                await opened.wait()
            await stopping.aclose()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await listening
    assert [message.get("id") for message in heard] == ([None, 1] if era == "modern" else [])


async def test_what_changes_in_a_list_while_a_sessions_stream_is_made_ready_is_told(
    place: Place, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, go = Feed.running, asyncio.Event()

    @asynccontextmanager
    async def late(feed: Feed) -> AsyncIterator[None]:
        await go.wait()
        async with running(feed):
            yield

    monkeypatch.setattr(Feed, "running", late)
    await place.server("alpha")
    session = await LegacySession.open(http, place.urls[0])
    async with http.stream("GET", f"{place.urls[0]}/mcp", headers=session.headers) as response:
        await place.server("beta")

        async def is_listed() -> bool:
            listed = await answer_in(await session.post(place.urls[0], request("tools/list")))
            return "beta__echo" in [tool["name"] for tool in listed["result"]["tools"]]

        await until(is_listed)
        go.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            message = await anext(messages_of(response))
    assert message["method"].endswith("/list_changed")
