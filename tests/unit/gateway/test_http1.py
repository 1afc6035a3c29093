"""The pool against servers that answer in every way that HTTP/1.1 allows, on both event loops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from agentnet.errors import InvalidInputError, UnavailableError
from gateway.http.connection import SMALL_BYTES
from gateway.http.http1 import Http1Transport
from gateway.http.transport import Incoming, NotReachedError, Outgoing

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": use}) for use in (False, True)]),
]

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def served(serve: Serve, transport: Http1Transport | None = None) -> AsyncIterator[tuple[Http1Transport, str]]:
    """A pool and the address of a server that hands each connection to `serve`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    transport = transport or Http1Transport()
    async with server:
        try:
            yield transport, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            await transport.close()


async def read(incoming: Incoming) -> bytes:
    try:
        return b"".join([chunk async for chunk in incoming.chunks()])
    finally:
        await incoming.close()


def answering(*answers: bytes) -> Serve:
    """Answers the requests of one connection in turn, then hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)

    return serve


def get(url: str, method: str = "GET") -> Outgoing:
    return Outgoing(method, url, [], b"")


async def test_a_connection_serves_one_request_after_another() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answering(*[OK] * 5)(reader, writer)

    async with served(serve) as (transport, url):
        for _ in range(5):
            assert await read(await transport.send(get(url))) == b"ok"
    assert connections == 1


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK, b"ok"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok"),
        (b"HTTP/1.1 200 OK\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"ok"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", b""),
    ],
)
async def test_every_framing_of_a_body_is_read(answer: bytes, body: bytes) -> None:
    async with served(answering(answer)) as (transport, url):
        incoming = await transport.send(get(url))
        assert incoming.status in (200, 204)
        assert (b"content-length", b"2") in incoming.headers or b"content-length: 2" not in answer.lower()
        assert await read(incoming) == body


async def test_a_body_that_has_come_with_its_head_is_at_hand() -> None:
    async with served(answering(OK, b"HTTP/1.1 204 No Content\r\n\r\n", OK)) as (transport, url):
        for body in (b"ok", b"", b"ok"):
            incoming = await transport.send(get(url))
            assert incoming.at_hand() == body
            await incoming.close()  # and the connection serves the next


SMALL = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nok"
LARGE = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\nok" % (SMALL_BYTES + 1)
ENDLESS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n"


@pytest.mark.parametrize(("begun", "rest"), [(LARGE, b"a" * (SMALL_BYTES - 1)), (ENDLESS, b"2\r\nay\r\n0\r\n\r\n")])
async def test_a_body_that_is_still_to_come_is_not_at_hand(begun: bytes, rest: bytes) -> None:
    goes_on = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begun)
        await goes_on.wait()
        writer.write(rest)
        await writer.drain()

    async with served(serve) as (transport, url):
        incoming = await transport.send(get(url))
        assert incoming.at_hand() is None
        goes_on.set()
        assert (await read(incoming)).startswith(b"oka")


async def test_a_small_body_is_waited_for_with_its_head() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(3):
            await reader.readuntil(b"\r\n\r\n")
            for piece in (SMALL[:-2], SMALL[-2:], b"ay"):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)

    async with served(serve) as (transport, url):
        for _ in range(3):
            incoming = await transport.send(get(url))
            assert incoming.at_hand() == b"okay"
            await incoming.close()


async def test_a_body_that_broke_off_is_never_at_hand() -> None:
    async with served(answering(SMALL)) as (transport, url):
        incoming = await transport.send(get(url))
        with pytest.raises(UnavailableError):
            [chunk async for chunk in incoming.chunks()]
        assert incoming.at_hand() is None
        await incoming.close()


async def test_head_has_no_body() -> None:
    async with served(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n")) as (transport, url):
        assert await read(await transport.send(get(url, "HEAD"))) == b""


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
    ],
)
async def test_a_body_that_breaks_off_is_an_error(answer: bytes) -> None:
    async with served(answering(answer)) as (transport, url):
        incoming = await transport.send(get(url))
        with pytest.raises(UnavailableError):
            await read(incoming)


@pytest.mark.parametrize("answer", [b"", b"this is not HTTP\r\n\r\n"])
async def test_no_answer_is_an_error_that_forbids_a_second_try(answer: bytes) -> None:
    async with served(answering(answer)) as (transport, url):
        with pytest.raises(UnavailableError) as caught:
            await transport.send(get(url))
        assert not isinstance(caught.value, NotReachedError)


async def test_a_connection_that_was_closed_is_not_used_again() -> None:
    hung_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK)(reader, writer)
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    async with served(serve) as (transport, url):
        for _ in range(3):
            hung_up.clear()
            assert await read(await transport.send(get(url))) == b"ok"
            await hung_up.wait()
            await asyncio.sleep(0)  # one turn of the loop, in which the pool hears of it
            await asyncio.sleep(0)


@pytest.mark.parametrize("patient", [True, False])
async def test_one_that_says_nothing_for_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch, patient: bool) -> None:
    monkeypatch.setattr("gateway.http.http1.SWEEP_SECONDS", 0.01)
    swept = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while patient and swept < 5:
            await asyncio.sleep(0.01)
        writer.write(OK if patient else b"")
        await reader.read()

    class Counting(Http1Transport):
        def sweep(self) -> None:
            nonlocal swept
            swept += 1
            super().sweep()

    async with served(serve, Counting(idle_seconds=3600.0 if patient else 0.02)) as (transport, url):
        if patient:
            assert await read(await transport.send(get(url))) == b"ok"
        else:
            with pytest.raises(UnavailableError):
                await transport.send(get(url))


async def test_nobody_there_is_not_reached() -> None:
    transport = Http1Transport()
    with pytest.raises(NotReachedError):
        await transport.send(get("http://127.0.0.1:9"))
    with pytest.raises(UnavailableError):
        await transport.send(get("nowhere"))


async def test_bodies_are_sent_with_their_length_or_in_chunks() -> None:
    heads: list[bytes] = []
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for end in (b"!", b"0\r\n\r\n"):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            bodies.append(await reader.readuntil(end))
            writer.write(OK)

    async def parts() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b""
        yield b"c"

    async with served(serve) as (transport, url):
        await read(await transport.send(Outgoing("POST", url, [], b"abc!")))
        await read(await transport.send(Outgoing("POST", f"{url}/a?b=c", [(b"x-own", b"1")], parts())))
    assert b"content-length: 4" in heads[0] and bodies[0] == b"abc!"
    assert heads[1].startswith(b"POST /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:") and b"x-own: 1\r\n" in heads[1]
    assert bodies[1] == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"


async def test_a_header_cannot_begin_another_request() -> None:
    async with served(answering(OK)) as (transport, url):
        with pytest.raises(InvalidInputError):
            await transport.send(Outgoing("GET", url, [(b"x", b"1\r\n\r\nGET /other HTTP/1.1")], b""))


async def test_a_slow_reader_holds_the_sender_back_and_loses_nothing() -> None:
    size = 8 * 1024 * 1024

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(size // 65536):
            writer.write(b"x" * 65536)
            await writer.drain()

    async with served(serve) as (transport, url):
        incoming = await transport.send(get(url))
        total = 0
        async for chunk in incoming.chunks():
            assert len(chunk) <= 1024 * 1024
            total += len(chunk)
            await asyncio.sleep(0)
        await incoming.close()
    assert total == size
