"""Legacy calls that are relayed in their own era: the gateway keeps what their servers do not."""

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.integration.gateway.mcp.conftest import Place
from tests.integration.gateway.mcp.raw import LegacySession, answer_in
from tests.integration.gateway.mcp.test_returning import ANSWER, call, cut_off, resumed
from tests.integration.gateway.mcp.verbatim import Answer, Call, Verbatim, tool, verbatim
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

QUESTION = b'{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"message":"Who?","requestedSchema":{}}}'
DONE = b'{"content":[{"type":"text","text":"done"}]}'


@pytest.fixture
async def http(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        yield client


async def legacy_server(place: Place, answer: Answer) -> Verbatim:
    """A server of the legacy era, `odd`, with one tool that is answered by the test."""
    upstream, url = await place.stack.enter_async_context(verbatim(answer, tool("act")))
    upstream.only = "legacy"
    await place.register("odd", url)
    return upstream


async def test_the_answer_of_a_server_that_answers_in_json_is_kept(place: Place, http: httpx.AsyncClient) -> None:
    stage = await place.server("alpha", "legacy", stateless=True)
    one, other = place.urls
    session = await LegacySession.open(http, one)
    [last] = await cut_off(session, one, call("alpha__wait"))
    async with resumed(session, other, last) as messages:
        stage.go.set()
        [answer] = [message async for message in messages]
    assert (answer["id"], answer["result"]["content"][0]["text"]) == ("call-7", "done")


async def test_a_server_that_resumes_its_streams_does_so_itself(place: Place, http: httpx.AsyncClient) -> None:
    stage = await place.server("alpha", "legacy", resumable=True)
    one, other = place.urls
    session = await LegacySession.open(http, one)
    [last] = await cut_off(session, one, call("alpha__wait"))
    assert last.startswith("alpha~")
    async with resumed(session, other, last) as messages:
        stage.go.set()
        end = await anext(messages)  # the SDK's server leaves the stream open
    assert (end["id"], end["result"]["content"][0]["text"]) == ("call-7", "done")
    pool = (await place.network.runtime.database()).pool
    assert (
        await pool.fetchval("SELECT count(*) FROM mcp_calls WHERE session = $1", session.headers["mcp-session-id"]) == 0
    )


async def test_a_question_that_was_answered_is_not_asked_again(place: Place, http: httpx.AsyncClient) -> None:
    go = asyncio.Event()

    async def answer(call: Call) -> None:
        await call.event(QUESTION)
        await go.wait()
        await call.finish(DONE)

    upstream = await legacy_server(place, answer)
    one, other = place.urls
    session = await LegacySession.open(http, one, elicitation={})
    async with http.stream("POST", f"{one}/mcp", json=call("odd__act"), headers=session.headers) as response:
        lines = [line async for line in head_of(response)]
    last = next(line.removeprefix("id: ") for line in lines if line.startswith("id: "))
    begin = last.rsplit(".", 2)[0] + ".0.0"
    async with resumed(session, other, begin) as messages:
        asked = await anext(messages)
        assert asked["method"] == "elicitation/create"
        reply = {"jsonrpc": "2.0", "id": asked["id"], "result": ANSWER}
        assert (await session.post(one, reply)).status_code == 202
    assert {"jsonrpc": "2.0", "id": 7, "result": ANSWER} in upstream.told
    async with resumed(session, one, begin) as messages:
        go.set()
        [end] = [message async for message in messages]
    assert end["result"]["content"][0]["text"] == "done"


async def test_an_answer_that_its_server_does_not_take_is_refused_and_may_be_given_again(
    place: Place, http: httpx.AsyncClient
) -> None:
    async def answer(call: Call) -> None:
        await call.event(QUESTION)
        await given.wait()
        await call.finish(DONE)

    upstream, given = await legacy_server(place, answer), asyncio.Event()
    one, other = place.urls
    session = await LegacySession.open(http, one, elicitation={})
    async with session.stream(one, call("odd__act")) as messages:
        reply = {"jsonrpc": "2.0", "id": (await anext(messages))["id"], "result": ANSWER}
        upstream.is_busy = True
        refused = await session.post(other, reply)
        assert (refused.status_code, "did not take the answer" in refused.text) == (503, True), refused.text
        upstream.is_busy = False
        assert (await session.post(other, reply)).status_code == 202
        given.set()
        assert [end["result"]["content"][0]["text"] async for end in messages] == ["done"]
    assert [each["id"] for each in upstream.told if "method" not in each] == [7]


async def head_of(response: httpx.Response) -> AsyncIterator[str]:
    """The lines of a stream up to its first message."""
    async for line in response.aiter_lines():
        yield line
        if line.startswith("data: {"):
            return


async def test_a_stream_that_ends_without_an_answer_is_an_error(place: Place, http: httpx.AsyncClient) -> None:
    async def answer(call: Call) -> None:
        await call.notify("notifications/message", level="info", data="and that is all")
        await call.close()

    await legacy_server(place, answer)
    session = await LegacySession.open(http, place.urls[0])
    said = await answer_in(await session.post(place.urls[0], call("odd__act")))
    assert said["id"] == "call-7"
    assert "'odd' ended its answer without a result" in said["error"]["message"]


async def test_long_numbers_and_bytes_of_an_answer_stay_as_they_are(place: Place, http: httpx.AsyncClient) -> None:
    odd = b'{"content":[],"structuredContent":{"n":123456789012345678901234567890,"x":1.10}}'

    async def answer(call: Call) -> None:
        await call.finish(odd)

    await legacy_server(place, answer)
    session = await LegacySession.open(http, place.urls[0])
    assert odd.decode() in (await session.post(place.urls[0], call("odd__act"))).text


async def test_a_stream_that_its_client_left_open_ends_when_it_comes_back_elsewhere(
    place: Place, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    stage = await place.server("alpha", "legacy")
    one, other = place.urls
    session = await LegacySession.open(http, one)
    async with http.stream("POST", f"{one}/mcp", json=call("alpha__wait"), headers=session.headers) as response:
        lines = response.aiter_lines()
        last = ""
        while not last:
            line = await anext(lines)
            last = line.removeprefix("id: ") if line.startswith("id: ") else ""
        async with resumed(session, other, last) as messages:
            assert not [line async for line in lines if line.startswith("data: {")]
            cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "call-7"}}
            assert (await session.post(other, cancel)).status_code == 202
            assert [end["error"]["code"] async for end in messages] == [-32800]
    await stage.cancelled.wait()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR], caplog.text


