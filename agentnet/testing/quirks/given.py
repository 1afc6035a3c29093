"""Quirks of the arguments of calls."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from agentnet.testing.quirks.edits import arguments, chunk_like, is_call
from agentnet.testing.quirks.quirk import CHAT, Need, Quirk
from agentnet.testing.wire import ABSENT, Event


def _python(given: str) -> str:
    return repr(json.loads(given))


def _as_text(given: str) -> str:
    return json.dumps({key: str(value) for key, value in json.loads(given).items()})


def _cut(given: str) -> str:
    return given[: len(given) // 2]


def _wrapped(key: str) -> Callable[[str], str]:
    return lambda given: json.dumps({key: json.loads(given)})


def _with_field(given: str) -> str:
    return json.dumps({**json.loads(given), "reason": "I was asked to."})


def _with_null(given: str) -> str:
    return json.dumps({**json.loads(given), "reason": None})


def _misnamed(given: str) -> str:
    return json.dumps({f"the_{key}": value for key, value in json.loads(given).items()})


def _again(chunks: list[Event], *, growing: bool) -> Iterator[Event]:
    """Arguments that are sent again: each piece with all before it, or all of them after the last."""
    so_far = ""
    last: Event | None = None
    for chunk in chunks:
        if is_call(chunk):
            call = chunk["choices"][0]["delta"]["tool_calls"][0]
            so_far += call["function"]["arguments"]
            last = chunk
            if growing:
                call["function"]["arguments"] = so_far
        elif last is not None and not growing:
            yield chunk_like(last, {"tool_calls": [{"index": 0, "function": {"arguments": so_far}}]})
            last = None
        yield chunk


def _after_an_empty_object(chunks: list[Event]) -> list[Event]:
    first = next((chunk for chunk in chunks if is_call(chunk)), None)
    if first is not None:
        function = first["choices"][0]["delta"]["tool_calls"][0]["function"]
        function["arguments"] = "{}" + function["arguments"]
    return chunks


def _null_in_first(chunks: list[Event]) -> Iterator[Event]:
    for chunk in chunks:
        call = chunk["choices"][0]["delta"]["tool_calls"][0] if is_call(chunk) else {}
        if "id" in call:
            nothing = {**call, "function": {**call["function"], "arguments": None}}
            yield chunk_like(chunk, {"tool_calls": [nothing]})
            yield chunk_like(
                chunk, {"tool_calls": [{"index": 0, "function": {"arguments": call["function"]["arguments"]}}]}
            )
        else:
            yield chunk


def _always(name: str, says: str, edit: Callable[[str], Any], need: Need = Need.CALL) -> Quirk:
    return Quirk(name, says, need, on="calls", turn=arguments(edit))


def _once(name: str, says: str, edit: Callable[[str], Any]) -> Quirk:
    return Quirk(name, f"{says} Once.", on="calls", times=1, turn=arguments(edit))


QUIRKS = (
    _always("arguments-object", "Arguments are an object, as Ollama's own.", json.loads),
    _always("arguments-encoded-twice", "Arguments are JSON in JSON.", json.dumps),
    _always("arguments-encoded-thrice", "And once more.", lambda given: json.dumps(json.dumps(given))),
    _always("arguments-null", "Arguments that are none are null.", lambda _: None, Need.BARE),
    _always("arguments-null-as-text", "They are the word null.", lambda _: "null", Need.BARE),
    _always("arguments-empty", "They are empty.", lambda _: "", Need.BARE),
    _always("arguments-blank", "They are a space.", lambda _: " ", Need.BARE),
    _always("arguments-missing", "They are not there.", lambda _: ABSENT, Need.BARE),
    _always("arguments-empty-list", "They are a list without anything.", lambda _: "[]", Need.BARE),
    _always("arguments-none", "They are Python's None.", lambda _: "None", Need.BARE),
    _always("arguments-fenced", "Arguments are in a block of code.", lambda given: f"```json\n{given}\n```"),
    _always("arguments-with-end-mark", "A mark of the end leaks.", lambda given: f"{given}<|im_end|>"),
    _always("arguments-with-call-mark", "Another mark leaks.", lambda given: f"{given}<|call|>"),
    _always("arguments-with-space", "There is space around.", lambda given: f"\n  {given}\n"),
    _always("arguments-numbers-as-text", "Numbers are in strings.", _as_text),
    _once("arguments-with-null-field", "A field that is not asked for is null.", _with_null),
    _once("arguments-of-python", "Arguments are Python.", _python),
    _once("arguments-with-last-comma", "There is a comma before the end.", lambda given: f"{given[:-1]},}}"),
    _once("arguments-in-words", "There are words around.", lambda given: f"Here you are: {given}"),
    _once("arguments-without-last-brace", "The last brace is missing.", lambda given: given[:-1]),
    _once("arguments-with-brace-too-many", "There is a brace too many.", lambda given: f"{given}}}"),
    _once("arguments-cut", "Arguments end in their middle.", _cut),
    _once("arguments-in-a-list", "The object is in a list.", lambda given: f"[{given}]"),
    _once("arguments-wrapped", "The object is in another.", _wrapped("arguments")),
    _once("arguments-wrapped-as-input", "It is in one of another name.", _wrapped("input")),
    _once("arguments-with-field", "There is a field that is not asked for.", _with_field),
    _once("arguments-misnamed", "Fields have other names.", _misnamed),
    _once("arguments-not-there", "Fields are missing.", lambda _: "{}"),
    _once("arguments-a-number", "It is a number.", lambda _: "42"),
    _once("arguments-nan", "A number is none.", lambda given: given.replace("6", "NaN")),
    _once("arguments-nested-deep", "It is a thousand lists.", lambda _: "[" * 1000 + "]" * 1000),
    Quirk(
        "arguments-sent-again",
        "All arguments come again after their pieces.",
        chat=lambda chunks: _again(chunks, growing=False),
        apis=CHAT,
    ),
    Quirk(
        "arguments-growing",
        "Each piece holds all before it.",
        chat=lambda chunks: _again(chunks, growing=True),
        apis=CHAT,
    ),
    Quirk(
        "arguments-after-an-empty-object",
        "`{}` comes before the arguments.",
        chat=_after_an_empty_object,
        apis=CHAT,
    ),
    Quirk("arguments-null-at-first", "The first piece of a call has null.", chat=_null_in_first, apis=CHAT),
)
