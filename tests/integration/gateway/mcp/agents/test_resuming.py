"""Calls of agents whose stream was cut off, gone on with at another replica."""

import json

import httpx
import pytest

from tests.integration.gateway.mcp.conftest import Place
from tests.integration.gateway.mcp.raw import LegacySession, Message, messages_of, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio
CALL = {"name": "echo", "arguments": {"message": "slow"}}


async def cut_off(session: LegacySession, url: str, **more: object) -> str:
    """Call the agent, leave after the first event that has an id, and give that id."""
    message = request("tools/call", {**CALL, **more}, "call-7")
    async with session.http.stream("POST", url + session.path, json=message, headers=session.headers) as response:
        async for line in response.aiter_lines():
            if line.startswith("id: "):
                return line.removeprefix("id: ")
    raise AssertionError("no event has an id")


async def asked_of(session: LegacySession, url: str) -> tuple[str, Message]:
    """Call the agent and leave when it asks; the last event's id, and the question."""
    last, ask = "", request("tools/call", {"name": "echo", "arguments": {"message": "ask"}}, "call-7")
    async with session.http.stream("POST", url + session.path, json=ask, headers=session.headers) as response:
        async for line in response.aiter_lines():
            last = line.removeprefix("id: ") if line.startswith("id: ") else last
            if line.startswith("data: {"):
                return last, json.loads(line[6:])
    raise AssertionError("nothing was asked")


async def resume(session: LegacySession, url: str, last: str) -> list[Message]:
    headers = session.headers | {"last-event-id": last}
    async with session.http.stream("GET", url + session.path, headers=headers) as response:
        return [message async for message in messages_of(response)]


def client(place: Place) -> httpx.AsyncClient:
    return httpx.AsyncClient(headers={"authorization": f"Bearer {place.network.key}"}, timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize("meta", [{"_meta": {"progressToken": "p"}}, {}])
async def test_a_call_that_was_cut_off_ends_once_at_another_replica(place: Place, meta: Message) -> None:
    probe = await place.network.agent("echo")
    async with client(place) as http:
        session = await LegacySession.open(http, place.urls[0])
        last = await cut_off(session, place.urls[0], **meta)
        probe.go.set()
        heard = await resume(session, place.urls[1], last)
    *told, answer = heard
    assert answer["id"] == "call-7"
    assert answer["result"]["structuredContent"]["state"] == "completed"
    assert all(one["method"] == "notifications/progress" for one in told)
    assert [one["params"]["progress"] for one in told] == list(range(2, 2 + len(told)))
    assert not probe.cancelled.is_set()


@pytest.mark.parametrize("waits", [False, True])
async def test_a_host_that_comes_back_for_what_it_cancelled_gets_no_result(place: Place, waits: bool) -> None:
    """As the TypeScript SDK does; the same error ends what it left and what it comes back to."""
    await place.network.agent("echo")
    one, two = place.urls
    async with client(place) as http:
        session = await LegacySession.open(http, one)
        gone = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "call-7"}}
        message = request("tools/call", CALL, "call-7")
        async with http.stream("POST", one + session.path, json=message, headers=session.headers) as response:
            lines = response.aiter_lines()
            last = await anext(line.removeprefix("id: ") async for line in lines if line.startswith("id: "))
            assert (await session.post(two, gone)).status_code == 202
            if waits:
                ends = [json.loads(line[6:]) async for line in lines if line.startswith("data: {")]
                assert [end["error"]["code"] for end in ends] == [-32800]
        for url in (one, two):
            [end] = await resume(session, url, last)
            assert (end["id"], end["error"]["code"]) == ("call-7", -32800)


async def test_a_question_keeps_its_id_on_the_stream_that_goes_on(place: Place) -> None:
    await place.network.agent("echo")
    one, two = place.urls
    async with client(place) as http:
        session = await LegacySession.open(http, one, elicitation={})
        last, first = await asked_of(session, one)
        headers = session.headers | {"last-event-id": last}
        async with http.stream("GET", two + session.path, headers=headers) as response:
            messages = messages_of(response)
            asked = await anext(messages)
            assert (asked["method"], asked) == ("elicitation/create", first)
            accepted = {"action": "accept", "content": {"answer": "blue"}}
            answer = {"jsonrpc": "2.0", "id": asked["id"], "result": accepted}
            assert (await session.post(one, answer)).status_code == 202
            *_, end = [message async for message in messages]
    assert end["id"] == "call-7"
    assert end["result"]["structuredContent"]["state"] == "completed"


async def test_an_event_of_another_session_and_one_that_was_changed_are_unknown(place: Place) -> None:
    await place.network.agent("echo")
    async with client(place) as http:
        session = await LegacySession.open(http, place.urls[0])
        other = await LegacySession.open(http, place.urls[0])
        last = await cut_off(session, place.urls[0])
        for asker, identifier in ((other, last), (session, last[:-8] + "AAAAAA=="), (session, "agent-event.x")):
            [refused] = await resume(asker, place.urls[1], identifier)
            assert refused["error"]["code"] == -32602


async def test_cards_can_be_subscribed_to_and_what_is_not_there_cannot(place: Place) -> None:
    await place.network.agent("echo")
    async with client(place) as http:
        session = await LegacySession.open(http, place.urls[0])
        for method in ("resources/subscribe", "resources/unsubscribe"):
            there = await session.post(place.urls[1], request(method, {"uri": "agentnet://agents/echo/card"}))
            assert there.json()["result"] == {}
            missing = await session.post(place.urls[1], request(method, {"uri": "agentnet://agents/nobody/card"}))
            assert missing.json()["error"]["code"] == -32002
