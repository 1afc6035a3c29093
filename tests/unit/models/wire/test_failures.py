"""What is no answer is told as what it is, in a sentence, and never taken for one."""

import json
from typing import Any

import pytest
from agents import ModelSettings

from agentnet.models.endpoints.failure import Kind, ModelError
from tests.unit.models.wire.playing import Answer, chunk, events, playing, said, take_turn, usage_chunk
from tests.unit.models.wire.test_responses_quirks import completed, message, words

pytestmark = pytest.mark.anyio

HALF = said("Hello", " there.")[:3]
PAGE = b"<!DOCTYPE html><html><head><title>Sign in to the proxy</title></head><body>x</body></html>"

CHAT = {
    "HTML": (Answer(PAGE, kind="text/html"), Kind.GARBLED, "HTML page that says: Sign in to the proxy"),
    "HTML that says events": (Answer(PAGE), Kind.GARBLED, "HTML page"),
    "a text": (Answer(b"It works!", kind="text/plain"), Kind.GARBLED, "It works!"),
    "another JSON": (Answer(b'{"status":"ok"}', kind="application/json"), Kind.GARBLED, "it holds status"),
    "a list of models": (
        Answer(b'{"object":"list","data":[]}', kind="application/json"),
        Kind.GARBLED,
        "a list, as of models",
    ),
    "Ollama's own API": (
        Answer(
            b'{"model":"m","message":{"content":"Hi"},"done":false}\n{"model":"m","message":{"content":""},"done":true}',
            kind="application/x-ndjson",
        ),
        Kind.GARBLED,
        "Ollama's own API",
    ),
    "nothing": (Answer(b""), Kind.EMPTY, "answered nothing"),
    "comments alone": (Answer(b": ping\n\n: ping\n\n"), Kind.EMPTY, "answered nothing"),
    "the end alone": (Answer(events()), Kind.EMPTY, "said nothing"),
    "no word": (Answer(events(*said())), Kind.EMPTY, "said nothing and called nothing"),
    "white space": (Answer(events(*said("\n", "  "))), Kind.EMPTY, "said nothing"),
    "thoughts alone": (Answer(events(chunk({"reasoning_content": "Hm."}), chunk({}, "stop"))), Kind.EMPTY, "thought"),
    "thoughts without end": (Answer(events(*said("<think>Hm.", " So"))), Kind.EMPTY, "thought"),
    "no word at its length": (Answer(events(*said(finish="length"))), Kind.LENGTH, "cut at its length"),
    "a filter": (Answer(events(*said(finish="SAFETY"))), Kind.FILTERED, "content filter"),
    "a malformed call": (Answer(events(chunk({}, "MALFORMED_FUNCTION_CALL"))), Kind.GARBLED, "called a tool"),
    "an abort": (Answer(events(*HALF, chunk({}, "abort"))), Kind.BROKEN, "broke its answer off"),
    "an end amid words": (Answer(events(*HALF, done=False)), Kind.BROKEN, "broke off before its end"),
    "a break amid words": (Answer(events(*HALF, done=False), breaks=True), Kind.BROKEN, "broke off before its end"),
    "a break before a word": (Answer(b"", breaks=True), Kind.AWAY, "before its answer began"),
    "a break amid an event": (Answer(events(*HALF, done=False) + b'data: {"choices":[{"ind'), Kind.BROKEN, "no JSON"),
    "a call without a name": (
        Answer(
            events(
                chunk(
                    {"tool_calls": [{"index": 0, "id": "call_x1y2z3aa", "function": {"arguments": "{}"}}]}, "tool_calls"
                )
            )
        ),
        Kind.GARBLED,
        "without saying which",
    ),
    "an error": (
        Answer(events(*HALF, {"error": {"message": "CUDA out of memory", "code": 500}})),
        Kind.SERVER,
        "CUDA out of memory",
    ),
    "an error that is a text": (
        Answer(events(*HALF, {"error": "CUDA out of memory"})),
        Kind.SERVER,
        "CUDA out of memory",
    ),
    "an error in a list": (
        Answer(events([{"error": {"message": "CUDA out of memory", "code": 503}}])),
        Kind.LOADING,
        "CUDA out of memory",
    ),
    "a detail": (Answer(events({"detail": "CUDA out of memory"})), Kind.SERVER, "CUDA out of memory"),
    "an error by type": (
        Answer(events({"type": "error", "message": "CUDA out of memory"})),
        Kind.SERVER,
        "CUDA out of memory",
    ),
    "an error by name": (
        Answer(b'event: error\ndata: {"message":"CUDA out of memory"}\n\n'),
        Kind.SERVER,
        "CUDA out of memory",
    ),
    "an error in a choice": (
        Answer(events(*HALF, chunk(choices=[{"index": 0, "delta": {}, "error": {"message": "CUDA out of memory"}}]))),
        Kind.SERVER,
        "CUDA out of memory",
    ),
    "an error as an event of text": (Answer(b"data: CUDA out of memory\n\n"), Kind.SERVER, "CUDA out of memory"),
    "an error with 200": (
        Answer(b'{"error":{"message":"CUDA out of memory"}}', kind="application/json"),
        Kind.SERVER,
        "CUDA out of memory",
    ),
    "a rate limit amid words": (
        Answer(events(*HALF, {"error": {"message": "Rate limit reached", "code": 429}})),
        Kind.BUSY,
        "Rate limit reached",
    ),
    "a refusal of the key": (
        Answer(b'{"error":{"message":"Incorrect API key"}}', 401, "application/json"),
        Kind.KEY,
        "Incorrect API key",
    ),
    "a refusal": (Answer(b'{"detail":"No such thing"}', 400, "application/json"), Kind.REQUEST, "No such thing"),
    "a failure": (Answer(PAGE, 502, "text/html"), Kind.SERVER, "Sign in to the proxy"),
    "deep JSON": (Answer(events(b'{"choices":' + b"[" * 5000 + b"]" * 5000 + b"}")), Kind.GARBLED, "nested"),
    "too many values": (Answer(events(b'{"choices":[],"x":[' + b"1," * 600_000 + b"1]}")), Kind.GARBLED, "values"),
}
RESPONSES: dict[str, tuple[Answer, Kind, str]] = {
    "failed": (
        Answer(
            events(
                {
                    "type": "response.failed",
                    "response": {"status": "failed", "error": {"code": "server_error", "message": "It fell over"}},
                },
                done=False,
            )
        ),
        Kind.SERVER,
        "It fell over",
    ),
    "an error event": (
        Answer(events({"type": "error", "code": "rate_limit_exceeded", "message": "Slow down"}, done=False)),
        Kind.BUSY,
        "Slow down",
    ),
    "an end amid words": (Answer(events(*words("Hello"), done=False)), Kind.BROKEN, "broke off"),
    "nothing said": (Answer(events(completed(), done=False)), Kind.EMPTY, "said nothing"),
    "white space": (Answer(events(completed(message(" ")), done=False)), Kind.EMPTY, "said nothing"),
    "cut before a word": (
        Answer(
            events(
                completed(
                    kind="response.incomplete", status="incomplete", incomplete_details={"reason": "max_output_tokens"}
                ),
                done=False,
            )
        ),
        Kind.LENGTH,
        "cut at its length",
    ),
    "a filter": (
        Answer(
            events(
                completed(
                    kind="response.incomplete", status="incomplete", incomplete_details={"reason": "content_filter"}
                ),
                done=False,
            )
        ),
        Kind.FILTERED,
        "content filter",
    ),
    "the other API": (Answer(events(*said("Hello"))), Kind.GARBLED, "Chat Completions"),
    "the other API, whole": (
        Answer(b'{"object":"chat.completion","choices":[]}', kind="application/json"),
        Kind.GARBLED,
        "it holds object, choices",
    ),
    "HTML": (Answer(PAGE, kind="text/html"), Kind.GARBLED, "HTML page"),
    "nothing": (Answer(b""), Kind.EMPTY, "answered nothing"),
}


