"""The one reader of server-sent events beside those that were there before it, and the one writer."""

import re
import sys
from collections.abc import AsyncIterator, Iterator
from inspect import getfile
from itertools import accumulate
from types import FrameType

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentnet.http.sse import Event, Reader, events_in, frame, whole_events
from agentnet.testing.insides import keep_data_in

pytestmark = pytest.mark.anyio

LIMIT = 1024 * 1024
BLANK = re.compile(rb"(?:^|(?<=\n))\r?\n")


class TooLargeError(Exception):
    """Made with the limit."""


async def cut(data: bytes, at: list[int]) -> AsyncIterator[bytes]:
    """`data` in chunks that end at these places."""
    ends = sorted({*(place % (len(data) + 1) for place in at), len(data)})
    for begin, end in zip([0, *ends], ends, strict=False):
        yield data[begin:end]


def old_data_of(data: bytes) -> list[bytes]:
    """As the clients of agents read before."""
    found, lines = list[bytes](), list[bytes]()
    *complete, _ = data.split(b"\n")
    for line in (line.removesuffix(b"\r") for line in complete):
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
        elif not line and lines:
            found.append(b"\n".join(lines))
            lines = []
    return found


def old_events_of(data: bytes) -> list[tuple[bytes, str | None]]:
    """As the MCP door read before: data, and ids."""
    found, lines = list[tuple[bytes, str | None]](), list[bytes]()
    identifier = None
    *complete, _ = data.split(b"\n")
    for line in (line.removesuffix(b"\r") for line in complete):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            lines.append(value)
        elif field == b"id":
            identifier = value.decode("utf-8", "replace")
        elif not line and (lines or identifier):
            found.append((b"\n".join(lines), identifier))
            lines, identifier = [], None
    return found


def old_whole_events(data: bytes) -> bytes:
    """What relays passed on before, in all: an event that was not finished was finished."""
    ends = [data.rfind(mark) + len(mark) for mark in (b"\n\n", b"\r\n\r\n") if mark in data]
    return data if len(data) in (0, max(ends, default=0)) else data + b"\n\n"


TEXT = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=12)
LINES = st.one_of(
    TEXT.map(lambda text: f"data: {text}"),
    TEXT.map(lambda text: f"data:{text}"),
    st.integers(1, 999).map(lambda number: f"id: {number}"),
    st.integers(0, 9999).map(lambda number: f"retry: {number}"),
    TEXT.map(lambda text: f": {text}"),
    st.just(""),
    st.just(""),
)
STREAMS = st.sampled_from(["\n", "\r\n"]).flatmap(
    lambda end: st.lists(LINES, max_size=30).map(lambda lines: "".join(line + end for line in lines).encode())
)
PLACES = st.lists(st.integers(0, 400), max_size=20)
MANY_LINES = st.sampled_from(["\n", "\r\n"]).flatmap(
    lambda end: st.lists(
        st.one_of(*[st.integers(10**40, 10**60).map(lambda number: f"data: {number}")] * 12, LINES), min_size=20
    ).map(lambda lines: "".join(line + end for line in lines).encode())
)
"""Long events, of data lines and little else."""
FAR_PLACES = st.lists(st.integers(0, 20_000), max_size=8)


@given(data=STREAMS, at=PLACES)
async def test_it_reads_what_the_readers_before_it_read_however_the_chunks_are_cut(data: bytes, at: list[int]) -> None:
    events = [event async for event in events_in(cut(data, at), LIMIT, TooLargeError)]
    assert [event.data for event in events if event.data is not None] == old_data_of(data)
    assert [(event.data or b"", event.id) for event in events] == old_events_of(data)


