"""What an agent asks reaches the person at the host, and the answer reaches the same task."""

import json

import httpx
import mcp_types as types
import pytest

from tests.integration.gateway.mcp.agents.conftest import Person, Wire, says, text_of
from tests.integration.gateway.mcp.conftest import ERAS, Place
from tests.integration.gateway.mcp.raw import LegacySession, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio
both = pytest.mark.parametrize("era", ERAS)


@both
async def test_questions_are_asked_one_after_the_other_and_answers_reach_the_task(place: Place, era: str) -> None:
    await place.network.agent("echo")
    person = Person(says(answer="twice"), says(answer="blue"))
    async with place.host(era, elicitation_callback=person) as client:
        result = await client.call_tool("echo", {"message": "ask"})
    assert [asked.message for asked in person.asked] == ["Which colour?", "Which shape?"]
    assert text_of(result) == "echo: blue"
    assert result.structured_content["state"] == "completed"


@both
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (says(decision="approve", arguments='{"amount": 5}'), {"approve": True}),
        (says(decision="approve", arguments='{"amount": 3}'), {"approve": True, "arguments": {"amount": 3.0}}),
        (says(decision="reject", reason="too much"), {"approve": False, "reason": "too much"}),
        (says(decision="approve", arguments="all of it"), {"approve": False}),
        (types.ElicitResult(action="decline"), {"approve": False}),
        (types.ElicitResult(action="cancel"), {"approve": False}),
    ],
)
async def test_an_approval_is_a_form_and_its_verdict_is_data(
    place: Place, era: str, answer: types.ElicitResult, told: dict[str, object]
) -> None:
    await place.network.agent("echo")
    person = Person(answer)
    async with place.host(era, elicitation_callback=person) as client:
        result = await client.call_tool("echo", {"message": "approve"})
    [asked] = person.asked
    assert isinstance(asked, types.ElicitRequestFormParams)
    assert asked.requested_schema["properties"]["decision"]["enum"] == ["approve", "reject"]
    assert asked.requested_schema["properties"]["arguments"]["default"] == '{"amount": 5}'
    verdict = json.loads(text_of(result).removeprefix("echo: "))
    assert told.items() <= verdict.items()
    assert ("reason" in verdict) == (not told["approve"])


@both
async def test_a_refused_question_is_told_to_the_agent(place: Place, era: str) -> None:
    await place.network.agent("echo")
    async with place.host(era, elicitation_callback=Person(types.ElicitResult(action="decline"))) as client:
        result = await client.call_tool("echo", {"message": "ask"})
    assert text_of(result) == "echo: The user declined to answer."


@both
async def test_a_call_in_doubt_that_nobody_answers_for_is_cancelled_and_not_repeated(place: Place, era: str) -> None:
    probe = await place.network.agent("echo")
    async with place.host(era, elicitation_callback=Person(types.ElicitResult(action="cancel"))) as client:
        result = await client.call_tool("echo", {"message": "doubt"})
    assert probe.cancelled.is_set()
    assert result.is_error and result.structured_content["state"] == "canceled"


@both
async def test_a_host_that_cannot_be_asked_gets_the_question_and_calls_again(place: Place, era: str) -> None:
    await place.network.agent("echo")
    async with place.host(era) as client:
        asked = await client.call_tool("echo", {"message": "ask"})
        assert asked.structured_content["state"] == "input-required"
        task_id = asked.structured_content["task_id"]
        assert task_id in text_of(asked)
        done = await client.call_tool("echo", {"message": "blue", "task_id": task_id})
        assert done.structured_content["task_id"] == task_id
        assert text_of(done) == "echo: blue"
        again = await client.call_tool("echo", {"message": "", "task_id": task_id})
        assert text_of(again) == "echo: blue"


@both
async def test_a_sign_in_opens_an_address(place: Place, era: str) -> None:
    await place.network.agent("echo")
    person = Person(types.ElicitResult(action="accept"))
    async with place.host(era, elicitation_callback=person) as client:
        result = await client.call_tool("echo", {"message": "signin"})
    [asked] = person.asked
    assert isinstance(asked, types.ElicitRequestURLParams)
    assert asked.url == "https://idp.example/device"
    assert text_of(result) == "echo: The user has signed in."


async def test_a_sign_in_is_never_a_form(place: Place) -> None:
    await place.network.agent("echo")
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        for modes in ({}, {"form": {}}):
            result = await Wire(http, place, elicitation=modes).call("signin")
            assert result["resultType"] == "complete"
            assert result["structuredContent"]["state"] == "auth-required"


async def test_a_modern_answer_may_come_to_the_other_replica_and_no_other_key_may_give_it(place: Place) -> None:
    await place.network.agent("echo")
    other = await (await place.network.runtime.keys()).create("acme", "other")
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        wire = Wire(http, place, elicitation={})
        asked = await wire.call("ask")
        [(key, question)] = asked["inputRequests"].items()
        assert question["method"] == "elicitation/create"
        answers = {key: {"action": "accept", "content": {"answer": "blue"}}}
        params = {
            "name": "echo",
            "arguments": {"message": "ask"},
            "requestState": asked["requestState"],
            "inputResponses": answers,
        }
        stolen = await Wire(http, place, other, elicitation={}).ask("tools/call", params, 1)
        assert stolen["error"]["code"] == -32602
        done = await wire.result("tools/call", params, 1)
        assert done["content"][0]["text"] == "echo: blue"


async def test_a_legacy_answer_may_come_to_the_other_replica(place: Place) -> None:
    await place.network.agent("echo")
    one, two = place.urls
    async with place.network.client() as http:
        session = await LegacySession.open(http, one, elicitation={})
        call = request("tools/call", {"name": "echo", "arguments": {"message": "ask"}})
        async with session.stream(one, call) as messages:
            async for message in messages:
                if message.get("method") == "elicitation/create":
                    answer = {"action": "accept", "content": {"answer": "blue"}}
                    reply = {"jsonrpc": "2.0", "id": message["id"], "result": answer}
                    assert (await session.post(two, reply)).status_code == 202
                last = message
        assert last["result"]["content"][0]["text"] == "echo: blue"
