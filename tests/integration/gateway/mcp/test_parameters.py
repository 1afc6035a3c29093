"""`Mcp-Param-*` headers: the door compares them with the arguments, and makes them where it translates."""

import base64
from typing import Any

import pytest

from tests.integration.gateway.mcp.conftest import Place, until
from tests.integration.gateway.mcp.raw import modern
from tests.integration.gateway.mcp.verbatim import Call, tool, verbatim

pytestmark = pytest.mark.anyio

HEADER_MISMATCH = -32020
RESULT = b'{"resultType":"complete","content":[{"type":"text","text":"done"}]}'
REGION = {"type": "string", "x-mcp-header": "Region"}
COUNT = {"type": "integer", "x-mcp-header": "Count"}
ARGUMENTS = {"region": "eu-west", "count": 3, "more": "x"}
RIGHT = {"mcp-param-region": "eu-west", "mcp-param-count": "3"}
UMLAUT = "=?base64?" + base64.b64encode("zürich".encode()).decode() + "?="

both_ways = pytest.mark.parametrize("path", ["", "/alone"])


async def done(call: Call) -> None:
    await call.finish(RESULT)


async def attached(place: Place, url: str) -> None:
    await place.register("alpha", url)
    await place.put_profile("alone", servers=["alpha"], agents=[])


def running() -> Any:
    return verbatim(done, tool("deploy", region=REGION, count=COUNT, more={"type": "string"}), tool("plain"))


async def call(
    place: Place, path: str, arguments: Any, sent: list[tuple[str, str]], name: str = "deploy"
) -> tuple[int, dict[str, Any] | None]:
    """HTTP status and error of a raw call with these headers besides."""
    message, headers = modern("tools/call", {"name": name if path else f"alpha__{name}", "arguments": arguments})
    async with place.network.client() as http:
        answer = await http.post(f"/mcp{path}", json=message, headers=[*headers.items(), *sent])
    told: dict[str, Any] = answer.json() if answer.status_code != 200 else {}
    return answer.status_code, told.get("error")


@both_ways
@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        (ARGUMENTS, RIGHT),
        (ARGUMENTS, RIGHT | {"mcp-param-count": "3.0"}),
        (ARGUMENTS, RIGHT | {"mcp-param-unknown": "goes on"}),
        (ARGUMENTS | {"region": "zürich"}, RIGHT | {"mcp-param-region": UMLAUT}),
        (ARGUMENTS | {"count": 2**80 + 1}, RIGHT | {"mcp-param-count": str(2**80 + 1)}),
        ({"region": None, "more": "x"}, {}),
        ({}, {}),
    ],
)
async def test_headers_that_agree_with_their_arguments_pass(
    place: Place, path: str, arguments: dict[str, Any], headers: dict[str, str]
) -> None:
    async with running() as (server, url):
        await attached(place, url)
        assert await call(place, path, arguments, [*headers.items()]) == (200, None)
        got = {name: value for name, value in server.headers[-1].items() if name.startswith("mcp-param-")}
        assert got == headers


@both_ways
@pytest.mark.parametrize(
    ("arguments", "sent", "said"),
    [
        (ARGUMENTS, {"mcp-param-count": "3"}, "Region"),
        (ARGUMENTS, {}, ""),
        (ARGUMENTS, RIGHT | {"mcp-param-region": "us-east"}, "Region"),
        (ARGUMENTS, RIGHT | {"mcp-param-count": "4"}, "Count"),
        (ARGUMENTS, RIGHT | {"mcp-param-region": "=?base64?!?="}, "Region"),
        (ARGUMENTS | {"count": 2**80 + 1}, RIGHT | {"mcp-param-count": str(2**80)}, "Count"),
        (ARGUMENTS | {"region": None}, RIGHT, "Region"),
        ({}, RIGHT, ""),
        (None, RIGHT, ""),
    ],
)
async def test_headers_that_do_not_are_refused_before_the_server_hears_of_the_call(
    place: Place, path: str, arguments: Any, sent: dict[str, str], said: str
) -> None:
    async with running() as (server, url):
        await attached(place, url)
        status, error = await call(place, path, arguments, [*sent.items()])
        assert status == 400 and error is not None and error["code"] == HEADER_MISMATCH
        assert said in error["message"]
        assert not server.bodies


@both_ways
async def test_a_header_that_comes_twice_or_is_no_ascii_is_refused(place: Place, path: str) -> None:
    async with running() as (server, url):
        await attached(place, url)
        twice = [*RIGHT.items(), ("Mcp-Param-Region", "eu-west")]
        status, error = await call(place, path, ARGUMENTS, twice)
        assert status == 400 and error is not None and "more than once" in error["message"]
        message, headers = modern("tools/call", {"name": "deploy" if path else "alpha__deploy", "arguments": ARGUMENTS})
        raw = [(name.encode(), value.encode()) for name, value in (headers | RIGHT).items()]
        raw = [(name, "zürich".encode("latin-1") if name == b"mcp-param-region" else value) for name, value in raw]
        async with place.network.client() as http:
            answer = await http.post(f"/mcp{path}", json=message, headers=raw)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, HEADER_MISMATCH)
        assert not server.bodies


@both_ways
async def test_a_tool_that_wants_no_headers_any_more_is_asked_for_anew_before_a_call_is_refused(
    place: Place, path: str
) -> None:
    async with running() as (server, url):
        server.ttl_ms = 0
        await attached(place, url)
        assert await call(place, path, ARGUMENTS, [*RIGHT.items()]) == (200, None)
        server.tools = [tool("deploy")]

        async def passes() -> bool:
            return await call(place, path, ARGUMENTS, []) == (200, None)

        await until(passes)


@both_ways
async def test_a_server_that_gives_no_list_is_still_called_by_itself(place: Place, path: str) -> None:
    async with running() as (server, url):
        server.lists = False
        await attached(place, url)
        status, _ = await call(place, path, ARGUMENTS, [])
        assert status == (200 if path else 400)
        assert len(server.bodies) == (1 if path else 0)


@both_ways
async def test_an_older_hosts_call_gets_the_headers_that_a_modern_server_wants(place: Place, path: str) -> None:
    async with running() as (server, url):
        server.only = "modern"
        await attached(place, url)
        async with place.host("legacy", path.removeprefix("/")) as client:
            await client.call_tool("deploy" if path else "alpha__deploy", ARGUMENTS | {"region": "zürich"})
        sent = server.headers[-1]
    assert sent["mcp-param-region"] == UMLAUT and sent["mcp-param-count"] == "3"
    assert sent["mcp-name"] == "deploy"


@both_ways
async def test_the_sdks_own_client_passes_the_check(place: Place, path: str) -> None:
    async with running() as (server, url):
        await attached(place, url)
        async with place.host("2026-07-28", path.removeprefix("/")) as client:
            await client.list_tools()
            await client.call_tool("deploy" if path else "alpha__deploy", ARGUMENTS)
    assert server.headers[-1]["mcp-param-region"] == "eu-west"


async def test_too_many_or_too_large_headers_are_refused(place: Place) -> None:
    many = [(f"mcp-param-x{number}", "x") for number in range(200)]
    large = [("mcp-param-x", "x" * 40_000)]
    async with place.network.client() as http:
        for sent in (many, large):
            message, headers = modern("tools/list")
            answer = await http.post("/mcp", json=message, headers=[*headers.items(), *sent])
            assert answer.status_code == 431
            assert "headers" in answer.json()["error"]["message"]