@example(data=b"data: 1\n" + 40 * b"data: 22\n" + b"data:\ndata: \n" + 40 * b"data: 3\n" + b"\n", at=[8, 300])
@example(data=b"data: 1\n" + 40 * b"data: 22\n" + b"datum: 1\n: data: \n" + 40 * b"data: 3\n" + b"\n", at=[8])
@example(data=b"\xef\xbb\xbf" + 80 * b"data: 22\n" + b"\n" + 80 * b"data: 3\n" + b"\n\n", at=[1, 2, 400, 760])
@given(data=MANY_LINES, at=FAR_PLACES)
async def test_it_reads_long_events_line_by_line_and_many_lines_at_once_alike(data: bytes, at: list[int]) -> None:
    by_line = Reader(LIMIT, TooLargeError)
    expected = [event for line in data.splitlines(keepends=True) for event in by_line.feed(line)]
    assert [event async for event in events_in(cut(data, at), LIMIT, TooLargeError)] == expected
    assert [event.data for event in expected if event.data is not None] == old_data_of(
        data.removeprefix(b"\xef\xbb\xbf")
    )


@given(lines=st.integers(40, 200), at=FAR_PLACES)
async def test_the_limit_of_an_event_of_many_lines_is_the_same_however_they_come(lines: int, at: list[int]) -> None:
    data = lines * b"data: 0123456789\n" + b"\n"
    assert len([event async for event in events_in(cut(data, at), 16 * lines, TooLargeError)]) == 1
    with pytest.raises(TooLargeError):
        _ = [event async for event in events_in(cut(data, at), 16 * lines - 1, TooLargeError)]


@example(data=b"data: a\n\n\n", at=[9])
@given(data=STREAMS, at=PLACES)
async def test_relays_pass_the_same_bytes_on_and_cut_them_between_events_only(data: bytes, at: list[int]) -> None:
    passed = [part async for part in whole_events(cut(data, at), LIMIT, TooLargeError)]
    assert b"".join(passed) == old_whole_events(data)
    assert all(sent.endswith((b"\n\n", b"\n\r\n")) for sent in accumulate(passed[:-1]))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
async def test_lines_end_as_the_standard_says_wherever_the_chunks_are_cut(end: bytes, size: int) -> None:
    first = [b"\xef\xbb\xbf: a comment", b"id: 7", b"data: a\xe2\x80\xa8b", b"data: c\xc2\x85", b"event: x", b""]
    data = end.join([*first, b"data: d", b"", b""])
    reader = Reader(LIMIT, TooLargeError)
    chunks = [data[begin : begin + size] for begin in range(0, len(data), size)]
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    assert events == [Event(b"a\xe2\x80\xa8b\nc\xc2\x85", "7", "x"), Event(b"d")]


@given(data=STREAMS, at=PLACES)
async def test_the_limit_is_on_the_data_lines_of_one_event_however_the_chunks_are_cut(
    data: bytes, at: list[int]
) -> None:
    sizes = [sum(len(line) for line in event.splitlines() if line.startswith(b"data")) for event in BLANK.split(data)]
    longest = max(map(len, data.splitlines()), default=0)
    _ = [event async for event in events_in(cut(data, at), max(sizes) + longest, TooLargeError)]
    if max(sizes) > 0:
        with pytest.raises(TooLargeError):
            _ = [event async for event in events_in(cut(data, at), max(sizes) - 1, TooLargeError)]


async def test_an_event_over_the_limit_is_refused_before_it_is_whole() -> None:
    reader = Reader(100, TooLargeError)
    with pytest.raises(TooLargeError):
        for _ in range(20):
            assert not [*reader.feed(b"data: 0123456789\n")]
    with pytest.raises(TooLargeError):
        _ = [part async for part in whole_events(cut(b"data: " + bytes(200), [150]), 100, TooLargeError)]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
async def test_relays_hold_nothing_back_that_ends_with_a_blank_line_of_another_kind(size: int) -> None:
    data = b"data: a\n\r\ndata: b\r\n\ndata: c\r\r"
    at = list(range(0, len(data), size))
    passed = [part async for part in whole_events(cut(data, at), LIMIT, TooLargeError)]
    assert b"".join(passed) == data
    assert size > 3 or len(passed) == 3


def test_ids_with_a_nul_and_pauses_that_are_no_number_are_ignored_and_what_was_said_before_them_holds() -> None:
    [event] = Reader(LIMIT, TooLargeError).feed(b"id: 1\nid: a\0b\nretry: 9\nretry: +1\nretry: \ndata: x\n\n")
    assert event == Event(b"x", "1", None, b"9")


