"""No request of any shape stops a loop: a table of shapes at every service, and a watch in its process."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.anyio

LIMIT_MILLISECONDS = 100.0
PIECE = 64 * 1024
TRIES = 3
"""What stops a loop does so every time; a collection of garbage does not."""
MANY = 15_000_000
PROCESS_BYTES = 1024 * 1024 * 1024
"""What the whole network may have taken at most, with all shapes after another; 1.5 GB took one of them before."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The process."""

    process: asyncio.subprocess.Process
    urls: dict[str, str]
    credentials: dict[str, str]
    slowness: float

    async def longest(self) -> float:
        """Milliseconds since the last time that this was asked."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(b"\n")
        return float(await self.process.stdout.readline())

    async def send(self, service: str, pieces: Iterator[bytes]) -> int:
        """Send bytes as they are, until the service has had enough; the status of its answer."""
        parts = urlsplit(self.urls[service])
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            answering = asyncio.create_task(reader.readline())
            with suppress(ConnectionError):
                for piece in pieces:
                    if answering.done():
                        break
                    writer.write(piece)
                    await writer.drain()
            line = await answering
            return int(line.split()[1]) if line else 0
        except ConnectionError:
            return 0
        finally:
            writer.close()


@asynccontextmanager
async def watched(database_url: str, home: Path) -> AsyncIterator[Watched]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.frame.watched", str(home),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"DATABASE_URL": database_url}, limit=1024 * 1024,
    )  # fmt: skip
    try:
        assert process.stdout
        said = json.loads(await process.stdout.readline())
        credentials = {label: said["tokens"].get(label, said["key"]) for label in said["urls"]}
        yield Watched(process, said["urls"], credentials, max(1.0, said["slowness"]))
    finally:
        assert process.stdin
        process.stdin.close()
        await process.wait()


def cut(data: bytes) -> Iterator[bytes]:
    return (data[start : start + PIECE] for start in range(0, len(data), PIECE))


def heads() -> dict[str, Callable[[], Iterator[bytes]]]:
    """Without a key."""
    start = b"GET /health HTTP/1.1\r\nHost: x\r\n"
    return {
        "one header of 50 MB": lambda: cut(start + b"a: " + b"x" * 50_000_000),
        "30 MB of small headers": lambda: cut(start + b"a: b\r\n" * 5_000_000),
        "an address of 20 MB": lambda: cut(b"GET /" + b"a" * 20_000_000),
        "a body nobody asked for": lambda: cut(start + b"Content-Length: 15000000\r\n\r\n" + b"x" * MANY),
        "small chunks": lambda: cut(start + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 500_000),
        "chunks with extensions": lambda: cut(
            start + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"e" * 20_000_000 + b"\r\n"
        ),
        "endless trailers": lambda: cut(start + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 3_000_000),
        "requests in a row": lambda: cut((start + b"\r\n") * 20_000),
    }


def values() -> dict[str, bytes]:
    """JSON that is expensive to read, to hold or to walk through; some within all limits, the others not."""
    return {
        "brackets": b"[" + b",".join([b"[]"] * 5_000_000) + b"]",
        "open brackets": b"[" * MANY,
        "open braces": b'{"a":' * 3_000_000,
        "700,000 names": b"{" + b",".join(b'"k%d":1' % number for number in range(700_000)) + b"}",
        "one text": b'"' + b"x" * MANY + b'"',
        "quotes": b'["' + b'","' * 5_000_000 + b'"]',
        "escapes": b'"' + rb"\u0041" * 2_500_000 + b'"',
        "pairs": b'"' + rb"\ud83d\ude00" * 1_250_000 + b'"',
        "half pairs": b'"' + rb"\ud83d" * 2_500_000 + b'"',
        "backslashes": b'"' + rb"\\" * 7_000_000 + b'"',
        "spaces": b" " * MANY + b"1",
        "a long number": b"1" * MANY,
        "long numbers": b"[" + b",".join([b"1" * 4000] * 3500) + b"]",
        "long fractions": b"[" + b",".join([b"0." + b"1" * 4000] * 3500) + b"]",
        "exponents": b"[" + b",".join([b"1e300"] * 9_000) + b"]",
        "values at the limit": b"[" + b",".join([b"1"] * 9_800) + b"]",
        "texts at the limit": b"[" + b",".join([b'"abc"'] * 9_800) + b"]",
        "objects at the limit": b"[" + b",".join([b"{}"] * 4_800) + b"]",
        "names at the limit": b"{" + b",".join(b'"k%d":"v"' % number for number in range(4_800)) + b"}",
        "as deep as it may be": b'{"a":' * 25 + b"1" + b"}" * 25,
        "a text at the limit": b'"' + b"x" * 990_000 + b'"',
        "a file at the limit": b'"' + b"QUFB" * 2_790_000 + b'"',
        "bytes, in base64": b'"' + b"QUFB" * 3_700_000 + b'"',
    }


A2A = b'{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":%b}'
MESSAGE = (
    b'{"message":{"messageId":"%b","role":"ROLE_USER","parts":[%b],"metadata":{"a":%b}},'
    b'"configuration":{"returnImmediately":true}}'
)
A2A_0_3 = (
    b'{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"message":{"kind":"message","messageId":"0.3 %b",'
    b'"role":"user","parts":[{%b}]},"configuration":{"blocking":false}}}'
)
REST_0_3 = (
    b'{"message":{"messageId":"rest 0.3 %b","role":"ROLE_USER","content":[{%b}]},"configuration":{"blocking":false}}'
)
CALLED = b'"name":"%b","arguments":{"%b":%b}'
MCP = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%b","arguments":{"%b":%b}}}'


def bodies(service: str, name: str, value: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Where such a value may stand at a service: method, path and body."""
    identifier = name.encode()
    if service == "agent:still":
        yield "POST", "/", value
        for part in (b'{"data":%b}', b'{"text":%b}', b'{"raw":%b}'):
            yield "POST", "/", A2A % (MESSAGE % (identifier, part % value, b"1"))
        yield "POST", "/", A2A % (MESSAGE % (identifier, b'{"text":"hi"}', value))
        yield "POST", "/", A2A % b'{"message":{"messageId":"a","role":"ROLE_USER","parts":%b}}' % value
        yield "POST", "/", A2A.replace(b"SendMessage", b"ListTasks") % (b'{"contextId":%b}' % value)
        yield "POST", "/", A2A.replace(b'"id":1', b'"id":%b' % value) % b"{}"
        for older in (
            b'"kind":"data","data":{"a":%b}',
            b'"kind":"text","text":%b',
            b'"kind":"file","file":{"bytes":%b}',
        ):
            yield "POST", "/", A2A_0_3 % (identifier, older % value)
        for older in (b'"data":{"data":{"a":%b}}', b'"text":%b', b'"file":{"fileWithBytes":%b}'):
            yield "POST", "/v1/message:send", REST_0_3 % (identifier, older % value)
        yield "POST", "/message:send", MESSAGE % (identifier, b'{"data":%b}' % value, b"1")
    if service == "gateway":
        yield "POST", "/agents/still", value
        yield "POST", "/agents/still", A2A % (MESSAGE % (identifier, b'{"raw":%b}' % value, b"1"))
        yield "POST", "/v1/keys", b'{"name":%b}' % value
        yield "PUT", "/v1/mcp/profiles/p", b'{"tools":%b}' % value
        yield "POST", "/v1/mcp/servers", b'{"name":"a","url":"https://203.0.113.1","timeouts":%b}' % value
        yield "POST", "/mcp", MCP % (b"search", b"query", value)
        yield "POST", "/mcp", MCP % (b"still", b"message", value)
        yield "POST", "/mcp", value
    if service == "registry":
        yield "POST", "/v1/search", b'{"text":%b}' % value
        yield "PUT", "/v1/entries/agent/still/x", b'{"document":{"a":%b}}' % value
    if service == "mcp:knowledge":
        yield "POST", "/mcp", MCP % (b"search", b"query", value)
        yield (
            "POST",
            "/mcp",
            MCP.replace(CALLED, b'"name":"search","arguments":%b') % value,
        )
        yield "POST", "/mcp", MCP.replace(CALLED, b'"name":%b') % value
        yield "POST", "/mcp", value
    if service == "mcp:toolbox":
        yield "POST", "/mcp", MCP % (b"calculate", b"expression", value)


