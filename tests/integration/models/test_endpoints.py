"""Named models over true sockets: what each endpoint is sent, and which one a name leads to."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from agents import ModelSettings, ModelTracing
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.errors import ConfigurationError
from agentnet.models import Models, model_provider
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.settings import Settings
from agentnet.testing import Decision, serving
from agentnet.testing.chat import chunks
from agentnet.testing.wire import wired

pytestmark = pytest.mark.anyio


@dataclass
class Recorder:
    """Answers in both APIs with its own name, and keeps what it was asked."""

    says: str = "well"
    lists: list[str] = field(default_factory=list[str])
    seen: list[Request] = field(default_factory=list[Request])
    bodies: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    listed: int = 0
    refuses: int | None = None
    """Answers with this status instead."""

    def __post_init__(self) -> None:
        self.app = Starlette(
            routes=[
                Route("/{at:path}/models", self._models),
                Route("/{at:path}/chat/completions", self._chat, methods=["POST"]),
                Route("/{at:path}/responses", self._responses, methods=["POST"]),
            ]
        )

    async def _models(self, request: Request) -> Response:
        self.listed += 1
        return JSONResponse({"object": "list", "data": [{"id": name, "object": "model"} for name in self.lists]})

    async def _chat(self, request: Request) -> Response:
        body = await self._keep(request)
        if self.refuses is not None:
            return JSONResponse({"error": {"message": "Not today."}}, self.refuses)
        return streamed(chunks(wired(Decision(text=self.says), body)))

    async def _responses(self, request: Request) -> Response:
        await self._keep(request)
        content = [{"type": "output_text", "text": self.says, "annotations": []}]
        item = {"id": "i", "type": "message", "role": "assistant", "status": "completed", "content": content}
        head = {"id": "r", "object": "response", "created_at": 0, "model": "m", "status": "completed"}
        rest = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
        done = {"item": item, "output_index": 0, "sequence_number": 0, "type": "response.output_item.done"}
        response = {**head, **rest, "output": [item]}
        completed = {"response": response, "sequence_number": 1, "type": "response.completed"}
        return streamed([done, completed])

    async def _keep(self, request: Request) -> dict[str, Any]:
        self.seen.append(request)
        self.bodies.append(await request.json())
        return self.bodies[-1]


def streamed(events: Iterable[Mapping[str, Any]]) -> Response:
    """The events as a stream, each named as the Responses API does it where it has a type."""
    body = "".join(f"event: {event.get('type', 'message')}\ndata: {json.dumps(event)}\n\n" for event in events)
    return Response(f"{body}data: [DONE]\n\n", media_type="text/event-stream")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@asynccontextmanager
async def provider(**values: object) -> AsyncIterator[Models]:
    plain = {"openai_api_key": None, "openai_base_url": None, "model": None}
    made = model_provider(Settings.model_validate({**plain, **values}))
    try:
        yield made
    finally:
        await made.aclose()


async def said(models: Models, name: str | None = None) -> str:
    """What the model of that name says."""
    response = await models.get_model(name).get_response(
        "Be brief.", "Hello.", ModelSettings(), [], None, [], ModelTracing.DISABLED,
        previous_response_id=None, conversation_id=None, prompt=None,
    )  # fmt: skip
    [item] = response.output
    return str(item.content[0].text)  # type: ignore[union-attr]


async def test_two_names_lead_to_two_endpoints_each_with_its_own_key_and_api(monkeypatch: pytest.MonkeyPatch) -> None:
    local, cloud = Recorder("from here"), Recorder("from there")
    monkeypatch.setenv("CLOUD_KEY", "k2")
    async with serving(local.app) as here, serving(cloud.app) as there:
        Path("models.yaml").write_text(f"""
            default: small
            models:
              small: {{base_url: "{here}/v1", model: qwen}}
              large: {{base_url: "{there}/v1", model: gpt, key_env: CLOUD_KEY, api: responses}}
        """)
        async with provider() as models:
            assert [await said(models), await said(models, "small"), await said(models, "large")] == [
                "from here",
                "from here",
                "from there",
            ]
    assert [request.url.path for request in local.seen] == ["/v1/chat/completions"] * 2
    assert [request.url.path for request in cloud.seen] == ["/v1/responses"]
    assert {body["model"] for body in local.bodies} == {"qwen"}
    assert cloud.bodies[0]["model"] == "gpt"
    assert "authorization" not in local.seen[0].headers
    assert cloud.seen[0].headers["authorization"] == "Bearer k2"


async def test_dated_azure_gets_its_header_and_its_query_and_no_other_key(monkeypatch: pytest.MonkeyPatch) -> None:
    azure = Recorder()
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "a")
    async with serving(azure.app) as url:
        Path("models.yaml").write_text(f"""
            models:
              azure:
                base_url: {url}/openai/deployments/mine
                model: mine
                headers: {{api-key: {{env: AZURE_OPENAI_API_KEY}}}}
                query: {{api-version: 2024-10-21}}
        """)
        async with provider() as models:
            await said(models)
    [request] = azure.seen
    assert str(request.url).removeprefix(url) == "/openai/deployments/mine/chat/completions?api-version=2024-10-21"
    assert request.headers["api-key"] == "a"
    assert "authorization" not in request.headers


async def test_what_the_environment_has_for_openai_stays_away_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    other = Recorder()
    monkeypatch.setenv("OPENAI_API_KEY", "of-openai")
    monkeypatch.setenv("OPENAI_ORG_ID", "of-openai")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "of-openai")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer of-openai")
    async with serving(other.app) as url:
        Path("models.yaml").write_text(f'models: {{m: {{base_url: "{url}/v1", model: x}}}}')
        async with provider() as models:
            await said(models, "m")
    assert "of-openai" not in str(other.seen[0].headers)


async def test_a_header_of_the_file_may_carry_the_key_in_a_way_of_its_own() -> None:
    other = Recorder()
    async with serving(other.app) as url:
        Path("models.yaml").write_text(
            f'models: {{m: {{base_url: "{url}/v1", model: x, headers: {{authorization: Basic eDp5}}}}}}'
        )
        async with provider() as models:
            await said(models)
    assert other.seen[0].headers.getlist("authorization") == ["Basic eDp5"]


async def test_an_address_without_a_name_asks_for_the_only_model_once() -> None:
    server = Recorder(lists=["qwen3:8b", "nomic-embed-text"])
    async with serving(server.app) as url:
        async with provider(openai_base_url=f"{url}/v1") as models:
            assert await said(models) == "well"
            assert await said(models) == "well"
    assert [body["model"] for body in server.bodies] == ["qwen3:8b", "qwen3:8b"]
    assert server.listed == 1


async def test_a_declared_model_without_a_name_does_the_same() -> None:
    server = Recorder(lists=["qwen3:8b"])
    async with serving(server.app) as url:
        Path("models.yaml").write_text(f'models: {{m: {{base_url: "{url}/v1"}}}}')
        async with provider() as models:
            await said(models, "m")
    assert server.bodies[0]["model"] == "qwen3:8b"


async def test_of_several_models_none_is_taken_until_one_is_named() -> None:
    server = Recorder(lists=["a", "b"])
    async with serving(server.app) as url:
        async with provider(openai_base_url=f"{url}/v1") as models:
            with pytest.raises(ModelError) as caught:
                await said(models)
            assert caught.value.kind is Kind.REQUEST
            assert f"{url}/v1 lists 2 models, and none of them is named: a, b." in str(caught.value)
            assert server.bodies == []
            server.lists.pop()
            assert await said(models) == "well"


async def test_any_name_goes_to_the_settings_endpoint() -> None:
    server = Recorder()
    async with serving(server.app) as url:
        async with provider(openai_base_url=f"{url}/v1", openai_api_key="k", model="first") as models:
            await said(models)
            await said(models, "second")
    assert [body["model"] for body in server.bodies] == ["first", "second"]
    assert server.seen[0].headers["authorization"] == "Bearer k"


async def test_a_name_that_nothing_has_is_no_model() -> None:
    Path("models.yaml").write_text('models: {local: {base_url: "http://127.0.0.1:9/v1", model: x}}')
    async with provider() as models:
        with pytest.raises(ConfigurationError, match=r"There is no model 'lokal'. Did you mean 'local'\?"):
            models.get_model("lokal")
        assert models.get_model(None) is models.get_model("local")


@pytest.mark.parametrize("name", ["first", "first,third"])
async def test_a_model_that_cannot_answer_has_another_stand_in(name: str) -> None:
    first, second, third = Recorder(refuses=402), Recorder("the second"), Recorder("the third")
    async with serving(first.app) as one, serving(second.app) as two, serving(third.app) as three:
        Path("models.yaml").write_text(f"""
            models:
              first: {{base_url: "{one}/v1", model: x, fallbacks: [second, third]}}
              second: {{base_url: "{two}/v1", model: y}}
              third: {{base_url: "{three}/v1", model: z}}
        """)
        async with provider() as models:
            assert await said(models, name) == ("the second" if name == "first" else "the third")
    assert len(first.bodies) == 1


async def test_the_offline_model_may_stand_in() -> None:
    first = Recorder(refuses=402)
    async with serving(first.app) as url:
        Path("models.yaml").write_text(f'models: {{m: {{base_url: "{url}/v1", model: x, fallbacks: offline}}}}')
        async with provider() as models:
            assert (await said(models, "m")).startswith("Hello.")
