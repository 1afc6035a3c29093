"""The client path over true sockets: the SDK's runner, the OpenAI client, HTTP, and a server with faults."""

from typing import Any

import httpx
import pytest
from agents import Agent, RunConfig, Runner, RunResultStreaming

from agentnet.models import default_model_settings, model_provider
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.settings import Settings
from agentnet.testing import Call, Decision, Fault, OpenAIServer, Scenario, serving
from tests.patience import PATIENCE_SECONDS
from tests.unit.offline_model.stand_ins import data_tools, toolbox_tools

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentnet.models.retries.FIRST_PAUSE_SECONDS", 0.01)


async def ask(server: OpenAIServer, text: str, **values: Any) -> RunResultStreaming:
    async with serving(server.app) as url:
        settings = Settings.model_validate(
            {"model": "rules", "openai_api_key": None, "openai_base_url": f"{url}/v1", **values}
        )
        provider = model_provider(settings)
        try:
            agent = Agent[Any]("client", tools=[*toolbox_tools(), *data_tools()], model="rules")
            made = default_model_settings(settings)
            config = RunConfig(model_provider=provider, model_settings=made, tracing_disabled=True)
            result = Runner.run_streamed(agent, text, run_config=config)
            async for _ in result.stream_events():
                pass
            return result
        finally:
            await provider.aclose()


async def test_the_brain_works_over_http_with_streamed_tool_calls_and_usage() -> None:
    server = OpenAIServer()
    result = await ask(server, "Chart how many tasks per status from the task log, and what is 3*4?")
    assert "The highest is completed with 3" in result.final_output
    assert "3*4 = 12" in result.final_output
    assert result.context_wrapper.usage.total_tokens > 0
    assert all(request["stream"] for request in server.requests)


async def test_a_script_is_answered_in_order_and_then_the_brain_decides() -> None:
    script = [Decision(calls=(Call("toolbox_calculate", {"expression": "1+1"}),)), Decision(text="It was scripted.")]
    result = await ask(OpenAIServer(Scenario(script=script)), "anything")
    assert result.final_output == "It was scripted."


async def test_requests_that_are_limited_or_fail_are_tried_again() -> None:
    faults = [Fault(every=2, status=429, retry_after=0.01), Fault(every=3, status=500)]
    server = OpenAIServer(Scenario(faults=faults))
    result = await ask(server, "Chart how many tasks per status from the task log")
    assert "The highest is completed" in result.final_output
    assert len(server.faulted) >= 2
    assert server.answered == 4


async def test_a_retry_waits_as_long_as_the_server_says() -> None:
    server = OpenAIServer(Scenario(faults=[Fault(every=1, status=429, retry_after=0.02)]))
    with pytest.raises(ModelError, match=r"answers 429 .*: This failure is part of the scenario.") as caught:
        await ask(server, "What is 3*4?")
    assert caught.value.kind is Kind.BUSY
    assert len(server.requests) == 5


async def test_a_slow_answer_is_a_timeout_and_is_tried_again() -> None:
    server = OpenAIServer(Scenario(faults=[Fault(every=2, delay_seconds=30)]))
    result = await ask(server, "What is 3*4?", model_timeout_seconds=3)
    assert "3*4 = 12" in result.final_output
    assert server.faulted == [2]


async def test_a_whole_answer_without_streaming_has_the_same_content() -> None:
    async with (
        serving(OpenAIServer().app) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS) as client,
    ):
        body = {"model": "rules", "messages": [{"role": "user", "content": "hello"}]}
        answer = (await client.post("/v1/chat/completions", json=body)).json()
        models = (await client.get("/v1/models")).json()
    assert answer["choices"][0]["message"]["content"].startswith("Hello.")
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert models["data"][0]["id"] == "rules"


async def test_a_body_that_cannot_be_read_is_the_callers_fault() -> None:
    async with (
        serving(OpenAIServer().app) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS) as client,
    ):
        assert (await client.post("/v1/chat/completions", content=b"{")).status_code == 400
        assert (await client.post("/v1/chat/completions", json={"messages": 3})).status_code == 400
