"""How an answer goes out: its head with the beginning of its body, and alone where nothing follows it."""

import asyncio
from urllib.parse import urlsplit

import pytest
from starlette.types import Receive, Scope, Send

from agentnet.process.answer import CONTINUE, MOST_COPIED_BYTES, Joined
from agentnet.testing.serving import serving
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
LARGE = b"x" * (MOST_COPIED_BYTES + 1)


class Wire(asyncio.Transport):
    """A transport that notes what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_over = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.is_over = True

    def is_closing(self) -> bool:
        return self.is_over


PIECES: dict[str, tuple[list[bytes], list[bytes]]] = {
    "a body in one piece": ([HEAD, b"body"], [HEAD + b"body"]),
    "a body in pieces": ([HEAD, b"a", b"b"], [HEAD + b"a", b"b"]),
    "no body": ([HEAD, b""], [HEAD]),
    "a stream that has nothing to say yet": ([HEAD, b"", b"data: 1\n\n"], [HEAD, b"data: 1\n\n"]),
    "a large body": ([HEAD, LARGE], [HEAD + LARGE]),
    "a client that was told to go on": ([CONTINUE, HEAD, b"body"], [CONTINUE, HEAD + b"body"]),
    "a body that looks like a head": ([HEAD, HEAD, CONTINUE], [HEAD + HEAD, CONTINUE]),
}


@pytest.mark.parametrize("name", PIECES)
async def test_a_head_goes_out_with_what_follows_it(name: str) -> None:
    written, expected = PIECES[name]
    wire = Wire()
    answer = Joined(wire, asyncio.get_running_loop())
    for piece in written:
        answer.write(piece)
    assert wire.written == expected
    await asyncio.sleep(0)
    assert wire.written == expected  # and once


async def test_a_head_that_nothing_follows_goes_out_in_the_same_turn() -> None:
    wire = Wire()
    answer = Joined(wire, asyncio.get_running_loop())
    answer.write(HEAD)
    assert wire.written == []
    await asyncio.sleep(0)
    assert wire.written == [HEAD]
    answer.write(b"data: 1\n\n")
    assert wire.written == [HEAD, b"data: 1\n\n"]


async def test_a_head_goes_out_before_its_connection_is_closed() -> None:
    wire = Wire()
    answer = Joined(wire, asyncio.get_running_loop())
    answer.write(HEAD)
    answer.close()
    assert (wire.written, wire.is_over, answer.is_closing()) == ([HEAD], True, True)


async def test_nothing_is_written_to_a_connection_that_was_lost_meanwhile() -> None:
    wire = Wire()
    Joined(wire, asyncio.get_running_loop()).write(HEAD)
    wire.close()
    await asyncio.sleep(0)
    assert wire.written == []


async def waits(scope: Scope, receive: Receive, send: Send) -> None:
    """Begins an answer, and says nothing for as long as its client stays."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    while (await receive())["type"] != "http.disconnect":
        pass


async def empty(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(("app", "method"), [(waits, b"GET"), (empty, b"HEAD"), (empty, b"GET")])
async def test_a_client_gets_the_head_whatever_follows(app: object, method: bytes) -> None:
    async with serving(app) as url, asyncio.timeout(PATIENCE_SECONDS):  # type: ignore[arg-type]
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(method + b" / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()
