"""Answers to a question of yes or no: what is neither is never taken for either."""

from typing import Any

import pytest
from a2a.types import Message, Part
from google.protobuf.struct_pb2 import Value

from agentnet.runs.approval import verdict


def in_words(text: str) -> Message:
    return Message(parts=[Part(text=text)])


def as_data(data: dict[str, Any]) -> Message:
    value = Value()
    value.struct_value.update(data)
    return Message(parts=[Part(data=value)])


WORDS = {
    True: ["yes", "Yes.", "y", "OK!", "yes, it was paid", "Go ahead", "approve", "ja", "Yes; receipt 7", "sure"],
    False: [
        "no",
        "No.",
        "n",
        "No, the amount is wrong",
        "nope",
        "don't",
        "Don\u2019t.",
        "do not",
        "reject",
        "never",
        "no: later",
    ],
    None: ["maybe", "", "perhaps later", "why?", "what does it do", "yesterday", "nobody knows", "okra", "42", "?"],
}
DATA: dict[bool | None, list[Any]] = {
    True: [True, "yes"],
    False: [False, "no"],
    None: ["maybe", 1, 0, "", None, {"a": True}, []],
}


@pytest.mark.parametrize(("text", "meant"), [(text, meant) for meant, texts in WORDS.items() for text in texts])
def test_words_are_yes_no_or_neither(text: str, meant: bool | None) -> None:
    assert verdict(in_words(text), "approve") is meant


@pytest.mark.parametrize(("value", "meant"), [(value, meant) for meant, values in DATA.items() for value in values])
@pytest.mark.parametrize("field", ["approve", "happened"])
def test_data_is_yes_no_or_neither(value: Any, meant: bool | None, field: str) -> None:
    assert verdict(as_data({field: value}), field) is meant
    assert verdict(as_data({"something": value}), field) is None
