"""Answers that were asked for in one piece: repaired as streams are, and left alone where nothing is wrong."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.wire.client import WireClient
from agentnet.models.wire.quirks import Noted, listening
from tests.unit.models.wire.playing import Answer, call, playing
from tests.unit.models.wire.test_responses_quirks import function_call, message, response

pytestmark = pytest.mark.anyio

CITY = '{"city":"Paris"}'
TOOLS = {
    "chat": [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}],
    "responses": [{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}],
}
PATHS = {"chat": "/chat/completions", "responses": "/responses"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


def completion(finish: Any = "stop", usage: Any = USAGE, **members: Any) -> dict[str, Any]:
    """A whole answer of Chat Completions, with these members of its message."""
    said = {"role": "assistant", "content": None, **members}
    choice = {"index": 0, "message": said, "finish_reason": finish}
    whole = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return {name: value for name, value in whole.items() if value is not ...}


@dataclass(frozen=True)
class Came:
    """What a client reads of an answer."""

    text: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    thoughts: str = ""
    finish: str = "stop"
    ids: tuple[str, ...] = ()
    usage: Mapping[str, Any] = field(default_factory=dict[str, Any])


async def asked(body: Any, api: str, *, tools: bool = True) -> tuple[bytes, Noted]:
    """The answer as the client of the wire gives it on, and what was noted."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with playing(Answer(sent, kind="application/json")) as player:
        request: dict[str, Any] = {"model": "m", "tools": TOOLS[api] if tools else []}
        request |= {"messages" if api == "chat" else "input": [{"role": "user", "content": "Hi"}]}
        async with WireClient(Endpoint(name="m", model="m", base_url=player.url)) as client:
            with listening() as heard:
                made = httpx2.Request("POST", f"{player.url}{PATHS[api]}", json=request)
                answer = await client.send(made)
    return answer.content, heard[-1]


def read(answer: bytes, api: str) -> Came:
    value = json.loads(answer)
    if api == "chat":
        assert value["object"] == "chat.completion"
        [choice] = value["choices"]
        said = choice["message"]
        calls = said.get("tool_calls") or []
        return Came(
            said.get("content") or "",
            tuple((each["function"]["name"], json.loads(each["function"]["arguments"])) for each in calls),
            said.get("reasoning_content") or "",
            choice["finish_reason"],
            tuple(each["id"] for each in calls),
            value["usage"],
        )
    items = value["output"]
    calls = [item for item in items if item["type"] == "function_call"]
    parts = [part for item in items if item["type"] == "message" for part in item["content"]]
    thoughts = [part for item in items if item["type"] == "reasoning" for part in item["summary"]]
    return Came(
        "".join(part["text"] for part in parts),
        tuple((each["name"], json.loads(each["arguments"])) for each in calls),
        "".join(part["text"] for part in thoughts),
        value["status"],
        tuple(each["call_id"] for each in calls),
        value["usage"],
    )


