"""A call over gRPC that does not come to its end is ended: raw HTTP/2, for no library sends half of one."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from a2a.types import a2a_pb2 as pb

from agentnet.a2a import grpc as over_grpc
from tests.conformance.a2a.messages import message
from tests.conformance.a2a.server import Server, servers
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
ACK, END_STREAM, END_HEADERS = 1, 1, 4
SECONDS = 0.5
METHOD = "/lf.a2a.v1.A2AService/SendMessage"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """RFC 9113 section 4.1."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def packed(headers: list[tuple[str, str]]) -> bytes:
    """Literals without indexing (RFC 7541 section 6.2.2)."""
    block = b""
    for name, value in headers:
        block += b"\x00" + bytes([len(name)]) + name.encode() + length(len(value)) + value.encode()
    return block


def length(number: int) -> bytes:
    """An integer with a prefix of 7 bits (RFC 7541 section 5.1)."""
    if number < 127:
        return bytes([number])
    rest, out = number - 127, b"\x7f"
    while rest >= 128:
        out, rest = out + bytes([rest % 128 + 128]), rest // 128
    return out + bytes([rest])


def call(key: str, method: str = METHOD) -> bytes:
    fields = {":method": "POST", ":scheme": "http", ":path": method, ":authority": "x", "te": "trailers"}
    more = {"content-type": "application/grpc", "a2a-version": "1.0", "authorization": f"Bearer {key}"}
    return packed([*fields.items(), *more.items()])


class Raw:
    """A client that answers what a living one answers, and sends no more than it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def until_ended(self) -> str:
        """How the call, or the connection, ended."""
        while True:
            try:
                head = await self.reader.readexactly(9)
                payload = await self.reader.readexactly(int.from_bytes(head[:3], "big"))
            except (asyncio.IncompleteReadError, ConnectionError):
                return "closed"
            kind, flags = head[3], head[4]
            if kind in (SETTINGS, PING) and not flags & ACK:
                self.writer.write(frame(kind, ACK, 0, b"" if kind == SETTINGS else payload))
            elif kind == GOAWAY:
                return "closed"
            elif kind == RST_STREAM or (kind in (DATA, HEADERS) and flags & END_STREAM):
                return "ended " + payload.decode("latin-1")


@asynccontextmanager
async def raw(address: str) -> AsyncIterator[Raw]:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


@pytest.fixture
async def hasty(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Server]:
    """A server whose patience is short."""
    monkeypatch.setattr(over_grpc, "IDLE_SECONDS", SECONDS)
    home = tmp_path_factory.mktemp("hasty")
    async with servers(database_url, home, body_seconds=SECONDS, header_seconds=SECONDS) as [one]:
        yield one


BODY = pb.SendMessageRequest(message=pb.Message(message_id="m")).SerializeToString()
HALVES: dict[str, list[bytes | str]] = {
    "nothing": [],
    "half a preface": [PREFACE[:9]],
    "no call": [PREFACE, frame(SETTINGS, 0, 0)],
    "half the headers": [PREFACE, frame(SETTINGS, 0, 0), "half"],
    "headers alone": [PREFACE, frame(SETTINGS, 0, 0), "headers"],
    "half a length": [PREFACE, frame(SETTINGS, 0, 0), "headers", frame(DATA, 0, 1, b"\x00\x00\x00")],
    "half a message": [PREFACE, frame(SETTINGS, 0, 0), "headers", frame(DATA, 0, 1, b"\x00\x00\x00\x00\x50\x0a\x10")],
}


@pytest.mark.parametrize("what", HALVES)
@pytest.mark.parametrize("has_key", [True, False])
@pytest.mark.parametrize("method", [METHOD, METHOD.replace("SendMessage", "SendStreamingMessage")])
async def test_a_call_that_does_not_come_to_its_end_is_ended(
    hasty: Server, what: str, has_key: bool, method: str
) -> None:
    headers = call(hasty.key if has_key else "ank_no_key", method)
    spoken = {"half": frame(HEADERS, 0, 1, headers[:60]), "headers": frame(HEADERS, END_HEADERS, 1, headers)}
    async with raw(hasty.grpc_address) as client:
        for piece in HALVES[what]:
            client.writer.write(piece if isinstance(piece, bytes) else spoken[piece])
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await client.until_ended()


async def test_a_slow_call_is_told_why(hasty: Server) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        await asyncio.sleep(PATIENCE_SECONDS)
        yield BODY

    async with grpc.aio.insecure_channel(hasty.grpc_address) as channel:
        metadata = [("authorization", f"Bearer {hasty.key}"), ("a2a-version", "1.0")]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            calling: Any = channel.stream_unary(METHOD)
            await calling(slowly(), metadata=metadata)
    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "did not come within 0.5 seconds" in str(refused.value.details())


async def test_a_stream_that_says_little_lasts(hasty: Server) -> None:
    async with hasty.door("GRPC-1.0") as door:
        events = door.stream(message("wait a-gate-that-stays-shut"))
        await anext(events)
        following = asyncio.ensure_future(anext(events))
        await asyncio.sleep(4 * SECONDS)  # well over each limit: none is of answers
        assert not following.done() or following.exception() is None
        following.cancel()


@pytest.mark.parametrize("method", [METHOD, METHOD.replace("SendMessage", "SendStreamingMessage")])
@pytest.mark.parametrize("leaves", [False, True])
async def test_a_call_that_is_over_before_it_is_refused_leaves_no_trace(
    hasty: Server, method: str, leaves: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """One that sends too much, whose transport has refused it already, and one whose client goes in its midst."""
    metadata = [("authorization", f"Bearer {hasty.key}"), ("a2a-version", "1.0")]
    if leaves:
        async with raw(hasty.grpc_address) as client:
            client.writer.write(
                PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, call(hasty.key, method))
            )
            client.writer.write(frame(DATA, 0, 1, b"\x00\x00\x00\x00\x50\x0a\x10"))
            await client.writer.drain()
            await asyncio.sleep(SECONDS / 5)
    else:
        options = [("grpc.max_send_message_length", -1)]
        async with grpc.aio.insecure_channel(hasty.grpc_address, options=options) as channel:
            calling: Any = channel.unary_unary(method)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await calling(b"\x0a" * 80_000_000, metadata=metadata)
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    await asyncio.sleep(2 * SECONDS)
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert not said
