"""Each quirk of Chat Completions by name: the bytes that an endpoint sends, and what the SDK makes of them."""

import json
from typing import Any

import pytest

from agentnet.models.wire.quirks import QUIRKS
from tests.unit.models.wire.cases import CITY, HELLO, PARIS, ROME, Case, is_whole, made_of
from tests.unit.models.wire.playing import (
    DONE,
    Answer,
    call,
    called,
    chunk,
    events,
    playing,
    said,
    take_turn,
    usage_chunk,
)
from tests.unit.models.wire.test_responses_quirks import CASES as RESPONSES_CASES

pytestmark = pytest.mark.anyio


def words(quirk: str, *chunks: Any, name: str = "", text: str = HELLO, thoughts: str = "", done: bool = True) -> Case:
    """A case that ends in words."""
    return Case(quirk, events(*chunks, done=done), text, thoughts=thoughts, name=name)


def calls(quirk: str, *chunks: Any, name: str = "", to: tuple[tuple[str, Any], ...] = (PARIS,), text: str = "") -> Case:
    """A case that ends in calls."""
    return Case(quirk, events(*chunks), text, to, name=name, reason="tool_calls")


def spoken(
    text: str, name: str, to: tuple[tuple[str, Any], ...] = (PARIS,), before: str = "", thoughts: str = ""
) -> Case:
    """A call that comes as text, in small pieces."""
    pieces = [text[at : at + 3] for at in range(0, len(text), 3)]
    return Case("call_in_text", events(*said(*pieces)), before, to, thoughts, name=name, reason="tool_calls")


COMPLETION = {
    "id": "c1",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": HELLO}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
}
CALLED = {
    **COMPLETION,
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": None, "tool_calls": [call(CITY, index=...)]},
            "finish_reason": "tool_calls",
        }
    ],
}
SPLIT = [chunk({"content": "Hello"}), chunk({"content": " there."})]
END = [chunk({}, "stop"), usage_chunk()]
HALVES = [
    b'{"id":"c","choices":[{"index":0,"delta":{"content":"Hi \\ud83d"},"finish_reason":null}]}',
    b'{"id":"c","choices":[{"index":0,"delta":{"content":"\\ude00!"},"finish_reason":null}]}',
]
CUT_BYTES = [
    b'{"id":"c","choices":[{"index":0,"delta":{"content":"caf\xc3"},"finish_reason":null}]}',
    b'{"id":"c","choices":[{"index":0,"delta":{"content":"\xa9"},"finish_reason":null}]}',
]