async def failure(answer: Answer, api: str, **options: Any) -> ModelError:
    async with playing(answer) as player:
        with pytest.raises(ModelError) as caught:
            await take_turn(player, api, **options)
    return caught.value


@pytest.mark.parametrize("name", CHAT)
async def test_what_is_no_chat_answer_is_told(name: str) -> None:
    answer, kind, words = CHAT[name]
    error = await failure(answer, "chat")
    assert (error.kind, words in error.message) == (kind, True), error.message
    assert error.message.startswith("The model")
    assert error.message.endswith((".", "…"))


@pytest.mark.parametrize("name", RESPONSES)
async def test_what_is_no_answer_of_the_responses_api_is_told(name: str) -> None:
    answer, kind, words = RESPONSES[name]
    error = await failure(answer, "responses")
    assert (error.kind, words in error.message) == (kind, True), error.message


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_silence_amid_an_answer_is_told(api: str) -> None:
    body = events(*HALF, done=False) if api == "chat" else events(*words("Hello"), done=False)
    error = await failure(Answer(body, holds=True), api, silence=0.2)
    assert (error.kind, error.message) == (Kind.SILENT, "The model's server was silent for 0.2 s amid its answer.")


async def test_a_connection_that_breaks_behind_the_end_breaks_nothing() -> None:
    async with playing(Answer(events(*said("Hello"), done=False), breaks=True)) as player:
        assert (await take_turn(player)).text == "Hello"


