"""How answers go out: the head with the beginning of the body, and alone where nothing follows it."""

import asyncio
import logging
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.server import ServerState

from agentnet.process.answer import MOST_COPIED_BYTES, Answer
from agentnet.process.connection import ConnectionLimits, bounded
from agentnet.testing.serving import serving
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

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


def answer(wire: Wire, method: str = "GET", keep_alive: bool = True) -> Answer:
    return Answer(
        scope=cast(Any, {"type": "http", "method": method}),
        transport=wire,
        flow=FlowControl(wire),
        logger=logging.getLogger("test"),
        access_logger=logging.getLogger("test"),
        access_log=False,
        default_headers=[],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: None,
    )


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": [*headers]}


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def length(number: int) -> tuple[bytes, bytes]:
    return (b"Content-Length", b"%d" % number)


OK = b"HTTP/1.1 200 OK\r\n"
SAID: dict[str, tuple[str, list[dict[str, Any]], list[bytes]]] = {
    "a body in one piece": ("GET", [start(length(2)), body(b"ok")], [OK + b"content-length: 2\r\n\r\nok"]),
    "a body in pieces": (
        "GET",
        [start(length(2)), body(b"o", more=True), body(b"k")],
        [OK + b"content-length: 2\r\n\r\no", b"k"],
    ),
    "no body": ("GET", [start(length(0)), body(b"")], [OK + b"content-length: 0\r\n\r\n"]),
    "a large body": (
        "GET",
        [start(length(len(LARGE))), body(LARGE)],
        [OK + b"content-length: %d\r\n\r\n" % len(LARGE) + LARGE],
    ),
    "a body without a length": (
        "GET",
        [start(), body(b"ab", more=True), body(b"", more=True), body(b"c")],
        [OK + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n", b"1\r\nc\r\n0\r\n\r\n"],
    ),
    "no body and no length": ("GET", [start(), body(b"")], [OK + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"]),
    "HEAD": ("HEAD", [start(length(9)), body(b"123456789")], [OK + b"content-length: 9\r\n\r\n"]),
    "HEAD without a length": ("HEAD", [start(), body(b"")], [OK + b"\r\n"]),
    "204": ("GET", [start(status=204), body(b"")], [b"HTTP/1.1 204 No Content\r\n\r\n"]),
    "304": ("GET", [start(status=304), body(b"")], [b"HTTP/1.1 304 Not Modified\r\n\r\n"]),
    "one that says that it is chunked": (
        "GET",
        [start((b"transfer-encoding", b"Chunked")), body(b"a")],
        [OK + b"transfer-encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"],
    ),
    "headers in capitals": (
        "GET",
        [start((b"X-Own", b"A: b"), length(0)), body(b"")],
        [OK + b"x-own: A: b\r\ncontent-length: 0\r\n\r\n"],
    ),
}


@pytest.mark.parametrize("name", SAID)
async def test_an_answer_goes_out_in_as_few_pieces_as_it_has(name: str) -> None:
    method, messages, expected = SAID[name]
    wire = Wire()
    made = answer(wire, method)
    for message in messages:
        await made.send(message)
    assert wire.written == expected
    await asyncio.sleep(0)
    assert wire.written == expected  # and once
    assert made.response_complete and not wire.is_over


async def test_a_head_that_nothing_follows_goes_out_in_the_same_turn() -> None:
    wire = Wire()
    made = answer(wire)
    await made.send(start())
    assert wire.written == []
    await asyncio.sleep(0)
    assert wire.written == [OK + b"transfer-encoding: chunked\r\n\r\n"]
    await made.send(body(b"a", more=True))
    assert wire.written[1:] == [b"1\r\na\r\n"]


@pytest.mark.parametrize(
    ("keeps", "headers", "said"),
    [
        (False, [length(0)], b"content-length: 0\r\nconnection: close\r\n\r\n"),
        (False, [(b"connection", b"close"), length(0)], b"connection: close\r\ncontent-length: 0\r\n\r\n"),
        (True, [(b"connection", b"x, Close"), length(0)], b"connection: x, Close\r\ncontent-length: 0\r\n\r\n"),
    ],
)
async def test_the_last_answer_of_a_connection_says_so_and_closes_it(
    keeps: bool, headers: list[tuple[bytes, bytes]], said: bytes
) -> None:
    wire = Wire()
    made = answer(wire, keep_alive=keeps)
    await made.send(start(*headers))
    await made.send(body(b""))
    assert (wire.written, wire.is_over) == ([OK + said], True)


WRONG: dict[str, list[dict[str, Any]]] = {
    "a line break in a value": [start((b"x", b"1\r\nset-cookie: a=b"))],
    "NUL in a value": [start((b"x", b"\x00"))],
    "a line break in a name": [start((b"x\r\ny", b"1"))],
    "a colon in a name": [start((b"x:", b"1"))],
    "a space in a name": [start((b"x y", b"1"))],
    "a body before its head": [body(b"")],
    "two heads": [start(), start()],
    "more than its length": [start(length(1)), body(b"ab")],
    "less than its length": [start(length(2)), body(b"a")],
    "a body where there can be none": [start(status=204), body(b"a")],
    "something behind its end": [start(length(0)), body(b""), body(b"")],
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_no_answer_is_refused(name: str) -> None:
    made = answer(Wire())
    for message in WRONG[name][:-1]:
        await made.send(message)
    with pytest.raises(RuntimeError):
        await made.send(WRONG[name][-1])


async def test_an_application_that_fails_behind_its_head_ends_the_connection_with_that_head() -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(length(2)))

    wire = Wire()
    await answer(wire).run_asgi(fails)
    assert (wire.written, wire.is_over) == ([OK + b"content-length: 2\r\n\r\n"], True)


async def test_an_application_that_says_nothing_is_answered_for() -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        pass

    wire = Wire()
    await answer(wire).run_asgi(silent)
    assert wire.written[0].startswith(b"HTTP/1.1 500 ") and wire.is_over


async def test_nothing_is_written_to_a_connection_that_was_lost_meanwhile() -> None:
    wire = Wire()
    await answer(wire).send(start())
    wire.close()
    await asyncio.sleep(0)
    assert wire.written == []


async def waits(scope: Scope, receive: Receive, send: Send) -> None:
    """Begins an answer, and says nothing for as long as its client stays."""
    await send(start((b"content-type", b"text/event-stream")))
    while (await receive())["type"] != "http.disconnect":
        pass


async def empty(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start(length(0)))
    await send(body(b""))


@pytest.mark.parametrize(("app", "method"), [(waits, b"GET"), (empty, b"HEAD"), (empty, b"GET")])
async def test_a_client_gets_the_head_whatever_follows(app: Any, method: bytes) -> None:
    async with serving(app) as url, asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(method + b" / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(OK)
        writer.close()


async def shows(scope: Scope, receive: Receive, send: Send) -> None:
    said = repr([scope["method"], scope["path"], scope["raw_path"], scope["query_string"], scope["http_version"]])
    await send(start(length(len(said))))
    await send(body(said.encode()))


@pytest.mark.parametrize(
    ("line", "scope"),
    [
        (b"GET /a%20b?c=%20 HTTP/1.1", ["GET", "/a b", b"/a%20b", b"c=%20", "1.1"]),
        (b"DELETE / HTTP/1.1", ["DELETE", "/", b"/", b"", "1.1"]),
        (b"GET http://x/y HTTP/1.1", ["GET", "/y", b"/y", b"", "1.1"]),
        (b"GET /old HTTP/1.0", ["GET", "/old", b"/old", b"", "1.0"]),
    ],
)
async def test_a_request_comes_to_the_application_as_it_was_sent(line: bytes, scope: list[object]) -> None:
    async with serving(shows) as url, asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"\r\n\r\n" + repr(scope).encode())
        writer.close()


IDLE_SECONDS = 5


async def test_an_idle_connection_ends_and_one_that_is_used_does_not() -> None:
    config = uvicorn.Config(shows, lifespan="off", timeout_keep_alive=IDLE_SECONDS, log_config=None)
    config.load()
    made = bounded(ConnectionLimits())(config=config, server_state=ServerState(), app_state={})
    wire, loop = Wire(), asyncio.get_running_loop()
    made.connection_made(wire)
    for _ in range(2):
        made.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        made.check_time(loop.time() + 100 * IDLE_SECONDS)  # its answer is awaited
        written = len(wire.written)
        while len(wire.written) == written:
            await asyncio.sleep(0)
        made.check_time(loop.time() + IDLE_SECONDS - 1)
        assert not wire.is_over
    made.check_time(loop.time() + IDLE_SECONDS + 1)
    assert wire.is_over