CASES = [
    # The stream
    Case("event_unfinished", events(*said("Hello", " there."), done=False) + DONE.rstrip(), HELLO),
    Case(
        "events_glued",
        b"".join(b"data: %b\n" % json.dumps(each).encode() for each in said("Hello", " there.")) + b"data: [DONE]\n\n",
        HELLO,
    ),
    Case("done_spelled", events(*said("Hello", " there."), done=False) + b"data: DONE\n\n", HELLO),
    Case("after_done", events(*said("Hello", " there.")) + events(chunk({"content": "junk"})), HELLO),
    Case(
        "json_loose",
        events(chunk({"content": "Hello"}), b'{"x":NaN,"choices":[{"index":0,"delta":{"content":" there."}}]}', *END),
        HELLO,
    ),
    Case("text_halved", events(*HALVES, *END), "Hi \U0001f600!"),
    Case("text_halved", events(*CUT_BYTES, *END), "caf\u00e9", name="bytes"),
    Case("text_halved", events(HALVES[0], *END), "Hi \ufffd", name="for good"),
    Case("stream_whole", json.dumps(COMPLETION).encode(), HELLO, kind="application/json"),
    Case(
        "stream_whole",
        json.dumps(CALLED).encode(),
        calls=(PARIS,),
        kind="application/json",
        name="call",
        reason="tool_calls",
    ),
    Case("stream_whole", json.dumps(COMPLETION, indent=2).encode(), HELLO, name="though it says events"),
    Case(
        "stream_lines",
        b"\n".join(json.dumps(each).encode() for each in said("Hello", " there.")),
        HELLO,
        kind="application/x-ndjson",
    ),
    words("event_foreign", chunk({"content": "Hello"}), {"type": "ping"}, chunk({"content": " there."}), *END),
    # Chunks and choices
    words("choices_missing", *SPLIT, chunk({}, "stop"), {**usage_chunk(), "choices": None}),
    words("choices_missing", {"delta": {"content": HELLO}, "finish_reason": None}, *END, name="a bare delta"),
    words(
        "choices_many",
        chunk(choices=[{"index": 1, "delta": {"content": "no"}}, {"index": 0, "delta": {"content": HELLO}}]),
        *END,
    ),
    words(
        "choice_index", *({**each, "choices": [{**each["choices"][0], "index": 1}]} for each in SPLIT), usage_chunk()
    ),
    words(
        "choice_index",
        chunk(choices=[{"delta": {"content": HELLO}}]),
        chunk(choices=[{"delta": {}, "finish_reason": "stop"}]),
        name="missing",
    ),
    words("delta_missing", chunk(choices=[{"index": 0, "message": {"content": HELLO}}]), *END),
    words("delta_missing", chunk(choices=[{"index": 0, "text": HELLO}]), *END, name="text"),
    words("delta_missing", chunk(choices=[{"index": 0, "delta": None}]), *SPLIT, *END, name="null"),
    words(
        "content_parts",
        chunk({"content": [{"type": "text", "text": "Hello"}]}),
        chunk({"content": {"text": " there."}}),
        *END,
    ),
    words("content_parts", chunk({"content": 42}), *END, text="42", name="number"),
    words(
        "content_parts",
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}),
        *SPLIT,
        *END,
        thoughts="Hm.",
        name="thinking",
    ),
    words("logprobs_odd", chunk(choices=[{"index": 0, "delta": {"content": HELLO}, "logprobs": [1]}]), *END),
    calls("finish_wrong", *called(call(CITY), finish="stop")),
    words("finish_wrong", *said("Hello", " there.", finish="tool_calls"), name="nothing called"),
    words("finish_unknown", *said("Hello", " there.", finish="END_TURN")),
    words(
        "finish_unknown",
        chunk({"content": "Hello"}, ""),
        chunk({"content": " there."}, "null"),
        *END,
        name="none so far",
    ),
    words("finish_missing", *SPLIT, usage_chunk()),
    # Calls
    calls("call_id_missing", *called(call(CITY, call_id=...))),
    calls("call_id_missing", *called(call(CITY, call_id="")), name="empty"),
    calls("call_id_missing", *called(call(CITY, call_id=None)), name="null"),
    calls("call_id_repeated", *called(call(CITY), call('{"city":"Rome"}', index=1)), to=(PARIS, ROME)),
    calls("call_id_counted", *called(call(CITY, call_id="call_0"))),
    calls("call_id_counted", *called(call(CITY, call_id=0)), name="number"),
    calls(
        "call_index",
        *called(call(CITY, call_id="call_aaaa1xyz"), call('{"city":"Rome"}', call_id="call_bbbb2xyz")),
        to=(PARIS, ROME),
    ),
    calls(
        "call_index",
        *called(call(CITY, call_id=...), call('{"city":"Rome"}', call_id=...)),
        to=(PARIS, ROME),
        name="and no ids",
    ),
    calls(
        "call_index",
        *called(call(CITY, index=...), call('{"city":"Rome"}', index=..., call_id="call_zzzz2xyz")),
        to=(PARIS, ROME),
        name="missing",
    ),
    calls(
        "call_index",
        *called(call("", index=...), call('{"city":', ..., ..., ...), call('"Paris"}', ..., ..., ...)),
        name="missing, in pieces",
    ),
    calls(
        "call_index",
        *called(call(""), call('{"city":', ..., 1, ...), call('"Paris"}', ..., 2, ...)),
        name="that of pieces grows",
    ),
    calls("call_shape", *called({"name": "get_weather", "arguments": CITY, "index": 0, "id": "call_aXk29dPq"})),
    calls("call_shape", chunk({"tool_calls": call(CITY)}), chunk({}, "tool_calls"), usage_chunk(), name="no list"),
    calls("call_shape", *called(call(CITY), {"index": 0, "function": None}), name="function null"),
    calls(
        "call_legacy",
        chunk({"function_call": {"name": "get_weather", "arguments": ""}}),
        chunk({"function_call": {"arguments": CITY}}),
        chunk({}, "function_call"),
        usage_chunk(),
    ),
    calls("name_leaked", *called(call(CITY, "functions.get_weather"))),
    calls("name_leaked", *called(call(CITY, "get_weather<|channel|>commentary")), name="channel"),
    calls(
        "name_leaked", *called(call(CITY, "commentary to=functions.get_weather<|constrain|>json")), name="commentary"
    ),
    calls("name_leaked", *called(call(CITY, "GetWeather")), name="case"),
    calls("name_split", *called(call(..., "get_"), call(..., "weather", 0, ...), call(CITY, ..., 0, ...))),
    calls("arguments_object", *called(call({"city": "Paris"}))),
    calls("arguments_encoded", *called(call(json.dumps(CITY)[:9]), call(json.dumps(CITY)[9:], ..., 0, ...))),
    calls("arguments_empty", *called(call("")), to=(("get_weather", {}),)),
    calls("arguments_empty", *called(call(None)), to=(("get_weather", {}),), name="null"),
    calls("arguments_empty", *called(call("null")), to=(("get_weather", {}),), name="null as text"),
    calls("arguments_fenced", *called(call("```json\n"), call(CITY, ..., 0, ...), call("\n```", ..., 0, ...))),
    calls("arguments_fenced", *called(call("{"), call("'city': 'Paris'}", ..., 0, ...)), name="python"),
    calls("arguments_trailing", *called(call(CITY), call("</tool_call>", ..., 0, ...))),
    calls("arguments_trailing", *called(call(CITY + "\n\nLet me look.")), name="words"),
    calls("arguments_growing", *called(call('{"city":'), call(CITY, ..., 0, ...))),
    calls("arguments_growing", *called(call("{}" + CITY)), name="an empty one before it"),
    calls("arguments_growing", *called(call("{}"), call(CITY, ..., 0, ...)), name="an empty one first"),
    words("text_nul", *said("Hello", " there.\x00")),
    calls("arguments_open", *called(call('{"city":'), call('"Paris"', ..., 0, ...))),
    calls("arguments_raw", *called(call('{"city":"Pa\nris"}')), to=(("get_weather", {"city": "Pa\nris"}),)),
    # Calls as text
    spoken(f'<tool_call>\n{{"name": "get_weather", "arguments": {CITY}}}\n</tool_call>', "hermes"),
    spoken(
        f'I look.\n<tool_call>{{"name": "get_weather", "arguments": {CITY}}}</tool_call>',
        "behind words",
        before="I look.\n",
    ),
    spoken(f'{{"name": "get_weather", "parameters": {CITY}}}', "bare JSON"),
    spoken(f'```json\n{{"name": "get_weather", "arguments": {CITY}}}\n```', "fence"),
    spoken(
        f'[TOOL_CALLS][{{"name": "get_weather", "arguments": {CITY}}}, '
        f'{{"name": "get_weather", "arguments": {{"city": "Rome"}}}}]',
        "mistral",
        (PARIS, ROME),
    ),
    spoken(f"[TOOL_CALLS]get_weather[ARGS]{CITY}", "mistral's newer"),
    spoken(f'<|python_tag|>{{"name": "get_weather", "parameters": {CITY}}}', "llama"),
    spoken(
        '[get_weather(city="Paris"), get_time(zone="CET", hours=1)]',
        "pythonic",
        (PARIS, ("get_time", {"zone": "CET", "hours": 1})),
    ),
    spoken(f"<function=get_weather>{CITY}</function>", "llama's tag"),
    spoken(
        "<tool_call>\n<function=get_time>\n<parameter=zone>\nCET\n</parameter>\n<parameter=hours>\n2\n</parameter>\n</function>\n</tool_call>",
        "qwen coder",
        (("get_time", {"zone": "CET", "hours": 2}),),
    ),
    spoken("<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n</tool_call>", "glm"),
    spoken(
        f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{CITY}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        "deepseek",
    ),
    spoken(
        f"<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{CITY}<|tool_call_end|><|tool_calls_section_end|>",
        "kimi",
    ),
    spoken(f"<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{CITY}<|call|>", "harmony"),
    spoken(f"commentary to=functions.get_weather json{CITY}", "harmony without its marks"),
    spoken(f'functools[{{"name": "get_weather", "arguments": {CITY}}}]', "phi"),
    spoken(
        '{"tool_calls": [{"type": "function", '
        f'"function": {{"name": "get_weather", "arguments": {json.dumps(CITY)}}}}}]}}',
        "the API's own form",
    ),
    spoken(
        f'<think>Hm.</think>\n<tool_call>{{"name": "get_weather", "arguments": {CITY}}}</tool_call>',
        "behind thoughts",
        thoughts="Hm.",
    ),
    *(
        Case(
            "call_unknown",
            events(*said(*(text[at : at + 3] for at in range(0, len(text), 3)))),
            before,
            ((tool, {"q": "x"}),),
            name=name,
            reason="tool_calls",
        )
        for name, tool, before, text in (
            ("hermes", "search", "", '<tool_call>{"name": "search", "arguments": {"q": "x"}}</tool_call>'),
            ("behind words", "search", "I look. ", 'I look. <tool_call>{"name": "search", "arguments": {"q": "x"}}'),
            ("bare JSON", "search", "", '{"name": "search", "parameters": {"q": "x"}}'),
            ("bare JSON, a list", "search", "", '[{"name": "search", "arguments": {"q": "x"}}]'),
            ("fence", "search", "", '```json\n{"name": "search", "arguments": {"q": "x"}}\n```'),
            ("llama's tag", "search", "", '<function=search>{"q": "x"}</function>'),
            ("mistral", "search", "", '[TOOL_CALLS]search[ARGS]{"q": "x"}'),
            ("namespace", "search", "", '<tool_call>{"name": "web.search", "arguments": {"q": "x"}}</tool_call>'),
            ("react", "search", "", 'Thought: Hm.\nAction: search\nAction Input: {"q": "x"}\nObservation: none'),
            (
                "the API's own form",
                "search",
                "",
                '{"tool_calls": [{"type": "function", "function": {"name": "search", "arguments": {"q": "x"}}}]}',
            ),
        )
    ),
    # Thoughts
    words("think_in_text", *said("<th", "ink>", "H", "m.", "</thi", "nk>", "\n\nHello", " there."), thoughts="Hm."),
    words("think_in_text", *said("\n<thinking>Hm.</thinking>Hello there."), thoughts="Hm.", name="in one"),
    words("think_in_text", *said("[THINK]Hm.[/THINK]Hello there."), thoughts="Hm.", name="mistral"),
    words(
        "think_in_text",
        *said("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hello there."),
        thoughts="Hm.",
        name="harmony",
    ),
    words("think_elsewhere", chunk({"thinking": "Hm."}), *SPLIT, *END, thoughts="Hm."),
    words(
        "think_elsewhere",
        chunk({"reasoning": "Hm.", "reasoning_content": "Hm."}),
        *SPLIT,
        *END,
        thoughts="Hm.",
        name="twice",
    ),
    words("marks_in_text", *said("</think>\n\nHello", " there.")),
    words("marks_in_text", *said("Hello", " there.", "<|im_end|>"), name="behind it"),
    # Usage
    words("usage_missing", *SPLIT, chunk({}, "stop")),
    words(
        "usage_odd", *SPLIT, chunk({}, "stop"), usage_chunk(prompt_tokens="9", completion_tokens="3", total_tokens=None)
    ),
    words(
        "usage_odd",
        *SPLIT,
        chunk({}, "stop"),
        {**usage_chunk(), "usage": {"input_tokens": 9, "output_tokens": 3}},
        name="other names",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_quirk_is_repaired(case: Case) -> None:
    async with playing(Answer(case.body, kind=case.kind)) as player:
        turn = await take_turn(player)
    assert made_of(turn) == case.made
    assert case.quirk in turn.noted.names
    assert is_whole(turn)
    assert turn.shown == case.text


def test_every_quirk_has_a_case() -> None:
    alone = {"think_unopened", "prompt_cut"}  # asked anew, and of long prompts: they have tests of their own
    assert {case.quirk for case in CASES} | {case.quirk for case in RESPONSES_CASES} | alone == QUIRKS.keys()
