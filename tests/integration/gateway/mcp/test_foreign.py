"""Servers that answer calls which are not theirs, or never stop talking."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest

from tests.integration.gateway.mcp.conftest import Place
from tests.integration.gateway.mcp.everything import Only
from tests.integration.gateway.mcp.raw import LegacySession, answer_in, messages_of, modern, request
from tests.integration.gateway.mcp.test_returning import call, cut_off, resumed
from tests.integration.gateway.mcp.verbatim import Answer, Call, Verbatim, endless, tool, verbatim
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

RESULT = b'{"resultType":"complete","content":[{"type":"text","text":"done"}]}'
FOREIGN = [0, 2, 3, 8, "7", "call-8", "gateway-q", None]
each_era = pytest.mark.parametrize("only", ["legacy", "modern"])


@pytest.fixture
async def http(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        yield client


async def odd_server(place: Place, answer: Answer, only: Only) -> Verbatim:
    upstream, url = await place.stack.enter_async_context(verbatim(answer, tool("act")))
    upstream.only = only
    await place.register("odd", url)
    return upstream


async def answer_others(call: Call) -> None:
    for identifier in FOREIGN:
        await call.event(orjson.dumps({"jsonrpc": "2.0", "id": identifier, "result": {"content": []}}))


@each_era
async def test_answers_under_the_ids_of_other_calls_reach_no_host(
    place: Place, http: httpx.AsyncClient, only: Only
) -> None:
    async def answer(call: Call) -> None:
        await answer_others(call)
        await call.finish(RESULT)

    await odd_server(place, answer, only)
    for url in place.urls:
        session = await LegacySession.open(http, url)
        async with session.stream(url, call("odd__act")) as messages:
            heard = [message async for message in messages]
        assert [(message["id"], message["result"]["content"][0]["text"]) for message in heard] == [("call-7", "done")]
    body, headers = modern("tools/call", {"name": "odd__act", "arguments": {}})
    async with http.stream("POST", f"{place.urls[0]}/mcp", json=body, headers=headers) as response:
        heard = [message async for message in messages_of(response)]
    assert [(message["id"], message["result"]["content"][0]["text"]) for message in heard] == [(1, "done")]


@each_era
async def test_a_server_that_answers_other_calls_alone_has_not_answered(
    place: Place, http: httpx.AsyncClient, only: Only
) -> None:
    async def answer(call: Call) -> None:
        foreign = {"jsonrpc": "2.0", "id": "call-8", "result": {"content": []}}
        await call.event(orjson.dumps(foreign))
        await call.close()

    await odd_server(place, answer, only)
    session = await LegacySession.open(http, place.urls[0])
    told = await answer_in(await session.post(place.urls[0], call("odd__act")))
    assert (told["id"], "without a result" in told["error"]["message"]) == ("call-7", True)
    body, headers = modern("tools/call", {"name": "odd__act", "arguments": {}})
    told = await answer_in(await http.post(f"{place.urls[0]}/mcp", json=body, headers=headers))
    assert (told["id"], "without a result" in told["error"]["message"]) == (1, True)


@each_era
@pytest.mark.parametrize("is_answered", [True, False])
async def test_a_profile_of_one_server_lets_no_more_through(
    place: Place, http: httpx.AsyncClient, only: Only, is_answered: bool
) -> None:
    async def answer(call: Call) -> None:
        await answer_others(call)
        await (call.finish(RESULT) if is_answered else call.close())

    await odd_server(place, answer, only)
    await place.put_profile("alone", servers=["odd"], agents=[])
    url = f"{place.urls[0]}/mcp/alone"
    body, headers = modern("tools/call", {"name": "act", "arguments": {}})
    if only == "legacy":
        body = request("tools/call", {"name": "act", "arguments": {}})
        headers = (await LegacySession.open(http, place.urls[0], "/mcp/alone")).headers
    async with http.stream("POST", url, json=body, headers=headers) as response:
        [told] = [message async for message in messages_of(response)]
    assert told["id"] == 1
    assert told["result"]["content"] if is_answered else "'odd' ended its answer" in told["error"]["message"]


@each_era
async def test_a_call_whose_host_left_ends_when_its_server_does_not_stop_talking(
    place: Place, http: httpx.AsyncClient, only: Only
) -> None:
    upstream = await odd_server(place, endless, only)
    one, other = place.urls
    session = await LegacySession.open(http, one)
    [last] = await cut_off(session, one, call("odd__act"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await upstream.gone.wait()
    async with resumed(session, other, last) as messages:
        *_, told = [message async for message in messages]
    assert (told["id"], "The client left" in told["error"]["message"]) == ("call-7", True)


async def test_a_list_that_is_preceded_by_endless_messages_is_given_up(place: Place, http: httpx.AsyncClient) -> None:
    upstream = await odd_server(place, answer_others, None)
    upstream.noisy = {"tools/list"}
    await place.server("calm")
    session = await LegacySession.open(http, place.urls[0])
    listed = await answer_in(await session.post(place.urls[0], request("tools/list")))
    assert "calm__echo" in {each["name"] for each in listed["result"]["tools"]}
    async with asyncio.timeout(PATIENCE_SECONDS):
        await upstream.gone.wait()