@pytest.mark.parametrize("data", [b"one", b"", b"two\nlines", b"three\r\nlines\rhere"])
def test_what_is_written_is_read(data: bytes) -> None:
    [event] = Reader(LIMIT, TooLargeError).feed(frame(data, "9", "message", b"250"))
    assert event == Event(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), "9", "message", b"250")


@pytest.mark.parametrize("character", [chr(code) for code in (0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029)])
@pytest.mark.parametrize("around", ["a{}b", "{}", "{}{}", "Zürich {} 東京", "\\u2028 {}", "{}\n{}"])
def test_no_reader_that_ends_lines_at_other_characters_cuts_an_event(character: str, around: str) -> None:
    said = {"text": around.replace("{}", character), around.replace("{}", character): [character]}
    framed = frame(orjson.dumps(said), "1.1.-1.1")
    assert framed.decode().splitlines() == framed.decode().split("\n")[:-1]
    [event] = Reader(LIMIT, TooLargeError).feed(framed)
    assert event.data is not None and orjson.loads(event.data) == said


@pytest.mark.parametrize("text", ["é", "\u2027", "\u202a", "\u00a8", "\u0385", "\U0002e280", "ℨ"])
def test_other_characters_pass_as_they_are(text: str) -> None:
    assert text.encode() in frame(orjson.dumps({"text": text}))


class Counted(bytes):
    """A chunk that counts the bytes that are copied to put it beside others."""

    copied = 0

    def __add__(self, other: bytes) -> bytes:
        Counted.copied += len(self) + len(other)
        return bytes(self) + other

    def __radd__(self, other: bytes) -> bytes:
        Counted.copied += len(self) + len(other)
        return other + bytes(self)


class Walked(list[bytes]):
    """Data lines that count how many of them are walked through."""

    lines = 0

    def __iter__(self) -> Iterator[bytes]:
        Walked.lines += len(self)
        return super().__iter__()


def work_of(chunks: int) -> int:
    """Lines of Python that run to read one event of so many chunks."""
    return work([b"data: ", *[b"x" * 64] * chunks, b"\n\n"])


def work(chunks: list[bytes]) -> int:
    """Lines of the reader that run to read the one event of these chunks."""
    lines, module = 0, getfile(Reader)

    def look(frame: FrameType, event: str, _: object) -> object:
        nonlocal lines
        # A collection in the middle runs callbacks of others, of Hypothesis for one.
        lines += event == "line" and frame.f_code.co_filename == module
        return look

    reader = Reader(16 * LIMIT, TooLargeError)
    sys.settrace(look)
    try:
        events = [event for chunk in chunks for event in reader.feed(chunk)]
    finally:
        sys.settrace(None)
    read = b"".join(chunks).removeprefix(b"data: ").replace(b"\ndata: ", b"\n").removesuffix(b"\n\n")
    assert [event.data for event in events] == [read]
    return lines


def test_the_work_for_one_event_grows_with_its_size_and_no_faster() -> None:
    assert work_of(2000) <= 2.2 * work_of(1000)
    reader = Reader(LIMIT, TooLargeError)
    for _ in range(1000):
        assert not [*reader.feed(Counted(b"x" * 64))]
    assert Counted.copied == 0


def test_the_data_lines_of_an_event_are_not_walked_through_with_every_chunk() -> None:
    reader = Reader(LIMIT, TooLargeError)
    keep_data_in(reader, Walked())
    Walked.lines = 0
    assert not [event for _ in range(1000) for event in reader.feed(b"data: x\ndata: y\n")]
    [event] = reader.feed(b"\n")
    assert event.data == b"\n".join([b"x", b"y"] * 1000)
    assert Walked.lines == 2000  # once, to be joined


def test_the_work_for_an_event_of_many_lines_is_that_of_its_chunks() -> None:
    line = b"data: " + b"x" * 73 + b"\n"
    few, many = ([line, *[count * line] * 100, b"\n"] for count in (10, 1000))
    assert work(many) == work(few)
