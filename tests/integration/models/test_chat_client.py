"""OpenAI's client as we use it sends, byte for byte of the values, what it sends by itself."""

import json
from typing import Any

import pytest
from openai import AsyncOpenAI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from agentnet.models.chat import ChatClient
from agentnet.testing import serving

pytestmark = pytest.mark.anyio

TOOL = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}},
}
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "auto"}}
SOUND = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "content": "Add."},
    {"role": "user", "content": [{"type": "text", "text": "One and two? \u2028 ½"}, IMAGE, SOUND]},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "3"},
]
REQUESTS: dict[str, dict[str, Any]] = {
    "words": {"messages": CONVERSATION[:1]},
    "tools, images and sound": {"messages": CONVERSATION, "tools": [TOOL], "tool_choice": "auto"},
    "settings": {"messages": CONVERSATION, "temperature": 0.5, "stop": ["x"], "metadata": {"a": "b"}, "seed": 7},
    "a form": {"messages": CONVERSATION, "response_format": {"type": "json_object"}},
    "a body of its own": {"messages": CONVERSATION, "extra_body": {"top_k": 3, "tools": []}, "tools": [TOOL]},
    "no tools": {"messages": CONVERSATION, "tools": []},
}


@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS)
async def test_a_request_is_what_the_client_sends_by_itself(request_of: dict[str, Any]) -> None:
    bodies: list[dict[str, Any]] = []

    async def completions(request: Request) -> JSONResponse:
        bodies.append(json.loads(await request.body()))
        return JSONResponse({"id": "r", "object": "chat.completion", "created": 1, "model": "m", "choices": []})

    async with serving(Starlette(routes=[Route("/v1/chat/completions", completions, methods=["POST"])])) as url:
        for kind in (AsyncOpenAI, ChatClient):
            async with kind(api_key="k", base_url=f"{url}/v1", max_retries=0) as client:
                await client.chat.completions.create(model="m", **request_of)
    theirs, ours = bodies
    assert ours == theirs
    assert ours["messages"] == request_of["messages"]