PARIS = (("get_weather", {"city": "Paris"}),)
CALLED = Came(calls=PARIS, finish="tool_calls")
HELLO = Came("Hello there.")
CHAT: dict[str, tuple[str, Any, Came]] = {
    "id missing": ("call_id_missing", completion("tool_calls", tool_calls=[call(CITY, call_id=...)]), CALLED),
    "id counted": ("call_id_counted", completion("tool_calls", tool_calls=[call(CITY, call_id="call_0")]), CALLED),
    "ids alike": (
        "call_id_repeated",
        completion("tool_calls", tool_calls=[call(CITY, index=...), call('{"city":"Rome"}', index=...)]),
        Came(calls=(*PARIS, ("get_weather", {"city": "Rome"})), finish="tool_calls"),
    ),
    "arguments an object": ("arguments_object", completion("tool_calls", tool_calls=[call({"city": "Paris"})]), CALLED),
    "encoded twice": ("arguments_encoded", completion("tool_calls", tool_calls=[call(json.dumps(CITY))]), CALLED),
    "null": (
        "arguments_empty",
        completion("tool_calls", tool_calls=[call(None)]),
        Came(calls=(("get_weather", {}),), finish="tool_calls"),
    ),
    "open": ("arguments_open", completion("tool_calls", tool_calls=[call(CITY[:-1])]), CALLED),
    "no list": ("call_shape", completion("tool_calls", tool_calls=call(CITY, index=...)), CALLED),
    "flat": ("call_shape", completion("tool_calls", tool_calls=[{"name": "get_weather", "arguments": CITY}]), CALLED),
    "legacy": ("call_legacy", completion(function_call={"name": "get_weather", "arguments": CITY}), CALLED),
    "name": ("name_leaked", completion("tool_calls", tool_calls=[call(CITY, "functions.get_weather")]), CALLED),
    "text call": (
        "call_in_text",
        completion(content=f'<tool_call>{{"name": "get_weather", "arguments": {CITY}}}</tool_call>'),
        CALLED,
    ),
    "text call of no tool": (
        "call_unknown",
        completion(content='{"name": "search", "arguments": {"q": "x"}}'),
        Came(calls=(("search", {"q": "x"}),), finish="tool_calls"),
    ),
    "think": ("think_in_text", completion(content="<think>Hm.</think>\n\nHello there."), Came(HELLO.text, (), "Hm.")),
    "think unopened": (
        "think_unopened",
        completion(content="Hm.\n</think>\n\nHello there."),
        Came(HELLO.text, (), "Hm.\n"),
    ),
    "think elsewhere": ("think_elsewhere", completion(content=HELLO.text, thinking="Hm."), Came(HELLO.text, (), "Hm.")),
    "marks": ("marks_in_text", completion(content="Hello there.<|im_end|>"), HELLO),
    "parts": ("content_parts", completion(content=[{"type": "text", "text": HELLO.text}]), HELLO),
    "NUL": ("text_nul", completion(content="Hello there.\x00"), HELLO),
    "half": ("text_halved", completion(content="Hi \ud83d"), Came("Hi \ufffd")),
    "finish wrong": ("finish_wrong", completion("stop", tool_calls=[call(CITY)]), CALLED),
    "finish unknown": ("finish_unknown", completion("END_TURN", content=HELLO.text), HELLO),
    "finish missing": ("finish_missing", completion(None, content=HELLO.text), HELLO),
    "usage missing": ("usage_missing", completion(usage=..., content=HELLO.text), HELLO),
    "usage odd": (
        "usage_odd",
        completion(usage={"input_tokens": "9", "output_tokens": 3}, content=HELLO.text),
        HELLO,
    ),
    "choice 1": (
        "choice_index",
        {**completion(content=HELLO.text), "choices": [{**completion(content=HELLO.text)["choices"][0], "index": 1}]},
        HELLO,
    ),
    "a stream all the same": (
        "stream_lines",
        b'event: x\ndata: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
        b'data: {"choices":[{"index":0,"delta":{"content":" there."},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
        HELLO,
    ),
}
RESPONSES: dict[str, tuple[str, Any, Came]] = {
    "id missing": ("call_id_missing", response(function_call(call_id=...)), Came(calls=PARIS, finish="completed")),
    "object": ("arguments_object", response(function_call({"city": "Paris"})), Came(calls=PARIS, finish="completed")),
    "name": (
        "name_leaked",
        response(function_call(name="functions.get_weather")),
        Came(calls=PARIS, finish="completed"),
    ),
    "text call": (
        "call_in_text",
        response(message(f'<tool_call>{{"name": "get_weather", "arguments": {CITY}}}</tool_call>')),
        Came(calls=PARIS, finish="completed"),
    ),
    "think": (
        "think_in_text",
        response(message("<think>Hm.</think>\n\nHello there.")),
        Came(HELLO.text, (), "Hm.", "completed"),
    ),
    "parts": ("content_parts", response(message(content="Hello there.")), Came(HELLO.text, finish="completed")),
    "item": ("item_shape", response(message(id=None)), Came(HELLO.text, finish="completed")),
    "usage missing": ("usage_missing", response(message(), usage=None), Came(HELLO.text, finish="completed")),
}
CASES = [
    *(pytest.param("chat", *case, id=f"chat, {name}") for name, case in CHAT.items()),
    *(pytest.param("responses", *case, id=f"responses, {name}") for name, case in RESPONSES.items()),
]


@pytest.mark.parametrize(("api", "quirk", "body", "wanted"), CASES)
async def test_a_quirk_is_repaired_in_an_answer_in_one_piece(api: str, quirk: str, body: Any, wanted: Came) -> None:
    answer, noted = await asked(body, api)
    came = read(answer, api)
    assert (came.text, came.calls, came.thoughts, came.finish) == (
        wanted.text,
        wanted.calls,
        wanted.thoughts,
        wanted.finish,
    )
    assert quirk in noted.names
    assert len({*came.ids}) == len(came.calls)
    assert all(came.ids)
    assert all(isinstance(count, int) and count > 0 for count in [*came.usage.values()][:3])


SOUND = {
    "words": ("chat", completion(content="Hello there.")),
    "a call": ("chat", completion("tool_calls", tool_calls=[call(CITY, index=...)])),
    "words and a call": ("chat", completion("tool_calls", content="I look.", tool_calls=[call(CITY, index=...)])),
    "thoughts": ("chat", completion(content="Hello there.", reasoning_content="Hm.")),
    "members of its own": ("chat", {**completion(content="Hello there.", annotations=[]), "system_fingerprint": "x"}),
    "an item": ("responses", response(message())),
    "an item of a call": ("responses", response(function_call())),
}


@pytest.mark.parametrize("name", SOUND)
async def test_what_is_sound_passes_byte_by_byte(name: str) -> None:
    api, body = SOUND[name]
    sent = json.dumps(body, indent=1).encode()
    answer, noted = await asked(sent, api)
    assert answer == sent
    assert not noted.names


async def test_an_answer_that_was_cut_keeps_its_reason() -> None:
    answer, noted = await asked(completion("max_tokens", content="Hello"), "chat")
    assert read(answer, "chat").finish == "length"
    assert noted.reason == "length"
    cut = response(message("Hello"), status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    answer, noted = await asked(cut, "responses")
    assert json.loads(answer)["incomplete_details"] == {"reason": "max_output_tokens"}
    assert (read(answer, "responses").text, noted.reason) == ("Hello", "length")
    assert read(answer, "responses").finish == "completed"
