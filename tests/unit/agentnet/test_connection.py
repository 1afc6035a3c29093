"""Connections within limits: heads, times and addresses, over true sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from starlette.types import Receive, Scope, Send

from agentnet.process.connection import ConnectionLimits
from agentnet.testing.serving import serving
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

LIMITS = ConnectionLimits(head_bytes=40_000, headers=20, head_seconds=0.2, body_seconds=0.2, connections=3)
PATIENT = ConnectionLimits(head_bytes=40_000, headers=20, connections=3)
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo_length(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers how many bytes the body has, or breaks off as the client does."""
    length = 0
    while (message := await receive())["type"] == "http.request":
        length += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = str(length).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Streams]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer_to(url: str, pieces: Iterator[bytes] | list[bytes]) -> bytes:
    """What comes back until the server closes; the client sends all that it has."""
    async with connected(url) as (reader, writer):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read()


def said(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    error, status = json.loads(body)["error"], int(head.split()[1])
    assert b"connection: close" in head
    assert error["code"] in (status, -32600)
    return status, error["message"]


LONG_HEADS = {
    "one endless header": [HEAD + b"a: ", *[b"x" * 65_536] * 160],
    "one long header, complete": [HEAD + b"a: " + b"x" * 40_000 + b"\r\n\r\n"],
    "many small headers": [HEAD, *[b"a: b\r\n" * 10_000] * 20],
    "a few more headers than it may have": [HEAD + b"a: b\r\n" * 20 + b"\r\n"],
    "a long name": [HEAD + b"n" * 100_000 + b": 1\r\n\r\n"],
    "a long address": [b"GET /" + b"p" * 100_000 + b" HTTP/1.1\r\n\r\n"],
    "an endless address": [b"GET /", *[b"p" * 65_536] * 160],
    "a long query in small pieces": [b"GET /?", *[b"q" * 100] * 1000],
    "a long trailer of a chunked body": [
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n",
        *[b"a: b\r\n" * 1000] * 200,
    ],
}


@pytest.mark.parametrize("name", LONG_HEADS)
async def test_a_head_over_its_limit_is_refused_and_the_refusal_is_read(name: str) -> None:
    async with serving(echo_length, PATIENT) as url:
        answer = await answer_to(url, LONG_HEADS[name])
    code, message = said(answer)
    assert code == 431
    assert "limit is 20" in message or "more than 40000 bytes" in message


FORMS = {
    "POST /": "jsonrpc",
    "POST /agents/writer": "jsonrpc",
    "POST /agents/writer?x=1": "jsonrpc",
    "POST /mcp": "jsonrpc",
    "POST /mcp/tools": "jsonrpc",
    "POST /message:send": "application/a2a+json",
    "GET /tasks": "application/a2a+json",
    "POST /acme/message:stream": "application/a2a+json",
    "POST /agents/writer/message:send": "application/a2a+json",
    "GET /agents/writer/tasks/1": "application/a2a+json",
    "POST /v1/message:send": "application/json",
    "POST /agents/writer/v1/message:send": "application/json",
    "GET /v1/tasks": "application/json",
    "GET /": "application/json",
    "POST /v1/keys": "application/json",
    "GET /mcp": "application/json",
}
TOO_MUCH = {
    "too many headers": (b"a: b\r\n" * 21 + b"\r\n", 431, None),
    "headers that are too long": (b"a: " + b"x" * 41_000, 431, None),
    "headers without an end": (b"a: b\r\n", 408, None),
    "no body": (b"Content-Length: 90\r\n\r\n", 408, None),
    "half a body": (b'Content-Length: 90\r\n\r\n{"jsonrpc":"2.0","id":"x-1","method":"a","par', 408, "x-1"),
    "half a body with an inner id": (b'Content-Length: 90\r\n\r\n{"params":{"id":"wrong","a":', 408, None),
    "half a chunk": (b'Transfer-Encoding: chunked\r\n\r\n50\r\n{"method":"a","id":7,"params', 408, 7),
    "a wrong length": (b"Content-Length: -1\r\n\r\n", 400, None),
}


@pytest.mark.parametrize("address", FORMS)
@pytest.mark.parametrize("what", TOO_MUCH)
async def test_each_address_refuses_in_the_form_that_its_clients_read(address: str, what: str) -> None:
    rest, status, identifier = TOO_MUCH[what]
    async with serving(echo_length, LIMITS) as url:
        answer = await answer_to(url, [f"{address} HTTP/1.1\r\nHost: x\r\n".encode() + rest])
    head, _, body = answer.partition(b"\r\n\r\n")
    document = json.loads(body)
    assert int(head.split()[1]) == status
    if FORMS[address] == "jsonrpc":
        assert (document["jsonrpc"], document["id"], document["error"]["code"]) == ("2.0", identifier, -32600)
    else:
        assert f"content-type: {FORMS[address]}\r\n".encode() in head + b"\r\n"
        assert document["error"]["code"] == status


async def test_the_second_head_of_a_connection_has_the_same_limit() -> None:
    async with serving(echo_length, PATIENT) as url, connected(url) as (reader, writer):
        writer.write(HEAD + b"Content-Length: 0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n0")
        writer.write(HEAD + b"a: " + b"x" * 100_000)
        assert said(await reader.read())[0] == 431


async def test_a_head_at_its_limits_passes() -> None:
    async with serving(echo_length, PATIENT) as url, connected(url) as (reader, writer):
        for body in (b"", b"y" * 200_000):
            fields = b"".join(b"a%d: b\r\n" % number for number in range(17))
            long = b"l: " + b"x" * (40_000 - len(HEAD + fields) - 60)
            writer.write(HEAD + fields + long + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(len(str(len(body)))) == str(len(body)).encode()


async def test_requests_that_wait_behind_another_are_counted() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] == "http.request":
            pass

    async with serving(app, PATIENT) as url:
        with suppress(ConnectionError):
            assert await answer_to(url, [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20_000]) == b""


async def test_a_body_without_an_end_is_not_discarded_for_ever() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    def endless() -> Iterator[bytes]:
        yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        while True:
            yield b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

    async with serving(app, PATIENT) as url:
        with pytest.raises(ConnectionError):
            await answer_to(url, endless())


SLOW = {
    "half a line": ([b"POST / HT"], "headers"),
    "half a header": ([HEAD + b"a: b"], "headers"),
    "headers without an end": ([HEAD + b"a: b\r\n"], "headers"),
    "no body": ([HEAD + b"Content-Length: 10\r\n\r\n"], "body"),
    "half a body": ([HEAD + b"Content-Length: 10\r\n\r\nhalf"], "body"),
    "half a chunk": ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"], "body"),
    "chunks without an end": ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"], "body"),
}


@pytest.mark.parametrize("name", SLOW)
async def test_a_request_that_does_not_come_to_its_end_is_told_so(name: str) -> None:
    pieces, what = SLOW[name]
    async with serving(echo_length, LIMITS) as url:
        code, message = said(await answer_to(url, pieces))
    assert code == 408
    assert message == f"The {what} did not come within 0.2 seconds."


@pytest.mark.parametrize("pieces", [[], [b"\r\n"], [b"\r\n\r\n"]])
async def test_a_connection_without_a_request_is_closed(pieces: list[bytes]) -> None:
    async with serving(echo_length, LIMITS) as url:
        await answer_to(url, pieces)


async def test_bytes_between_requests_that_begin_none_do_not_keep_a_connection() -> None:
    async with serving(echo_length, LIMITS) as url, connected(url) as (reader, writer):
        writer.write(HEAD + b"Content-Length: 0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n0")
        writer.write(b"\r\n")
        await reader.read()


async def test_a_connection_that_rests_between_requests_is_not_hurried() -> None:
    limits = ConnectionLimits(head_seconds=0.01, body_seconds=0.01)
    async with serving(echo_length, limits) as url, connected(url) as (reader, writer):
        swept = 0
        while swept < 2:  # what is slow is found by the same sweeps
            writer.write(HEAD + b"Content-Length: 0\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n0")).startswith(b"HTTP/1.1 200")
            await answer_to(url, [b"POST"])
            swept += 1