@pytest.mark.parametrize("profile", ["", "alpha"])
async def test_a_stream_that_no_server_kept_is_refused(place: Place, http: httpx.AsyncClient, profile: str) -> None:
    await place.server("alpha", "legacy")
    await place.put_profile("alpha", servers=["alpha"], agents=[])
    session = await LegacySession.open(http, place.urls[0], f"/mcp/{profile}".rstrip("/"))
    name = "echo" if profile else "alpha__echo"
    await session.post(place.urls[0], call(name, arguments={"text": "hello"}))
    headers = session.headers | {"last-event-id": "alpha~1"}
    refused = await http.get(place.urls[0] + session.path, headers=headers)
    assert (refused.status_code, refused.json()["id"]) == (400, None), refused.text


async def test_a_quick_call_leaves_nothing_behind(place: Place, http: httpx.AsyncClient) -> None:
    await place.server("alpha", "legacy")
    session = await LegacySession.open(http, place.urls[0])
    said = await answer_in(await session.post(place.urls[0], call("alpha__echo", arguments={"text": "hello"})))
    assert said["result"]["content"][0]["text"] == "alpha: hello"
    pool = (await place.network.runtime.database()).pool
    assert (
        await pool.fetchval("SELECT count(*) FROM mcp_calls WHERE session = $1", session.headers["mcp-session-id"]) == 0
    )
