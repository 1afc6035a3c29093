"""What a model's server sends is read in linear time, whatever it is: nothing of it stops the process."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from agentnet.models.endpoints.failure import ModelError
from agentnet.models.endpoints.refusals import failure_of
from agentnet.models.endpoints.waits import wait_of
from agentnet.models.wire.asked import Asked
from agentnet.models.wire.habits import Habits
from agentnet.models.wire.quirks import noted_for
from agentnet.models.wire.reading import object_in
from agentnet.models.wire.spoken import calls_in
from agentnet.models.wire.words import Words
from agentnet.prompts.sizes import sizes_told

MOST_CPU_SECONDS = 2.0
"""A watchdog: what is read once takes a hundredth of it, what is read again for each of its characters minutes."""
TOOL = {"type": "function", "function": {"name": "send", "parameters": {"properties": {"city": {"type": "string"}}}}}
REPEATED = (
    " ", "\n", "\n ", "x", "1", "1,", "1 ", "<", "<x", "</", "[", "{", "(", '"', "\\", "`", "```", "```\n", "/", ".",
    ":", "<|", "<|end|>", "<|end|> ", "</s>", "<think>", "</think>", "<think></think>", "<tool_call>", "</tool_call>",
    "<function=send>", "<function=", "<invoke name=", "<parameter=", "<parameter=a ", "<parameter=a>", "<arg_key>",
    "<arg_key>a</arg_key>", "</arg_key>", "[TOOL_CALLS]", "[CALL_ID]", "functools[", "Thought:", "Thought:\n",
    "Action:", "Action: send\n", "Action: send\nAction Input:", "send(", "send (", "json ", "to=", "<style ", "<title>",
    "<h1 ", "<h1>", '{"name": "send", ', '{"name":', '{"name": "', '"name": "send" ', "context length ", "maximum ",
    "limit: 1", "try again in ",
)  # fmt: skip
OPENED = (
    "", "<tool_call>", "<function=send>", "<function=send><parameter=", "Thought:", "Action: send\n", "```json",
    '{"name": "send", ',
)  # fmt: skip
TEXTS = [f"{opening}{text}" for opening in OPENED for text in REPEATED]
SIZE = 60_000


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """Ends what takes too much CPU, wherever it is: expressions look for signals too."""

    def ended(_: int, __: FrameType | None) -> None:
        raise AssertionError(f"still reading after {MOST_CPU_SECONDS:g} s of CPU")

    before = signal.signal(signal.SIGVTALRM, ended)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def refused() -> Iterator[None]:
    """A refusal of what is read is an answer too."""
    try:
        yield
    except ModelError:
        return


def asked() -> Asked:
    """A request with one tool."""
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}], "tools": [TOOL]}
    return Asked("chat", json.dumps(body, separators=(",", ":")).encode(), Habits())  # as the OpenAI client writes it


def hostile(text: str, end: str) -> str:
    """`text`, its last part over and over."""
    opening = max((each for each in OPENED if text.startswith(each)), key=len)
    repeated = text.removeprefix(opening) or text
    return f"{opening}{repeated * (SIZE // len(repeated))}{end}"


def spoken(pieces: Iterator[str]) -> None:
    """As the words of one answer."""
    words = Words(asked(), noted_for("m", set()))
    for piece in pieces:
        words.feed(piece)
    words.end()


@pytest.mark.parametrize("text", TEXTS)
def test_words_of_an_answer_are_read_once(text: str) -> None:
    whole = hostile(text, "x")
    with refused():
        spoken(iter([whole]))
    with refused():
        spoken(iter(["hello ", whole]))
    with refused():
        spoken(whole[at : at + 200] for at in range(0, len(whole), 200))


@pytest.mark.parametrize("text", TEXTS)
def test_calls_and_arguments_are_read_once(text: str) -> None:
    whole = hostile(text, "x")
    with refused():
        calls_in(whole, asked().tools)
    with refused():
        object_in(whole)


READERS: dict[str, Callable[[str], object]] = {
    "header": lambda text: wait_of({"retry-after": text, "retry-after-ms": text, "date": text}),
    "reset": lambda text: wait_of({"x-ratelimit-reset-tokens": text, "x-ratelimit-remaining-tokens": text}),
    "details": lambda text: wait_of({}, {"error": [{"retryDelay": text}] * 20}),
    "words": lambda text: wait_of({}, None, text),
    "sizes": sizes_told,
    "text": lambda text: failure_of(500, {}, text.encode()),
    "page": lambda text: failure_of(500, {}, f"<html>{text}".encode()),
    "sentence": lambda text: failure_of(429, {}, json.dumps({"error": {"message": text}}).encode()),
    "encoded": lambda text: failure_of(400, {}, json.dumps({"error": json.dumps({"message": text})}).encode()),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", REPEATED)
def test_refusals_are_read_once(reader: str, text: str) -> None:
    READERS[reader](hostile(text, "x"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("9" * 101, None),
        ("1s" * 60, None),
        ("1m30s", 90.0),
        (" 250 ms ", 0.25),
        ("2 minutes and 5 s", 125.0),
        ("-5", 0.0),
        ("nan", None),
        ("inf", None),
        ("1e308", 366 * 86_400.0),
        ("9" * 99, 366 * 86_400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 366 * 86_400.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ],
)
def test_a_wait_is_a_short_text_and_within_a_year(text: str, seconds: float | None) -> None:
    assert wait_of({"retry-after": text}) == seconds


UNOPENED = [
    ("It is 42.<|endoftext|>", "It is 42.", []),
    ('<tool_call>{"name":"send","arguments":{"city":"Oslo"}}</tool_call>', "", [("send", '{"city":"Oslo"}')]),
    ("Hello <b>you</b>.", "Hello <b>you</b>.", []),
    ("plain", "plain", []),
    ("Hm.</think>\nYes.<|im_end|>", "Yes.", []),
]


@pytest.mark.parametrize(("text", "words", "calls"), UNOPENED)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_was_taken_for_thoughts_is_read_as_any_answer_is(
    text: str, words: str, calls: list[tuple[str, str]], size: int
) -> None:
    """A model that began without a word of its thoughts before may do without them now."""
    request = asked()
    request.habits.thinks_first = True
    reader = Words(request, noted_for("m", set()))
    said = [*(reader.feed(text[at : at + size]) for at in range(0, len(text), size)), reader.end()]
    assert "".join(each.words for each in said) == words
    assert [call for each in said for call in each.calls] == calls
