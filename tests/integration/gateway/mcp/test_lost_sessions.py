"""Errors of tools, which are told once, and sessions that their server forgot, which are opened anew."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from tests.integration.gateway.mcp.conftest import Place
from tests.integration.gateway.mcp.everything import Only
from tests.integration.gateway.mcp.raw import ACCEPT, LEGACY, LegacySession, answer_in, modern
from tests.integration.gateway.mcp.test_returning import call
from tests.integration.gateway.mcp.verbatim import Call, Verbatim, tool, verbatim
from tests.patience import PATIENCE_SECONDS
from tests.unit.agentnet.test_mcp_sessions import GONE

pytestmark = pytest.mark.anyio

DONE = b'{"resultType":"complete","content":[{"type":"text","text":"done"}]}'
CODES = [-32000, -32001, -32002, -32600, -32603, -31999, 0, 1, 404]
each_way = pytest.mark.parametrize("way", ["session", "no session", "modern"])


@pytest.fixture
async def http(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        yield client


async def odd_server(place: Place, only: Only, error: dict[str, Any] | None = None) -> Verbatim:
    async def answer(call: Call) -> None:
        if error is None:
            await call.finish(DONE)
        else:
            await call.event(orjson.dumps({"jsonrpc": "2.0", "id": call.message["id"], "error": error}))
            await call.close()

    upstream, url = await place.stack.enter_async_context(verbatim(answer, tool("act")))
    upstream.only = only
    await place.register("odd", url)
    return upstream


async def answer_to(way: str, http: httpx.AsyncClient, url: str) -> dict[str, Any]:
    """What a host of one or the other kind is answered."""
    if way == "session":
        session = await LegacySession.open(http, url)
        return await answer_in(await session.post(url, call("odd__act")))
    body, headers = modern("tools/call", {"name": "odd__act", "arguments": {}})
    if way == "no session":
        body, headers = call("odd__act"), ACCEPT | {"mcp-protocol-version": LEGACY}
    return await answer_in(await http.post(f"{url}/mcp", json=body, headers=headers))


@each_way
@pytest.mark.parametrize("only", ["legacy", "modern"])
async def test_an_error_of_any_code_is_the_tools_answer_and_told_once(
    place: Place, http: httpx.AsyncClient, way: str, only: Only
) -> None:
    error: dict[str, Any] = {}
    upstream = await odd_server(place, only, error)
    for number, code in enumerate(CODES, start=1):
        error |= {"code": code, "message": "Connection closed", "data": {"session": "not found"}}
        said = await answer_to(way, http, place.urls[0])
        assert said["error"] == error
        assert len(upstream.bodies) == number


@each_way
async def test_an_error_with_an_http_status_is_told_once_too(place: Place, http: httpx.AsyncClient, way: str) -> None:
    upstream = await odd_server(place, "legacy")
    for code in CODES:
        error = {"code": code, "message": "The disk is full"}
        other = (500, b'{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"called twice"}}')
        upstream.lost = [other, (400, orjson.dumps({"jsonrpc": "2.0", "id": None, "error": error}))]
        assert (await answer_to(way, http, place.urls[0]))["error"] == error
        assert upstream.lost == [other]


@each_way
async def test_a_session_that_its_server_forgot_is_opened_anew_however_it_says_so(
    place: Place, http: httpx.AsyncClient, way: str
) -> None:
    upstream = await odd_server(place, "legacy")
    for spelling in GONE:
        before = upstream.opened
        upstream.lost = [spelling]
        assert (await answer_to(way, http, place.urls[0]))["result"]["content"][0]["text"] == "done", spelling
        assert upstream.opened > before
    # Once, and no more.
    upstream.lost, calls = [GONE[0]] * 3, len(upstream.bodies)
    assert "error" in await answer_to(way, http, place.urls[0])
    assert (len(upstream.lost), len(upstream.bodies)) == (1, calls)


async def test_a_host_of_one_server_alone_hears_that_the_session_is_gone_however_it_says_so(
    place: Place, http: httpx.AsyncClient
) -> None:
    upstream = await odd_server(place, "legacy")
    await place.put_profile("alone", servers=["odd"], agents=[])
    session = await LegacySession.open(http, place.urls[0], "/mcp/alone")
    for spelling in GONE:
        upstream.lost = [spelling]
        assert (await session.post(place.urls[0], call("act"))).status_code == 404, spelling
