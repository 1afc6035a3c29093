"""Numbers of arguments and answers on their way through the door, to the digit."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.gateway.mcp.conftest import Place
from tests.integration.gateway.mcp.raw import LegacySession, modern
from tests.integration.gateway.mcp.verbatim import Call, tool, verbatim
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

LONG = b'{"big":1208925819614629174706177,"fine":3.141592653589793238462643383279,"one":1.0,"two":2}'
WAYS = [(era, profile) for era in ("legacy", "modern") for profile in ("", "/alone")]

arguments = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=10,
    ),
    max_size=4,
)

Ask = Callable[[str, str, bytes], Coroutine[Any, Any, bytes]]


def exact(text: bytes) -> Any:
    return json.loads(text, parse_float=Decimal)


@pytest.fixture
async def ask(place: Place) -> AsyncIterator[Ask]:
    """Calls the server's tool with arguments as they are written; gives the result as it came. They reach the server
    as they were sent."""
    place_of_result = b'"result":'

    async def answer(call: Call) -> None:
        given = exact(call.body)["params"]["arguments"]
        assert given == sent[-1], (given, sent[-1])
        await call.finish(b'{"content":[],"structuredContent":%b}' % text[-1])

    sent: list[Any] = []
    text: list[bytes] = []
    async with verbatim(answer, tool("say")) as (_, url), place.network.client() as http:
        await place.register("alpha", url)
        await place.put_profile("alone", servers=["alpha"], agents=[])
        sessions = {path: await LegacySession.open(http, place.urls[0], f"/mcp{path}") for path in ("", "/alone")}

        async def ask(era: str, profile: str, given: bytes) -> bytes:
            sent.append(exact(given))
            text.append(given)
            name = "say" if profile else "alpha__say"
            message, headers = modern("tools/call", {"name": name, "arguments": "ARGUMENTS"})
            if era == "legacy":
                headers = sessions[profile].headers
                del message["params"]["_meta"]
            body = json.dumps(message).encode().replace(b'"ARGUMENTS"', given)
            answer = await http.post(f"{place.urls[0]}/mcp{profile}", content=body, headers=headers)
            assert place_of_result in answer.content, answer.text
            return answer.content

        yield ask


def result_in(answer: bytes) -> Any:
    [data] = [line[5:] for line in answer.splitlines() if line.startswith(b"data:")] or [answer]
    return exact(data)["result"]["structuredContent"]


@pytest.mark.parametrize(("era", "profile"), WAYS)
async def test_long_numbers_go_both_ways_to_the_digit(ask: Ask, era: str, profile: str) -> None:
    answer = await ask(era, profile, LONG)
    assert LONG in answer.replace(b" ", b"")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(way=st.sampled_from(WAYS), given_arguments=arguments)
async def test_any_argument_arrives_equal_and_comes_back_equal(
    ask: Ask, way: tuple[str, str], given_arguments: dict[str, Any]
) -> None:
    text = json.dumps(given_arguments).encode()
    assert result_in(await ask(*way, text)) == exact(text)


async def test_a_long_number_in_a_batch_is_kept(place: Place) -> None:
    seen: list[bytes] = []

    async def answer(call: Call) -> None:
        seen.append(call.body)
        await call.finish(b'{"content":[]}')

    async with verbatim(answer, tool("say")) as (_, url):
        await place.register("alpha", url)
        async with httpx.AsyncClient(base_url=place.urls[0], trust_env=False, timeout=PATIENCE_SECONDS) as http:
            request = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"alpha__say","arguments":%b}}'
            headers = {"authorization": f"Bearer {place.network.key}", "mcp-protocol-version": "2025-03-26"}
            headers |= {"content-type": "application/json", "accept": "application/json"}
            answered = await http.post("/mcp", content=b"[%b]" % (request % LONG), headers=headers)
    assert answered.status_code == 200
    assert LONG in seen[0]