async def test_a_connection_that_rests_too_long_between_requests_is_closed() -> None:
    async with serving(echo_length, PATIENT, keep_alive_seconds=0) as url, connected(url) as (reader, writer):
        writer.write(HEAD + b"Content-Length: 2\r\n\r\nab")
        assert (await reader.readuntil(b"\r\n\r\n2")).startswith(b"HTTP/1.1 200")
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await reader.read() == b""


async def test_an_app_that_waits_for_a_slow_body_finds_its_client_gone() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request":
            pass
        seen.append(message["type"])

    async with serving(app, LIMITS) as url:
        assert said(await answer_to(url, [HEAD + b"Content-Length: 10\r\n\r\nhalf"]))[0] == 408
    assert seen == ["http.disconnect"]


async def test_one_address_has_so_many_connections_and_has_them_again_when_some_end() -> None:
    async with serving(echo_length, PATIENT) as url:
        async with connected(url), connected(url), connected(url):
            answer = await answer_to(url, [])
            assert said(answer)[0] == 429
            assert b"retry-after: 5" in answer
        while True:  # the server hears of closed ones a moment later
            async with connected(url) as (reader, writer):
                writer.write(HEAD + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
                if (await reader.read()).startswith(b"HTTP/1.1 200"):
                    return


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\na: \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\na b: c\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET http://[::1 HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_a_clients_error_in_the_shape_of_all(request_bytes: bytes) -> None:
    async with serving(echo_length, PATIENT) as url:
        assert said(await answer_to(url, [request_bytes]))[0] == 400
