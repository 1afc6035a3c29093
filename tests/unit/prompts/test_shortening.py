"""A conversation is made shorter by rule: the oldest and the longest first, calls with their results, newest last."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.prompts.shortening import Shortened, cut
from agentnet.prompts.tokens import of_item, of_text

Item = dict[str, Any]
MARKS = 60
"""Tokens of what stands where something is left out."""


def user(text: str) -> Item:
    return {"role": "user", "content": text}


def said(text: str) -> Item:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "role": "assistant", "id": "m", "status": "completed", "content": content}


def call(name: str, **arguments: Any) -> Item:
    return {"type": "function_call", "call_id": name, "name": "tool", "arguments": json.dumps(arguments)}


def result(name: str, text: str) -> Item:
    return {"type": "function_call_output", "call_id": name, "output": text}


def turns(*sizes: int) -> list[Item]:
    return [item for at, size in enumerate(sizes) for item in (call(f"c{at}"), result(f"c{at}", chr(97 + at) * size))]


def shortened(items: list[Item], old: float, new: float | None = None) -> tuple[list[Item], int]:
    made = Shortened()
    made.take(items)
    left_out = made.shorten(items, old, old if new is None else new)
    return made.items(items), left_out


def tokens(items: list[Item]) -> float:
    return sum(map(of_item, items))


def pairs(items: list[Item]) -> bool:
    """Whether each call has its result behind it, and each result its call before it."""
    calls = [item["call_id"] for item in items if item.get("type") == "function_call"]
    results = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    return calls == results


def test_old_results_are_cut_before_anything_else_and_say_by_how_much() -> None:
    items = [user("Do it."), *turns(20_000, 20_000, 3_000)]
    sent, left_out = shortened(items, 3_000)
    assert tokens(sent) <= 3_000 + MARKS
    assert sent[0] == items[0]
    assert sent[-2:] == items[-2:]
    marks = [re.search(r"left out here: ([\d,]+) of 20,000 characters", item["output"]) for item in (sent[2], sent[4])]
    assert all(marks)
    assert left_out > 25_000
    assert pairs(sent)


def test_the_longest_are_cut_to_one_length_and_the_short_ones_not_at_all() -> None:
    sent, _ = shortened([user("Go."), *turns(30_000, 900, 10_000, 50)], 2_500)
    lengths = [len(item["output"]) for item in sent if "output" in item]
    assert lengths[1] == 900
    assert abs(lengths[0] - lengths[2]) < 20


def test_whole_old_turns_go_when_cutting_is_not_enough_and_the_request_tells_of_them() -> None:
    items = [user("Count them."), *turns(*[2_000] * 40)]
    sent, _ = shortened(items, 1_500, 2_000)
    assert tokens(sent) <= 2_000 + MARKS
    assert pairs(sent)
    assert sent[0]["content"].startswith("Count them.\n\n[… left out here: ")
    assert sent[-2:] == items[-2:]


def test_earlier_requests_go_with_all_that_answered_them_and_the_next_one_tells_of_them() -> None:
    items: list[Item] = []
    for number in range(12):
        items += [user(f"question {number}"), *turns(2_000), said(f"answer {number}")]
    items.append(user("And now?"))
    sent, _ = shortened(items, 800, 1_000)
    assert tokens(sent) <= 1_000 + MARKS
    assert sent[0]["role"] == "user"
    assert sent[0]["content"].startswith("[… left out here: ")
    assert sent[-1]["content"].endswith("And now?")
    assert pairs(sent)


def test_the_newest_request_is_cut_when_nothing_else_is_left_and_keeps_its_beginning_and_end() -> None:
    request = "Summarise this. " + "x" * 50_000 + " Answer in French."
    [sent], _ = shortened([user(request)], 500, 2_000)
    assert sent["content"].startswith("Summarise this.")
    assert sent["content"].endswith("Answer in French.")
    assert of_text(sent["content"]) < 2_100


def test_arguments_of_old_calls_stay_an_object() -> None:
    items = [
        user("Write."),
        call("c0", path="a.txt", text="z" * 20_000),
        result("c0", "ok"),
        call("c1"),
        result("c1", "ok"),
    ]
    sent, _ = shortened(items, 500, 900)
    arguments = json.loads(sent[1]["arguments"])
    assert arguments["path"] == "a.txt"
    assert "left out here" in arguments["text"]


def test_an_image_of_an_earlier_request_becomes_a_word() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"}
    asked = {"role": "user", "content": [{"type": "input_text", "text": "What is it?"}, image]}
    sent, _ = shortened([asked, said("A cat."), user("And this?")], 100)
    assert sent[0]["content"][1] == {"type": "input_text", "text": "[… left out here: an image …]"}


def test_what_was_cut_stays_cut_in_the_same_way_and_the_beginning_of_the_prompt_does_not_change() -> None:
    made = Shortened()
    items = [user("Do it."), *turns(9_000, 9_000)]
    made.take(items)
    made.shorten(items, 2_000, 5_000)
    before = made.items(items)
    items += turns(500)
    made.take(items)
    assert made.items(items)[: len(before)] == before


def test_nothing_is_copied_as_long_as_nothing_is_cut() -> None:
    made = Shortened()
    items = [user("Hello."), said("Hello.")]
    made.take(items)
    assert made.items(items) is items


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9_000)), max_size=25), st.integers(50, 4_000))
def test_calls_stay_with_their_results_and_a_request_stays_whatever_there_is(
    shape: list[tuple[int, int]], room: int
) -> None:
    items: list[Item] = [user("first")]
    for number, (kind, size) in enumerate(shape):
        if kind == 0:
            items.append(user("u" * size))
        elif kind == 1:
            items.append(said("s" * size))
        else:
            names = [f"{number}-{at}" for at in range(kind)]
            items += [call(name, text="t" * (size // 9)) for name in names]
            items += [result(name, "r" * size) for name in names]
    sent, _ = shortened(items, room * 0.7, room)
    assert pairs(sent)
    assert any(item.get("role") == "user" for item in sent)
    again, _ = shortened(items, room * 0.7, room)
    assert again == sent


@pytest.mark.parametrize("most", [50, 400, 5_000])
def test_a_cut_text_says_what_is_missing(most: int) -> None:
    text = "".join(chr(97 + at % 26) for at in range(6_000))
    short = cut(text, most)
    found = re.search(r"\n\[… left out here: ([\d,]+) of 6,000 characters …\]\n", short)
    assert found
    assert len(short) - len(found[0]) == 6_000 - int(found[1].replace(",", ""))
    assert short.startswith(text[:20])
    assert short.endswith(text[-10:])
