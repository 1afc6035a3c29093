"""How fast the streams of a server are read, by a clock of the test's own."""

from collections.abc import AsyncIterator
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import pytest

from agentnet.identity import Principal
from gateway.mcp.messages.jsonrpc import event, notification, request, write
from gateway.mcp.upstream.flow import FREE_UNITS, PER_SECOND, PIECE_UNITS, Flow, Rate, units_in
from gateway.mcp.upstream.http import UpstreamHttp
from gateway.mcp.upstream.server import UpstreamServer

pytestmark = pytest.mark.anyio

ROUNDED_SECONDS = 0.1
"""What the first and the last piece of a stream make of its time."""
CHUNK_BYTES = 64 * 1024


class Clock:
    now = 100.0
    turns = 0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.turns += 1


def told(method: str) -> bytes:
    return event(write(notification(method, {"level": "info", "data": "x"})))


NOISE = {
    "log messages": told("notifications/message"),
    "progress": told("notifications/progress"),
    "changes of lists": told("notifications/tools/list_changed"),
    "updates": told("notifications/resources/updated"),
    "requests": event(write(request(1, "ping", {}))),
    "answers of others": event(write({"jsonrpc": "2.0", "id": 99, "result": {}})),
    "events without a line of data": b"id: 1\n\n",
    "events that end with CR": b"data: {}\r\r",
    "events that end with CR LF": b"data: {}\r\n\r\n",
    "events that end with both kinds": b"data: {}\n\r",
    "comments": b":\n",
    "lines of one message": b"data: 1\n",
    "bytes of one message": b"x" * CHUNK_BYTES,
}


async def read(flow: Flow, chunk: bytes) -> bytes:
    return chunk if flow.is_free(chunk) else b"".join([piece async for piece in flow.slowly(chunk)])


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE.keys())
async def test_what_comes_without_an_end_is_read_at_the_rate_and_to_the_byte(noise: bytes) -> None:
    clock = Clock()
    flow = Flow(Rate(clock), clock.sleep)
    chunk = noise * (CHUNK_BYTES // len(noise))
    seconds = 5
    units = 0
    while units < FREE_UNITS + seconds * PER_SECOND:
        assert await read(flow, chunk) == chunk
        units += units_in(chunk)
    # The last piece has waited for all before it.
    assert clock.now - 100 >= seconds - (units_in(chunk) + 2 * PIECE_UNITS) / PER_SECOND - ROUNDED_SECONDS


async def test_single_bytes_are_counted_too() -> None:
    clock = Clock()
    flow = Flow(Rate(clock), clock.sleep)
    for byte in repeat(b"x", FREE_UNITS + PER_SECOND):
        assert await read(flow, byte) == byte
    assert clock.now - 100 >= 1 - ROUNDED_SECONDS


@pytest.mark.parametrize(
    "answer",
    [
        event(b"x" * 30 * 1024 * 1024),
        event(b"x\n" * 200_000),
        told("notifications/message") * 1500,
        b": keep-alive\n\n" * 1000,
    ],
    ids=["large", "in many lines", "with many messages", "with comments"],
)
async def test_an_answer_that_is_not_without_an_end_waits_for_nothing(answer: bytes) -> None:
    clock = Clock()
    flow = Flow(Rate(clock), clock.sleep)
    for begin in range(0, len(answer), CHUNK_BYTES):
        chunk = answer[begin : begin + CHUNK_BYTES]
        assert await read(flow, chunk) == chunk
    assert clock.now == 100


async def test_others_have_their_turn_within_a_large_chunk() -> None:
    clock = Clock()
    flow = Flow(Rate(clock), clock.sleep)
    chunk = told("notifications/message") * 1500
    pieces = [piece async for piece in flow.slowly(chunk)]
    assert len(pieces) == clock.turns
    assert max(map(units_in, pieces)) <= 2 * PIECE_UNITS


async def test_all_streams_of_a_server_share_its_rate_and_those_of_others_do_not() -> None:
    clock = Clock()
    rate, other = Rate(clock), Rate(clock)
    assert rate.delay(PER_SECOND) == 0
    assert rate.delay(1) == 1
    assert other.delay(1) == 0
    clock.now += 10
    assert rate.delay(1) == 0


class Wire:
    """A transport that answers all with one chunk, and the source of the server that it leads to."""

    def __init__(self, kind: bytes, chunk: bytes) -> None:
        self.status = 200
        self.headers = [(b"content-type", kind)]
        self.chunk = chunk

    async def send(self, _: object) -> Any:
        return self

    async def credential(self, *_: object) -> list[tuple[bytes, bytes]]:
        return []

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.chunk


@pytest.mark.parametrize(("kind", "is_paced"), [(b"text/event-stream", True), (b"application/json", False)])
async def test_every_stream_of_a_server_is_read_so_and_no_other_answer(kind: bytes, is_paced: bool) -> None:
    wire: Any = Wire(kind, told("notifications/message") * 1000)
    http = UpstreamHttp(wire, SimpleNamespace(header=(b"via", b"x")))  # type: ignore[arg-type]
    server = UpstreamServer("noisy", ("http://noisy/mcp",), "*", "", {}, wire)
    for method in ("POST", "GET"):
        incoming, _ = await http.open(server, Principal("acme", "key:1"), method, [])
        pieces = [piece async for piece in incoming.chunks()]
        assert b"".join(pieces) == wire.chunk
        assert (len(pieces) > 1) == is_paced
