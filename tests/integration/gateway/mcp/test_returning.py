"""Calls of legacy hosts whose connection broke: they are come back for, at any replica, of servers of either era."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest

from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from gateway.mcp.resumption import sql
from gateway.mcp.resumption.log import CallLog, Standing
from gateway.mcp.sessions import sql as sessions_sql
from tests.integration.gateway.mcp.conftest import Place, until
from tests.integration.gateway.mcp.everything import Only
from tests.integration.gateway.mcp.raw import LegacySession, Message, messages_of, request
from tests.integration.gateway.mcp.verbatim import Answer, Call, tool, verbatim
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

ANSWER = {"action": "accept", "content": {"name": "Ada"}}
FORM = {"mode": "form", "message": "Who?", "requestedSchema": {"type": "object", "properties": {}}}
PROGRESS = {"_meta": {"progressToken": "p"}}
whichever = pytest.mark.parametrize("only", ["legacy", "modern"])


@pytest.fixture
async def http(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        yield client


def call(name: str, **more: object) -> Message:
    return request("tools/call", {"name": name, "arguments": {}} | more, "call-7")


async def cut_off(session: LegacySession, url: str, message: Message, events: int = 1) -> list[str]:
    """Send the request, leave after so many events that have an id, and give the ids."""
    ids: list[str] = []
    async with session.http.stream("POST", url + session.path, json=message, headers=session.headers) as response:
        async for line in response.aiter_lines():
            ids += [line.removeprefix("id: ")] if line.startswith("id: ") else []
            if len(ids) == events and not line:
                return ids
    raise AssertionError("the stream has not so many events with an id")


@asynccontextmanager
async def resumed(session: LegacySession, url: str, last: str) -> AsyncIterator[AsyncIterator[Message]]:
    headers = session.headers | {"last-event-id": last}
    async with session.http.stream("GET", url + session.path, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield messages_of(response)


@whichever
@pytest.mark.parametrize("replica", [0, 1])
@pytest.mark.parametrize("more", [PROGRESS, {}])
async def test_a_call_that_was_cut_off_is_not_cancelled_and_its_answer_is_had_at_any_replica(
    place: Place, http: httpx.AsyncClient, replica: int, more: Message, only: Only
) -> None:
    stage = await place.server("alpha", only)
    session = await LegacySession.open(http, place.urls[0])
    [last] = await cut_off(session, place.urls[0], call("alpha__wait", **more))
    async with resumed(session, place.urls[replica], last) as messages:
        stage.go.set()
        *_, answer = [message async for message in messages]
    assert (answer["id"], answer["result"]["content"][0]["text"]) == ("call-7", "done")
    assert not stage.cancelled.is_set()


@whichever
async def test_an_answer_that_came_while_nobody_was_there_is_kept(
    place: Place, http: httpx.AsyncClient, only: Only
) -> None:
    stage = await place.server("alpha", only)
    one, other = place.urls
    session = await LegacySession.open(http, one)
    [last] = await cut_off(session, one, call("alpha__wait"))
    stage.go.set()
    pool = (await place.network.runtime.database()).pool
    await until(
        lambda: pool.fetchval("SELECT bool_and(is_over) FROM mcp_calls WHERE session = $1", session_id(session))
    )
    for url in (other, one):
        async with resumed(session, url, last) as messages:
            assert [message["id"] async for message in messages] == ["call-7"]


def session_id(session: LegacySession) -> str:
    return session.headers["mcp-session-id"]


@whichever
async def test_a_question_that_was_left_open_keeps_its_id_and_is_answered_once(
    place: Place, http: httpx.AsyncClient, only: Only
) -> None:
    await place.server("alpha", only)
    one, other = place.urls
    session = await LegacySession.open(http, one, elicitation={})
    async with session.stream(one, call("alpha__greet")) as messages:
        first = await anext(messages)
    pool = (await place.network.runtime.database()).pool
    identifier = await pool.fetchval("SELECT id FROM mcp_calls WHERE session = $1", session_id(session))
    async with resumed(session, other, f"call-event.{identifier}.0.0") as messages:
        again = await anext(messages)
        assert again == first
        for url in place.urls:
            answer = {"jsonrpc": "2.0", "id": again["id"], "result": ANSWER}
            assert (await session.post(url, answer)).status_code == 202
        assert [one["result"]["content"][0]["text"] async for one in messages] == ["Hello, Ada!"]
    async with resumed(session, one, f"call-event.{identifier}.0.0") as messages:
        assert [message["id"] async for message in messages] == ["call-7"]


@whichever
async def test_a_call_that_was_come_back_for_can_still_be_cancelled(
    place: Place, http: httpx.AsyncClient, only: Only
) -> None:
    stage = await place.server("alpha", only)
    one, other = place.urls
    session = await LegacySession.open(http, one)
    [last] = await cut_off(session, one, call("alpha__wait"))
    async with resumed(session, other, last) as messages:
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "call-7"}}
        assert (await session.post(other, cancel)).status_code == 202
        [answer] = [message async for message in messages]
    assert answer["error"]["code"] == -32800
    async with asyncio.timeout(PATIENCE_SECONDS):
        await stage.cancelled.wait()


@whichever
async def test_a_call_ends_with_its_session(
    place: Place, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, only: Only
) -> None:
    monkeypatch.setattr("gateway.mcp.resumption.log.BEAT_SECONDS", 0.1)
    stage = await place.server("alpha", only)
    one, other = place.urls
    session = await LegacySession.open(http, one)
    await cut_off(session, one, call("alpha__wait"))
    assert (await http.delete(f"{other}/mcp", headers=session.headers)).status_code == 204
    async with asyncio.timeout(PATIENCE_SECONDS):
        await stage.cancelled.wait()


@whichever
async def test_an_event_of_another_session_is_unknown(place: Place, http: httpx.AsyncClient, only: Only) -> None:
    await place.server("alpha", only)
    one, other = place.urls
    session, second = await LegacySession.open(http, one), await LegacySession.open(http, one)
    [last] = await cut_off(session, one, call("alpha__wait"))
    for asker, name in ((second, last), (session, "call-event.nothing.1"), (session, "call-event.x")):
        response = await http.get(f"{other}/mcp", headers=asker.headers | {"last-event-id": name})
        assert (response.status_code, response.json()["error"]["code"]) == (400, -32602)


async def test_a_key_leaves_so_many_calls_and_more_are_ended(
    place: Place, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mcp.resumption.keeper.MAX_LEFT", 0)
    stage = await place.server("alpha", "modern")
    session = await LegacySession.open(http, place.urls[0])
    await cut_off(session, place.urls[0], call("alpha__wait"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await stage.cancelled.wait()


async def test_a_replica_that_stops_gives_a_call_that_waits_to_the_others(
    place: Place, http: httpx.AsyncClient
) -> None:
    await place.server("alpha", "modern")
    runtime = await place.stack.enter_async_context(Runtime.open(place.network.runtime.settings))
    async with AsyncExitStack() as stopping:
        url = (await stopping.enter_async_context(running(runtime, Service("gateway", "gateway", 0)))).url
        session = await LegacySession.open(http, url, elicitation={})
        async with session.stream(url, call("alpha__greet")) as messages:
            asked = await anext(messages)
            await stopping.aclose()
            assert [message async for message in messages] == []
    pool = (await place.network.runtime.database()).pool
    identifier = await pool.fetchval("SELECT id FROM mcp_calls WHERE session = $1", session_id(session))
    async with resumed(session, place.urls[0], f"call-event.{identifier}.1.0") as resumption:
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": ANSWER}
        assert (await session.post(place.urls[1], answer)).status_code == 202
        assert [one["result"]["content"][0]["text"] async for one in resumption] == ["Hello, Ada!"]


def asking(*keys: str) -> bytes:
    """A result that asks a question under each key."""
    questions = {key: {"method": "elicitation/create", "params": FORM} for key in keys}
    return json.dumps({"resultType": "input_required", "inputRequests": questions}).encode()


async def test_a_question_that_comes_while_the_client_comes_back_is_asked(
    place: Place, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = asyncio.Event()
    pool = (await place.network.runtime.database()).pool
    look = CallLog.standing

    async def asked() -> bool:
        return bool(await pool.fetchval("SELECT count(*) FROM mcp_call_events"))

    async def standing(log: CallLog, identifier: str, session: str) -> Standing | None:
        found = await look(log, identifier, session)
        if not go.is_set():
            go.set()
            await until(asked)
        return found

    async def answer(received: Call) -> None:
        await go.wait()
        await received.finish(asking("who"))

    monkeypatch.setattr(CallLog, "standing", standing)
    await pool.execute("DELETE FROM mcp_calls")
    await assert_asked_when_it_comes_back(place, http, answer)


async def assert_asked_when_it_comes_back(place: Place, http: httpx.AsyncClient, answer: Answer) -> None:
    """A host that was cut off after one event of a call is asked at the other replica."""
    async with verbatim(answer, tool("ask")) as (server, url):
        server.only = "modern"
        await place.register("alpha", url)
        session = await LegacySession.open(http, place.urls[0], elicitation={})
        [last] = await cut_off(session, place.urls[0], call("alpha__ask"))
        async with resumed(session, place.urls[1], last) as messages, asyncio.timeout(10):
            assert (await anext(messages))["method"] == "elicitation/create"


async def test_of_two_questions_the_one_that_was_not_heard_is_asked_again(
    place: Place, http: httpx.AsyncClient
) -> None:
    async def answer(received: Call) -> None:
        await received.finish(asking("one", "two"))

    await assert_asked_when_it_comes_back(place, http, answer)


async def test_a_notification_that_comes_as_a_call_begins_to_be_kept_ends_nothing(
    place: Place, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = CallLog.open

    async def slow(log: CallLog, *kept: Any) -> None:
        opening.set()
        await asyncio.sleep(0.3)
        await begin(log, *kept)

    async def answer(received: Call) -> None:
        await opening.wait()
        await received.notify("notifications/progress", progressToken="p", progress=1)
        await received.finish(b'{"resultType":"complete","content":[]}')

    opening = asyncio.Event()
    monkeypatch.setattr(CallLog, "open", slow)
    async with verbatim(answer, tool("tell")) as (server, url):
        server.only = "modern"
        await place.register("alpha", url)
        session = await LegacySession.open(http, place.urls[0])
        async with session.stream(place.urls[0], call("alpha__tell", **PROGRESS)) as messages:
            told, answered = [message async for message in messages]
    assert (told["method"], answered["result"]) == ("notifications/progress", {"content": []})


@pytest.mark.parametrize("is_done", [False, True])
async def test_a_call_survives_that_the_database_breaks_off_each_of_its_statements_once(
    place: Place, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, is_done: bool
) -> None:
    broken = {sql.HOLD_CALL, sql.PUT_EVENT, sql.END_CALL, sql.GET_CALL, sql.GET_EVENTS}
    broken |= {sessions_sql.PUT_ANSWER, sessions_sql.READ_ANSWER, sessions_sql.DROP_ANSWERS}

    def breaking(method: str) -> None:
        ask = getattr(asyncpg.Pool, method)

        async def asked(pool: asyncpg.Pool, query: str, *values: Any) -> Any:
            if query not in broken:
                return await ask(pool, query, *values)
            broken.discard(query)
            if is_done:
                await ask(pool, query, *values)
            raise ConnectionResetError

        monkeypatch.setattr(asyncpg.Pool, method, asked)

    for method in ("execute", "fetch", "fetchrow", "fetchval"):
        breaking(method)
    await place.server("alpha", "modern")
    one, other = place.urls
    session = await LegacySession.open(http, one, elicitation={})
    async with session.stream(one, call("alpha__greet")) as messages:
        asked = await anext(messages)
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": ANSWER}
        assert (await session.post(other, answer)).status_code == 202
        assert [one["result"]["content"][0]["text"] async for one in messages] == ["Hello, Ada!"]
    pool = (await place.network.runtime.database()).pool
    identifier = await pool.fetchval("SELECT id FROM mcp_calls WHERE session = $1", session_id(session))
    async with resumed(session, other, f"call-event.{identifier}.0.0") as messages:
        assert [message["id"] async for message in messages] == ["call-7"]
    assert not broken


async def test_a_server_asks_so_many_questions_at_once(place: Place, http: httpx.AsyncClient) -> None:
    async def answer(received: Call) -> None:
        await received.finish(asking(*map(str, range(65))))

    async with verbatim(answer, tool("ask")) as (server, url):
        server.only = "modern"
        await place.register("alpha", url)
        session = await LegacySession.open(http, place.urls[0], elicitation={})
        async with session.stream(place.urls[0], call("alpha__ask")) as messages:
            [refused] = [message async for message in messages]
    assert "more than 64 questions" in refused["error"]["message"]
