"""Models through LiteLLM, where the extra is installed: `pip install -e '.[litellm]'`, then this file."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, FunctionTool, RunConfig, Runner, function_tool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.cli.network.doctor_model import model_findings
from agentnet.cli.network.finding import Finding
from agentnet.models import default_model_settings, model_provider
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.settings import Settings
from agentnet.testing import Call, Decision, OpenAIServer, Scenario, serving

pytest.importorskip("litellm", reason="an extra that tests do without")
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("default")]


@function_tool
def double(number: int) -> str:
    """Double a number."""
    return str(number * 2)


@asynccontextmanager
async def models_over(
    app: Starlette, name: str, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> AsyncIterator[Settings]:
    """Settings whose only model is `name` of LiteLLM, which is at `app`."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("THEIR_KEY", "k")
    async with serving(app) as url:
        path = "/v1" if name.startswith("openai/") else ""
        Path("models.yaml").write_text(
            f'models: {{m: {{model: litellm/{name}, base_url: "{url}{path}", key_env: THEIR_KEY}}}}'
        )
        yield Settings.model_validate({"openai_api_key": None, "openai_base_url": None, "model": None})


async def answered(settings: Settings, tools: list[FunctionTool]) -> Any:
    """What an agent says in the end, over the SDK's runner."""
    provider = model_provider(settings)
    try:
        agent = Agent[Any]("client", tools=[*tools], model="m")
        config = RunConfig(
            model_provider=provider, model_settings=default_model_settings(settings), tracing_disabled=True
        )
        result = Runner.run_streamed(agent, "What is twice 21?", run_config=config)
        async for _ in result.stream_events():
            pass
        return result.final_output
    finally:
        await provider.aclose()


async def test_a_tool_is_called_through_litellm_and_its_result_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = [Decision(calls=(Call("double", {"number": 21}),)), Decision(text="It is 42.")]
    server = OpenAIServer(Scenario(script=script))
    async with models_over(server.app, "openai/any", monkeypatch, tmp_path) as settings:
        assert await answered(settings, [double]) == "It is 42."
    assert [request["stream"] for request in server.requests] == [True, True]
    assert server.requests[1]["messages"][-1]["content"] == "42"


async def test_anthropic_is_spoken_to_in_its_own_api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Request] = []
    bodies: list[dict[str, Any]] = []

    async def messages(request: Request) -> Response:
        asked.append(request)
        bodies.append(await request.json())
        return Response(stream(bodies[-1]), media_type="text/event-stream")

    app = Starlette(routes=[Route("/v1/messages", messages, methods=["POST"])])
    async with models_over(app, "anthropic/claude-sonnet-4-5", monkeypatch, tmp_path) as settings:
        assert await answered(settings, [double]) == "It is 42."
    assert asked[0].headers["x-api-key"] == "k"
    assert bodies[0]["tools"][0]["name"] == "double"
    [result] = bodies[1]["messages"][-1]["content"]
    assert (result["type"], result["tool_use_id"]) == ("tool_result", "toolu_1")
    assert "42" in json.dumps(result["content"])


def stream(body: dict[str, Any]) -> str:
    """The events of Anthropic's API: a call of the tool first, then the answer."""
    usage = {"input_tokens": 10, "output_tokens": 5}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": body["model"]}
    done = len(body["messages"]) > 1
    block: dict[str, Any] = {"type": "text", "text": ""}
    deltas: list[dict[str, Any]] = [{"type": "text_delta", "text": "It is 42."}]
    if not done:
        block = {"type": "tool_use", "id": "toolu_1", "name": "double", "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in ('{"number"', ": 21}")]
    events = [
        {"type": "message_start", "message": {**head, "usage": usage, "stop_reason": None, "stop_sequence": None}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn" if done else "tool_use", "stop_sequence": None},
            "usage": usage,
        },
        {"type": "message_stop"},
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def refusals() -> Iterator[tuple[int, dict[str, Any], Kind, str]]:
    """Errors in Anthropic's form."""
    for status, kind, told, words in (
        (401, "authentication_error", Kind.KEY, "invalid x-api-key"),
        (400, "invalid_request_error", Kind.REQUEST, "messages: at least one message is required"),
    ):
        yield status, {"type": "error", "error": {"type": kind, "message": words}}, told, words


@pytest.mark.parametrize(("status", "body", "kind", "words"), [*refusals()])
async def test_a_refusal_is_told_in_the_words_of_the_provider_and_asked_for_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int, body: dict[str, Any], kind: Kind, words: str
) -> None:
    asked: list[Request] = []

    async def refuse(request: Request) -> Response:
        asked.append(request)
        return JSONResponse(body, status)

    app = Starlette(routes=[Route("/v1/messages", refuse, methods=["POST"])])
    async with models_over(app, "anthropic/claude-sonnet-4-5", monkeypatch, tmp_path) as settings:
        with pytest.raises(ModelError) as caught:
            await answered(settings, [])
    assert caught.value.kind is kind
    assert words in str(caught.value)
    assert "litellm" not in str(caught.value).lower()
    assert len(asked) == 1


async def findings_of(settings: Settings, *, call: bool = True) -> list[Finding]:
    return [finding async for finding in model_findings(settings, call=call)]


async def test_the_doctor_asks_a_model_through_litellm_to_call_a_tool(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = [Decision(calls=(Call("get_weather", {"city": "Paris"}),))]
    server = OpenAIServer(Scenario(script=script))
    async with models_over(server.app, "openai/any", monkeypatch, tmp_path) as settings:
        found = await findings_of(settings)
    assert [(finding.check, finding.ok) for finding in found] == [
        ("model", True),
        ("model call", True),
        ("model tools", True),
    ]
    assert found[0].found == "openai/any through LiteLLM"
    assert "first token after" in found[1].found
    assert "usage sent" in found[1].found
    assert found[2].found == "the tool was called"
    [asked] = server.requests
    assert (asked["stream"], len(asked["tools"])) == (True, 1)


async def test_the_doctor_tells_what_a_provider_behind_litellm_refuses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
    app = Starlette(routes=[Route("/v1/messages", lambda _: JSONResponse(said, 401), methods=["POST"])])
    async with models_over(app, "anthropic/claude-sonnet-4-5", monkeypatch, tmp_path) as settings:
        found = await findings_of(settings)
    assert [(finding.check, finding.ok) for finding in found] == [("model", True), ("model call", False)]
    assert "invalid x-api-key" in found[1].found


async def test_without_a_call_the_doctor_says_why_it_knows_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = OpenAIServer()
    async with models_over(server.app, "openai/any", monkeypatch, tmp_path) as settings:
        [found] = await findings_of(settings, call=False)
    assert (found.ok, found.todo) == (True, "Only a call shows more: leave --no-call out.")
    assert server.requests == []
