"""The table of quirks itself, and the server that plays them: without one it is a right server of both APIs."""

import asyncio
import json
from functools import partial
from typing import Any

import httpx
import pytest
from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, RunConfig, Runner, function_tool
from openai import AsyncOpenAI

from agentnet.testing.quirks import QUIRKS, Need, QuirkServer, playing
from agentnet.testing.wire import Api
from tests.patience import PATIENCE_SECONDS
from tests.quirks.asking import decide, right_answer
from tests.quirks.outcomes import OUTCOMES
from tests.quirks.verdict import turns

pytestmark = pytest.mark.anyio

BOTH: tuple[Api, ...] = ("chat", "responses")


@function_tool
async def multiply(a: int, b: int) -> str:
    """The product of two numbers."""
    return str(a * b)


@function_tool
async def the_answer() -> str:
    """The answer to everything."""
    return "42"


def body_of(api: Api, said: list[dict[str, Any]]) -> dict[str, Any]:
    return {"model": "quirky", "messages" if api == "chat" else "input": said}


def path_of(api: Api) -> str:
    return "/chat/completions" if api == "chat" else "/responses"


def test_every_quirk_has_an_outcome_and_every_outcome_a_quirk() -> None:
    assert OUTCOMES.keys() == QUIRKS.keys()


def test_there_are_more_quirks_than_issue_11_asks_for_in_each_api() -> None:
    for api in BOTH:
        assert len([quirk for quirk in QUIRKS.values() if api in quirk.apis]) >= 60


def test_every_quirk_says_what_the_server_does_and_changes_something() -> None:
    for quirk in QUIRKS.values():
        assert quirk.says.endswith((".", "Once.")), quirk.name
        assert any((quirk.turn, quirk.chat, quirk.responses, quirk.frames, quirk.reply)), quirk.name


@pytest.mark.parametrize("api", BOTH)
@pytest.mark.parametrize("need", Need)
async def test_without_a_quirk_the_sdk_gets_its_answer_and_nothing_is_asked_twice(api: Api, need: Need) -> None:
    server = QuirkServer(partial(decide, need))
    async with playing(server) as url, AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as client:
        kind = OpenAIChatCompletionsModel if api == "chat" else OpenAIResponsesModel
        agent = Agent[Any]("worker", tools=[multiply, the_answer], model=kind(model="quirky", openai_client=client))
        result = Runner.run_streamed(agent, "What is 6 times 7?", run_config=RunConfig(tracing_disabled=True))
        types = [event.data.type async for event in result.stream_events() if event.type == "raw_response_event"]
    assert result.final_output == right_answer(need)
    assert [asked.status for asked in server.asked] == [200] * turns(need)
    assert types.count("response.completed") == turns(need)
    if api == "responses":
        assert result.context_wrapper.usage.total_tokens > 0


@pytest.mark.parametrize("api", BOTH)
async def test_without_a_quirk_a_whole_answer_is_that_of_the_stream(api: Api) -> None:
    server = QuirkServer(partial(decide, Need.WORDS))
    async with playing(server) as url, httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        body = body_of(api, [{"role": "user", "content": "What is 6 times 7?"}])
        answer = (await client.post(f"{url}{path_of(api)}", json=body)).json()
        models = (await client.get(f"{url}/models")).json()
    said = answer["choices"][0]["message"]["content"] if api == "chat" else answer["output"][0]["content"][0]["text"]
    assert said == "It is 42."
    assert answer["usage"]["total_tokens"] > 0
    assert models["data"][0]["object"] == "model"


CALLED = {"id": "c1", "type": "function", "function": {"name": "multiply", "arguments": "{}"}}
ITEM = {"type": "function_call", "call_id": "c1", "name": "multiply", "arguments": "{}"}
USER = {"role": "user", "content": "Go."}
WRONG: list[tuple[Api, list[dict[str, Any]], str]] = [
    ("chat", [], "empty array"),
    ("chat", [{"role": "robot", "content": "Go."}], "robot"),
    ("chat", [USER, {"role": "tool", "tool_call_id": "c1", "content": "42"}], "must be a response to"),
    ("chat", [USER, {"role": "assistant", "tool_calls": [CALLED]}], "must be followed by"),
    ("chat", [USER, {"role": "assistant", "tool_calls": [CALLED]}, USER], "must be followed by"),
    ("chat", [USER, {"role": "assistant", "tool_calls": [{**CALLED, "id": ""}]}], "Invalid id"),
    ("chat", [USER, {"role": "assistant", "tool_calls": [CALLED, CALLED]}], "Duplicate id"),
    ("chat", [USER, {"role": "assistant", "content": "", "tool_calls": []}], "empty array"),
    ("chat", [{"role": "user", "content": None}], "got null"),
    ("chat", [{"role": "user", "content": [{"type": "smell"}]}], "Invalid part"),
    ("responses", [USER, ITEM], "No tool output found"),
    ("responses", [USER, {"type": "function_call_output", "call_id": "c1", "output": "42"}], "No tool call found"),
    ("responses", [USER, {**ITEM, "call_id": "c" * 65}], "too long"),
    ("responses", [USER, {**ITEM, "name": "multiply<|x|>"}], "does not match"),
    ("responses", [USER, {**ITEM, "arguments": '{"a": '}], "as JSON"),
    ("responses", [{"type": "junk"}], "junk"),
    ("responses", [{"role": "user", "content": "half \ud83d"}], "lone surrogate"),
]


@pytest.mark.parametrize(("api", "said", "words"), WRONG)
async def test_a_history_that_does_not_fit_together_is_refused_as_strict_hosts_do(
    api: Api, said: list[dict[str, Any]], words: str
) -> None:
    server = QuirkServer(partial(decide, Need.WORDS))
    async with playing(server) as url, httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        content = json.dumps(body_of(api, said))
        answer = await client.post(f"{url}{path_of(api)}", content=content)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


async def test_a_client_that_leaves_is_noticed() -> None:
    server = QuirkServer(partial(decide, Need.WORDS), QUIRKS["word-for-ever"])
    body = {**body_of("chat", [USER]), "stream": True}
    async with playing(server) as url, httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        async with client.stream("POST", f"{url}/chat/completions", json=body) as response:
            async for line in response.aiter_lines():
                if "no " in line:
                    break
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not server.asked[0].left:
                await asyncio.sleep(0.01)