def request_of(service: Watched, label: str, method: str, path: str, body: bytes) -> Iterator[bytes]:
    credential = service.credentials[label]
    version = "0.3" if b"0.3" in body[:200] else "1.0"
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {credential}\r\nA2A-Version: {version}\r\n"
        "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
        f"MCP-Protocol-Version: 2025-11-25\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return cut(head.encode() + body)


@pytest.mark.slow
async def test_no_request_of_any_shape_stops_a_loop(new_database: str, tmp_path: Path) -> None:
    stopped: list[tuple[str, str, str, int, list[float]]] = []
    async with watched(new_database, tmp_path) as network:
        limit = LIMIT_MILLISECONDS * network.slowness

        async def look(label: str, what: str, name: str, pieces: Callable[[], Iterator[bytes]]) -> None:
            looks: list[float] = []
            status = 0
            for _ in range(TRIES):
                status = await network.send(label, pieces())
                looks.append(await network.longest())
                if looks[-1] <= limit and status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    return
            stopped.append((label, what, name, status, looks))

        for label in network.urls:
            for name, pieces in heads().items():
                await look(label, "head", name, pieces)
        shapes: dict[str, Any] = values()
        for label in network.urls:
            for name, value in shapes.items():
                for method, path, body in bodies(label, name, value):
                    what = f"{method} {path} {body[:90]!r}"
                    await look(label, what, name, partial(request_of, network, label, method, path, body))
        taken = peak_bytes(network.process.pid)
    assert not stopped, stopped
    assert taken < PROCESS_BYTES


def peak_bytes(pid: int) -> int:
    """The most memory that a process had."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
