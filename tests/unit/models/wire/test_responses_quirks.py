"""Each quirk of the Responses API by name: the bytes that an endpoint sends, and what the SDK makes of them."""

import json
from typing import Any

import pytest

from tests.unit.models.wire.cases import CITY, HELLO, PARIS, ROME, Case, is_whole, made_of
from tests.unit.models.wire.playing import Answer, events, playing, take_turn

pytestmark = pytest.mark.anyio

USAGE = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}


def message(text: Any = HELLO, **members: Any) -> dict[str, Any]:
    """An item of words."""
    content = [{"type": "output_text", "text": text, "annotations": []}] if isinstance(text, str) else text
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content, **members}


def function_call(arguments: Any = CITY, **members: Any) -> dict[str, Any]:
    """An item of a call; what is `...` is left out."""
    item = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_aXk29dPq",
        "name": "get_weather",
        "arguments": arguments,
    }
    return {key: value for key, value in (item | members).items() if value is not ...}


def response(*output: Any, **members: Any) -> dict[str, Any]:
    """A response."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "m",
        "output": list(output),
        "usage": USAGE,
        **members,
    }


def completed(*output: Any, kind: str = "response.completed", **members: Any) -> dict[str, Any]:
    """The last event."""
    return {"type": kind, "sequence_number": 9, "response": response(*output, **members)}


def words(*pieces: Any, **members: Any) -> list[dict[str, Any]]:
    """The events before the last of an answer of words."""
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
    created = {"type": "response.created", "sequence_number": 0, "response": response(status="in_progress", usage=None)}
    added = {"type": "response.output_item.added", "output_index": 0, "item": message([]), "sequence_number": 1}
    deltas = [
        {"type": "response.output_text.delta", **place, "delta": piece, "sequence_number": 2 + at, **members}
        for at, piece in enumerate(pieces)
    ]
    return [created, added, *deltas]


def item_done(item: dict[str, Any], index: int = 0) -> dict[str, Any]:
    """The event that tells a whole item."""
    return {"type": "response.output_item.done", "output_index": index, "item": item, "sequence_number": 8}


def call_case(quirk: str, *items: dict[str, Any], name: str = "", to: tuple[tuple[str, Any], ...] = (PARIS,)) -> Case:
    """A case that ends in calls."""
    return Case(
        quirk,
        events(*(item_done(item, at) for at, item in enumerate(items)), completed(*items), done=False),
        "",
        to,
        name=name,
    )


def text_case(
    quirk: str, text: str, name: str, said: str = "", to: tuple[tuple[str, Any], ...] = (), thoughts: str = ""
) -> Case:
    """A case of words that are to be read otherwise."""
    pieces = [text[at : at + 4] for at in range(0, len(text), 4)]
    return Case(quirk, events(*words(*pieces), completed(message(text)), done=False), said, to, thoughts, name=name)


PIECES = words("Hello", " there.")
UNTYPED = [{key: value for key, value in each.items() if key != "type"} for each in PIECES[2:]]

CASES = [
    Case("response_unfinished", events(*PIECES, item_done(message()), done=False), HELLO, name="responses"),
    Case("response_unfinished", events(*PIECES), HELLO, name="responses, only [DONE]"),
    Case("response_empty", events(*PIECES, completed(), done=False), HELLO, name="responses"),
    Case(
        "response_empty",
        events(item_done(function_call()), completed(), done=False),
        "",
        (PARIS,),
        name="responses, call",
    ),
    Case(
        "response_empty",
        events(
            {"type": "response.output_item.added", "output_index": 0, "item": function_call("")},
            {
                "type": "response.function_call_arguments.delta",
                "output_index": 0,
                "item_id": "fc_1",
                "delta": '{"city":',
            },
            {
                "type": "response.function_call_arguments.delta",
                "output_index": 0,
                "item_id": "fc_1",
                "delta": '"Paris"}',
            },
            completed(),
            done=False,
        ),
        "",
        (PARIS,),
        name="responses, a call in pieces",
    ),
    Case(
        "response_incomplete",
        events(
            *PIECES,
            completed(
                message(),
                kind="response.incomplete",
                status="incomplete",
                incomplete_details={"reason": "max_output_tokens"},
            ),
            done=False,
        ),
        HELLO,
        name="responses",
        reason="length",
    ),
    Case(
        "response_incomplete",
        events(
            *PIECES,
            completed(message(), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            done=False,
        ),
        HELLO,
        name="responses, called completed",
        reason="length",
    ),
    Case("item_shape", events(*PIECES, completed(message(id=None)), done=False), HELLO, name="responses, no id"),
    Case(
        "content_parts",
        events(*PIECES, completed(message([{"type": "text", "text": HELLO}])), done=False),
        HELLO,
        name="responses",
    ),
    Case(
        "event_unnumbered",
        b"".join(b"event: response.output_text.delta\ndata: %b\n\n" % json.dumps(each).encode() for each in UNTYPED)
        + events(completed(message()), done=False),
        HELLO,
        name="responses",
    ),
    Case(
        "event_foreign",
        events(*PIECES, {"type": "codex.rate_limits", "limits": 1}, completed(message()), done=False),
        HELLO,
        name="responses",
    ),
    Case(
        "after_done",
        events(*PIECES, completed(message()), *PIECES[2:], completed(message("no")), done=False),
        HELLO,
        name="responses",
    ),
    Case("stream_whole", json.dumps(response(message())).encode(), HELLO, name="responses"),
    Case(
        "text_halved",
        events(
            *words(),
            b'{"type":"response.output_text.delta","output_index":0,"delta":"Hi \\ud83d"}',
            b'{"type":"response.output_text.delta","output_index":0,"delta":"\\ude00"}',
            completed(message("Hi \U0001f600")),
            done=False,
        ),
        "Hi \U0001f600",
        name="responses",
    ),
    Case("usage_missing", events(*PIECES, completed(message(), usage=None), done=False), HELLO, name="responses"),
    Case(
        "usage_odd",
        events(*PIECES, completed(message(), usage={"input_tokens": "9", "output_tokens": -1}), done=False),
        HELLO,
        name="responses",
    ),
    call_case("call_id_missing", function_call(call_id=...), name="responses"),
    call_case("call_id_missing", function_call(call_id=""), name="responses, empty"),
    call_case(
        "call_id_repeated", function_call(), function_call('{"city":"Rome"}'), name="responses", to=(PARIS, ROME)
    ),
    call_case("call_id_counted", function_call(call_id=1), name="responses, number"),
    call_case("item_shape", function_call(id=...), name="responses, call without id"),
    call_case("arguments_object", function_call({"city": "Paris"}), name="responses"),
    call_case("arguments_encoded", function_call(json.dumps(CITY)), name="responses"),
    call_case("arguments_empty", function_call(None), name="responses", to=(("get_weather", {}),)),
    call_case("arguments_trailing", function_call(CITY + "}"), name="responses"),
    call_case("name_leaked", function_call(name="functions.get_weather"), name="responses"),
    text_case(
        "call_in_text",
        f'<tool_call>{{"name": "get_weather", "arguments": {CITY}}}</tool_call>',
        "responses",
        to=(PARIS,),
    ),
    text_case(
        "call_unknown",
        '<tool_call>{"name": "search", "arguments": {"q": "x"}}</tool_call>',
        "responses",
        to=(("search", {"q": "x"}),),
    ),
    text_case("call_in_text", f'{{"name": "get_weather", "arguments": {CITY}}}', "responses, bare JSON", to=(PARIS,)),
    text_case("think_in_text", "<think>Hm.</think>\n\nHello there.", "responses", HELLO, thoughts="Hm."),
]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_quirk_is_repaired(case: Case) -> None:
    async with playing(Answer(case.body)) as player:
        turn = await take_turn(player, "responses")
    assert made_of(turn) == case.made
    assert case.quirk in turn.noted.names
    assert is_whole(turn)
    if case.quirk != "stream_whole":
        assert turn.shown == case.text
