"""The local server's Responses API, over true sockets: the events that the OpenAI client and the SDK build upon."""

import json
from typing import Any

import httpx
import pytest
from agents import Agent, OpenAIResponsesModel, RunConfig, Runner
from openai import AsyncOpenAI

from agentnet.testing import Call, Decision, Fault, OpenAIServer, Scenario, serving
from tests.patience import PATIENCE_SECONDS
from tests.unit.offline_model.stand_ins import data_tools, toolbox_tools

pytestmark = pytest.mark.anyio

BODY: dict[str, Any] = {"model": "rules", "input": "hello", "stream": True}


async def events_of(server: OpenAIServer, body: dict[str, Any]) -> list[dict[str, Any]]:
    async with (
        serving(server.app) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS) as client,
    ):
        said = (await client.post("/v1/responses", json=body)).text
    frames = [frame.split("\n") for frame in said.strip().split("\n\n")]
    events: list[dict[str, Any]] = [json.loads(data.removeprefix("data: ")) for _, data in frames]
    assert [name.removeprefix("event: ") for name, _ in frames] == [event["type"] for event in events]
    return events


async def test_the_brain_works_over_responses_with_streamed_calls_and_usage() -> None:
    server = OpenAIServer()
    async with serving(server.app) as url, AsyncOpenAI(api_key="none", base_url=f"{url}/v1") as client:
        model = OpenAIResponsesModel(model="rules", openai_client=client)
        agent = Agent[Any]("client", tools=[*toolbox_tools(), *data_tools()], model=model)
        question = "Chart how many tasks per status from the task log, and what is 3*4?"
        result = Runner.run_streamed(agent, question, run_config=RunConfig(tracing_disabled=True))
        async for _ in result.stream_events():
            pass
    assert "The highest is completed with 3" in result.final_output
    assert "3*4 = 12" in result.final_output
    assert result.context_wrapper.usage.total_tokens > 0
    assert all(request["stream"] for request in server.requests)


async def test_the_events_of_words_come_in_order_and_are_numbered() -> None:
    events = await events_of(OpenAIServer(Scenario(script=[Decision(text="Two words.")])), BODY)
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(10))
    assert "".join(event["delta"] for event in events if event["type"].endswith("text.delta")) == "Two words."
    assert events[0]["response"]["status"] == "in_progress"
    assert events[-1]["response"]["output"] == [events[-2]["item"]]
    assert events[-1]["response"]["usage"]["output_tokens"] > 0


async def test_the_events_of_two_calls_have_a_place_each() -> None:
    calls = (Call("add", {"a": 1}), Call("add", {"a": 2}))
    events = await events_of(OpenAIServer(Scenario(script=[Decision(calls=calls)])), BODY)
    done = [event for event in events if event["type"] == "response.output_item.done"]
    assert [event["output_index"] for event in done] == [0, 1]
    for index, call in enumerate(calls):
        pieces = [event["delta"] for event in events if event.get("delta") and event["output_index"] == index]
        assert len(pieces) == 2
        assert json.loads("".join(pieces)) == call.arguments == json.loads(done[index]["item"]["arguments"])
    assert len({event["item"]["call_id"] for event in done}) == 2


async def test_faults_meet_responses_as_they_meet_chat() -> None:
    server = OpenAIServer(Scenario(faults=[Fault(every=1, status=429, retry_after=7)]))
    async with (
        serving(server.app) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS) as client,
    ):
        limited = await client.post("/v1/responses", json=BODY)
        wrong = await client.post("/v1/responses", json={"input": 3})
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
    assert (wrong.status_code, wrong.json()["error"]["message"]) == (400, "input must be a string or a list.")