async def test_an_endpoint_that_gives_no_reason_to_end_is_believed_by_its_done() -> None:
    async with playing(events(chunk({"content": "Hello"}), usage_chunk())) as player:
        assert (await take_turn(player)).text == "Hello"


async def test_thoughts_that_only_end_are_asked_for_anew_and_then_read() -> None:
    body = events(*said("So, hm.", "\n</think>\n\n", "Hello"))
    async with playing(body) as player:
        with pytest.raises(ModelError) as caught:
            await take_turn(player)
        assert (caught.value.kind, caught.value.again) == (Kind.GARBLED, True)
        turn = await take_turn(player)
        assert (turn.text, turn.thoughts) == ("Hello", "So, hm.\n")
        assert "think_unopened" in turn.noted.names


async def test_an_answer_without_such_thoughts_is_whole_again() -> None:
    async with playing(events(*said("Hm.", "\n</think>\n", "A")), events(*said("Hello", " there."))) as player:
        with pytest.raises(ModelError):
            await take_turn(player)
        assert (await take_turn(player)).text == "Hello there."
        turn = await take_turn(player)
        assert (turn.text, turn.thoughts) == ("Hello there.", "")


async def test_a_call_that_was_cut_is_asked_for_anew_and_never_made_whole() -> None:
    entry = {"index": 0, "id": "call_x1y2z3aa", "function": {"name": "get_weather", "arguments": '{"city":"Par'}}
    async with playing(events(chunk({"tool_calls": [entry]}), chunk({}, "length"), usage_chunk())) as player:
        with pytest.raises(ModelError, match="called get_weather with arguments that are no JSON") as caught:
            await take_turn(player)
    assert caught.value.again


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Bob", "age": 3}',
        '{"name": "Ada", "arguments": ["analytical", "engine"]}',
        '{"name": "Ada Lovelace", "arguments": {"wrote": 1}}',
        '{"name": "ada", "arguments": {"wrote": 1}, "born": 1815}',
        '{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}',
        "Write `<tool_call>` before a call.",
        'You would say:\n<tool_call>{"name": "get_weather", "arguments": {"city": "x"}}</tool_call>\nand then wait.',
        "```json\n[1, 2]\n```\nThat is a list.",
        "[1] A source. [2] Another <b>one</b>.",
        "```python\nget_weather(city='x')\n```",
        "a < b and [c] ◁ d",
        "<",
        "{",
        json.dumps({"id": 1, "title": "x" * 100}),
        "Use <thinking> and </thinking> tags.",
        "e\u2028f\u2029g\u0085h",
    ],
)
async def test_a_text_that_is_no_call_passes_as_it_is(text: str) -> None:
    pieces = [text[at : at + 5] for at in range(0, len(text), 5)]
    async with playing(events(*said(*pieces))) as player:
        turn = await take_turn(player)
    assert (turn.text, turn.shown, turn.calls) == (text, text, [])


async def test_without_tools_nothing_is_a_call() -> None:
    text = '{"name": "get_weather", "arguments": {"city": "x"}}'
    async with playing(events(*said(text))) as player:
        turn = await take_turn(player, tools=[])
    assert (turn.text, turn.calls) == (text, [])


async def test_where_the_answer_is_to_be_json_a_name_beside_arguments_is_no_call() -> None:
    text = '{"name": "delete_all", "arguments": {}}'
    settings = ModelSettings(include_usage=True, extra_body={"response_format": {"type": "json_object"}})
    async with playing(events(*said(text))) as player:
        turn = await take_turn(player, settings=settings)
        assert (turn.text, turn.calls) == (text, [])
        assert (await take_turn(player)).calls == [("delete_all", {})]


async def test_ids_of_earlier_turns_are_not_used_again() -> None:
    earlier: list[Any] = [
        {"role": "user", "content": "Weather?"},
        {"type": "function_call", "call_id": "call_aXk29dPq", "name": "get_weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_aXk29dPq", "output": "sunny"},
    ]
    entry = {
        "index": 0,
        "id": "call_aXk29dPq",
        "type": "function",
        "function": {"name": "get_weather", "arguments": "{}"},
    }
    async with playing(events(chunk({"tool_calls": [entry]}), chunk({}, "tool_calls"), usage_chunk())) as player:
        turn = await take_turn(player, history=earlier)
    assert turn.ids != ["call_aXk29dPq"]
    assert "call_id_repeated" in turn.noted.names
