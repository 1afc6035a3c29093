"""However the bytes of an answer are cut, the same comes of them; and of a sound one the very bytes."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentnet.models.endpoints.failure import ModelError
from agentnet.models.wire.asked import Api, Asked
from agentnet.models.wire.body import RepairedBody
from agentnet.models.wire.client import repair_of
from agentnet.models.wire.quirks import Noted
from tests.unit.models.wire.playing import call, called, chunk, events, said, usage_chunk
from tests.unit.models.wire.test_chat_quirks import CASES
from tests.unit.models.wire.test_failures import CHAT
from tests.unit.models.wire.test_responses_quirks import completed, message, words

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "zone": {"type": "string"}}},
        },
    }
    for name in ("get_weather", "get_time")
]
REQUEST = json.dumps({"model": "m", "stream": True, "messages": [], "tools": TOOLS}, separators=(",", ":")).encode()


class Pieces(httpx2.AsyncByteStream):
    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def passed(pieces: Sequence[bytes], api: Api = "chat", request: bytes = REQUEST) -> bytes:
    """The bytes that go on to the client, for those that came so."""

    async def read() -> bytes:
        response = httpx2.Response(200, stream=Pieces(pieces), request=httpx2.Request("POST", "http://127.0.0.1/v1"))
        asked, noted = Asked(api, request), Noted()
        body = RepairedBody(response, asked, noted, repair_of(asked, noted))
        return b"".join([piece async for piece in body])

    return asyncio.run(read())


def cut(body: bytes, places: Sequence[int]) -> list[bytes]:
    at = sorted({place % (len(body) + 1) for place in places})
    return [body[start:end] for start, end in zip([0, *at], [*at, len(body)], strict=True)]


def told(raw: bytes) -> dict[str, Any]:
    """What a stream tells, without the ids that were made up."""
    deltas = [json.loads(line[6:])["choices"] for line in raw.splitlines() if line.startswith(b"data: {")]
    choices = [choice for each in deltas for choice in each]
    entries = [entry for choice in choices for entry in choice["delta"].get("tool_calls") or ()]
    return {
        "words": "".join(choice["delta"].get("content") or "" for choice in choices),
        "thoughts": "".join(choice["delta"].get("reasoning_content") or "" for choice in choices),
        "names": [entry["function"]["name"] for entry in entries if entry.get("function", {}).get("name")],
        "arguments": [
            (entry["index"], entry["function"].get("arguments")) for entry in entries if entry.get("function")
        ],
        "ends": [choice["finish_reason"] for choice in choices if choice.get("finish_reason")],
    }


SOUND = {
    "words": events(*said("Hello", " \u2603 there", ".", " And <b>more</b> [1].")),
    "thoughts": events(chunk({"role": "assistant", "reasoning_content": "Hm."}), *said("Hello")),
    "calls": events(
        *called(
            call("", call_id="call_a1b2c3d4"),
            {"index": 0, "function": {"arguments": '{"city":'}},
            {"index": 0, "function": {"arguments": '"Pa{ris\\""}'}},
            call("", "get_time", 1, "call_e5f6g7h8"),
            {"index": 1, "function": {"arguments": '{"zone":"CET"}'}},
        )
    ),
    "nulls": events(
        chunk({"role": "assistant", "content": "Hi", "tool_calls": None, "refusal": None}, usage=None),
        chunk({"content": "!"}),
        chunk({}, "stop"),
        usage_chunk(),
    ),
    "azure": events({"id": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}, *said("Hello")),
}
RESPONSES = events(*words("Hello", " there."), completed(message()), done=False)


@pytest.mark.parametrize("name", SOUND)
@given(places=st.lists(st.integers(0, 10_000), max_size=30))
@settings(max_examples=40, deadline=None)
def test_a_sound_answer_passes_as_the_bytes_that_came(name: str, places: list[int]) -> None:
    assert passed(cut(SOUND[name], places)) == SOUND[name]


@given(places=st.lists(st.integers(0, 10_000), max_size=30))
@settings(max_examples=40, deadline=None)
def test_a_sound_answer_of_the_responses_api_passes_as_the_bytes_that_came(places: list[int]) -> None:
    assert passed(cut(RESPONSES, places), "responses") == RESPONSES


@pytest.mark.parametrize("case", CASES, ids=str)
@given(places=st.lists(st.integers(0, 10_000), max_size=30))
@settings(max_examples=10, deadline=None)
def test_a_repaired_answer_is_the_same_however_it_is_cut(case: Any, places: list[int]) -> None:
    assert told(passed(cut(case.body, places))) == told(passed([case.body]))


@given(data=st.data(), name=st.sampled_from(sorted(SOUND)))
@settings(max_examples=200, deadline=None)
def test_whatever_is_damaged_is_an_answer_or_an_error_that_people_understand(data: st.DataObject, name: str) -> None:
    body = bytearray(SOUND[name])
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        passed([bytes(body)])
    except ModelError as error:
        assert error.message.startswith("The model")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.text(max_size=5)
    | st.sampled_from(["stop", "get_weather", "{", "<think>"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "index",
                    "delta",
                    "content",
                    "role",
                    "tool_calls",
                    "id",
                    "function",
                    "name",
                    "arguments",
                    "finish_reason",
                    "usage",
                    "error",
                    "message",
                    "type",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(values=st.lists(JSON, max_size=4), delta=JSON)
@settings(max_examples=300, deadline=None)
def test_whatever_json_comes_is_an_answer_or_an_error_that_people_understand(values: list[Any], delta: Any) -> None:
    try:
        passed(
            [
                events(
                    *values, {"choices": [{"index": 0, "delta": delta}]}, chunk({"tool_calls": [delta]}), *said("Hello")
                )
            ]
        )
    except ModelError as error:
        assert error.message.startswith("The model")


RESPONSES_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["message", "function_call", "reasoning", "output_text", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "response",
                    "output",
                    "item",
                    "type",
                    "content",
                    "text",
                    "delta",
                    "id",
                    "call_id",
                    "name",
                    "arguments",
                    "usage",
                    "error",
                    "summary",
                    "output_index",
                    "status",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
TYPES = (
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_text.delta",
    "response.completed",
    "x",
)


@given(values=st.lists(RESPONSES_JSON, max_size=4), kind=st.sampled_from(TYPES))
@settings(max_examples=300, deadline=None)
def test_whatever_json_comes_to_the_responses_api_is_an_answer_or_an_error(values: list[Any], kind: str) -> None:
    typed = [{**value, "type": kind} if isinstance(value, dict) else value for value in values]
    try:
        passed([events(*typed, *words("Hello"), completed(message()), done=False)], "responses")
    except ModelError as error:
        assert error.message.startswith("The model")


@pytest.mark.parametrize(
    "name", [name for name, (answer, _, _) in CHAT.items() if answer.status == 200 and not answer.breaks]
)
def test_what_is_no_answer_is_told_however_it_is_cut(name: str) -> None:
    body = b"".join(CHAT[name][0].pieces())
    for pieces in ([body], [body[at : at + 7] for at in range(0, min(len(body), 20_000), 7)] + [body[20_006:]]):
        with pytest.raises(ModelError):
            passed(pieces)
