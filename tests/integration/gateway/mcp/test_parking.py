"""Modern hosts of servers that are legacy only: their calls are parked while the host is asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from agentnet.errors import UnavailableError
from gateway.mcp.upstream.client import UpstreamClient
from tests.integration.gateway.mcp.conftest import Place, until
from tests.integration.gateway.mcp.raw import Message, answer_in, modern
from tests.integration.gateway.mcp.verbatim import Call, Verbatim, tool, verbatim

pytestmark = pytest.mark.anyio


@pytest.fixture
async def http(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {place.network.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=20, trust_env=False) as client:
        yield client


@pytest.fixture
async def asker(place: Place) -> AsyncIterator[Verbatim]:
    """A server whose tool asks twice at once, and gives the answers by the questions' names."""

    async def answer(call: Call) -> None:
        for name in ("one", "two"):
            form = {"mode": "form", "message": name, "requestedSchema": {"type": "object", "properties": {}}}
            asked = {"jsonrpc": "2.0", "id": name, "method": "elicitation/create", "params": form}
            await call.event(json.dumps(asked).encode())

        async def is_answered() -> bool:
            return len(answers(server)) == 2

        await until(is_answered)
        await call.finish(json.dumps({"content": [], "structuredContent": answers(server)}).encode())

    async with verbatim(answer, tool("ask")) as (server, url):
        server.only = "legacy"
        await place.register("alpha", url)
        yield server


def answers(server: Verbatim) -> dict[str, Any]:
    return {told["id"]: told["result"]["content"]["answer"] for told in server.told if "result" in told}


async def call(place: Place, http: httpx.AsyncClient, asked: Message | None = None, said: str = "") -> Message:
    """The answer to a call, or to its retry with what is `said` to the question that was `asked`."""
    params: Message = {"name": "alpha__ask", "arguments": {}}
    if asked is not None:
        given = {"action": "accept", "content": {"answer": said}}
        params |= {
            "inputResponses": dict.fromkeys(asked["result"]["inputRequests"], given),
            "requestState": asked["result"]["requestState"],
        }
    message, headers = modern("tools/call", params, elicitation={})
    return await answer_in(await http.post(f"{place.urls[0]}/mcp", json=message, headers=headers))


def question(asked: Message) -> str:
    [each] = asked["result"]["inputRequests"].values()
    return str(each["params"]["message"])


async def test_of_two_questions_at_once_each_gets_its_own_answer(
    place: Place, http: httpx.AsyncClient, asker: Verbatim
) -> None:
    first = await call(place, http)
    second = await call(place, http, first, question(first))
    done = await call(place, http, second, question(second))
    assert done["result"]["structuredContent"] == {"one": "one", "two": "two"}


async def test_an_answer_that_is_sent_twice_answers_no_other_question(
    place: Place, http: httpx.AsyncClient, asker: Verbatim
) -> None:
    first = await call(place, http)
    second = await call(place, http, first, "one")
    assert (await call(place, http, first, "one"))["error"]["code"] == -32602
    done = await call(place, http, second, "two")
    assert done["result"]["structuredContent"] == {"one": "one", "two": "two"}


@pytest.mark.parametrize("is_busy", [True, False])
async def test_an_answer_that_the_server_did_not_take_can_be_brought_again(
    place: Place, http: httpx.AsyncClient, asker: Verbatim, monkeypatch: pytest.MonkeyPatch, is_busy: bool
) -> None:
    async def away(*_: object) -> None:
        raise UnavailableError("away")

    first = await call(place, http)
    with monkeypatch.context() as patch:
        if is_busy:
            patch.setattr(asker, "is_busy", True)
        else:
            patch.setattr(UpstreamClient, "tell", away)
        assert (await call(place, http, first, "one"))["error"]["code"] == -32603
    second = await call(place, http, first, "one")
    done = await call(place, http, second, "two")
    assert done["result"]["structuredContent"] == {"one": "one", "two": "two"}


async def test_the_parked_calls_of_one_key_take_nothing_from_another(
    place: Place, http: httpx.AsyncClient, asker: Verbatim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mcp.bridge.to_legacy.MAX_PARKED", 2)
    for _ in range(2):
        assert question(await call(place, http))
    assert "retryAfter" in (await call(place, http))["error"]["data"]
    http.headers["authorization"] = f"Bearer {await (await place.network.runtime.keys()).create('acme', 'second')}"
    assert question(await call(place, http))


async def test_a_client_that_leaves_before_the_server_begins_to_answer_cancels_the_call(
    place: Place, http: httpx.AsyncClient
) -> None:
    async def answer(_: Call) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def is_cancelled() -> bool:
        return any(told.get("method") == "notifications/cancelled" for told in server.told)

    begun = asyncio.Event()
    async with verbatim(answer, tool("ask")) as (server, url):
        server.only = "legacy"
        await place.register("alpha", url)
        calling = asyncio.create_task(call(place, http))
        await begun.wait()
        calling.cancel()
        await until(is_cancelled, 5)
