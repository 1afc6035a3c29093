"""Generations without end are stopped, and answers that only look like them are not."""

import random
from itertools import cycle

import pytest

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.runaway import MOST_BYTES, Runaway

WORDS = "response.output_text.delta"
THOUGHTS = "response.reasoning_text.delta"


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def fed(text: str, size: int = 7, max_tokens: int | None = None, kind: str = WORDS) -> None:
    watch = Runaway(max_tokens)
    for piece in pieces(text, size):
        watch.feed(kind, piece)


@pytest.mark.parametrize(
    "unit",
    [
        "I am sorry, I cannot do that.\n",
        "the ",
        "- item one\n- item two\n- item three\n",
        "She said: “no”. He said: “yes”. And so it went on for a long time until the night came.\n\n" * 3,
        '{"a": 1},\n',
        "うんうん、そうですね。",
        "ha",
    ],
)
@pytest.mark.parametrize("size", [1, 5, 333])
def test_the_same_again_and_again_is_stopped(unit: str, size: int) -> None:
    beginning = "A good beginning, of which nothing repeats itself. "
    with pytest.raises(ModelError) as caught:
        fed(beginning + unit * (20_000 // len(unit)), size)
    assert caught.value.kind is Kind.RUNAWAY
    assert not caught.value.again
    assert "again and again" in caught.value.message
    assert unit.split()[0][:2] in caught.value.message.replace("ah", "ha")


@pytest.mark.parametrize("unit", ["\n", "!", " \n", "0, ", "-----\n", "A"])
def test_what_holds_no_words_is_stopped_later(unit: str) -> None:
    fed(unit * (6000 // len(unit)))
    with pytest.raises(ModelError):
        fed(unit * (30_000 // len(unit)))


def table() -> str:
    rows = (f"| {number} | {number * number} | yes |" for number in range(2000))
    return "\n".join(rows)


def prose() -> str:
    chosen = random.Random(7)
    words = [
        "the",
        "a",
        "network",
        "agent",
        "task",
        "model",
        "of",
        "and",
        "to",
        "is",
        "waits",
        "says",
        "asks",
        "for",
        "with",
        "line",
        "turn",
    ]
    return " ".join(chosen.choice(words) for _ in range(20_000))


@pytest.mark.parametrize(
    "text",
    [
        table(),
        prose(),
        "\n".join(f"    value_{number} = compute(value_{number - 1})" for number in range(2000)),
        "| --- " * 200 + "|\n",
        "yes\n" * 300,
        ("Verse " + "la la la la\n" * 8 + "and then another thing happened\n") * 3,
    ],
)
def test_answers_that_have_much_of_the_same_are_left_alone(text: str) -> None:
    fed(text, 11)


def test_thoughts_and_arguments_are_watched_too_and_one_kind_does_not_go_on_in_another() -> None:
    with pytest.raises(ModelError):
        fed("Wait, let me think again. " * 200, kind=THOUGHTS)
    watch = Runaway()
    for kind, piece in zip(cycle((THOUGHTS, WORDS)), pieces("the same again. " * 500, 1024), strict=False):
        watch.feed(kind, piece)


def test_more_bytes_than_the_tokens_asked_for_can_hold_are_stopped() -> None:
    fed(prose()[:800], max_tokens=100)
    with pytest.raises(ModelError, match=r"was to write 100 tokens at most and wrote more than 800 bytes") as caught:
        fed(prose()[:801], max_tokens=100)
    assert caught.value.kind is Kind.RUNAWAY
    with pytest.raises(ModelError, match="wrote more than 800 bytes"):
        fed("é" * 3 + prose()[:796], max_tokens=100)


def test_without_a_limit_there_is_one_all_the_same() -> None:
    watch = Runaway()
    chosen = random.Random(1)
    with pytest.raises(ModelError, match="wrote more than 4 MiB"):
        for _ in range(MOST_BYTES // 65_536 + 1):
            watch.feed(WORDS, chosen.randbytes(32_768).hex())


@pytest.mark.parametrize("text", [None, "", 3, ["a"]])
def test_what_is_no_text_is_passed_over(text: object) -> None:
    watch = Runaway(1)
    for _ in range(100):
        watch.feed(WORDS, text)
