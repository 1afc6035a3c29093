"""Plain HTTP requests of the load generator, and a closed loop of them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.load import Client, Connection, LoadError
from bench.processes import Server


def plain(server: Server, method: str, path: str, key: str, body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(frozen=True, slots=True)
class Loop:
    """What a closed loop brought."""

    latencies: list[float]
    """In seconds."""
    seconds: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


async def loop(
    server: Server,
    request: Callable[[int], bytes],
    concurrency: int,
    *,
    count: int = 0,
    seconds: float = 0.0,
    ok: int = 200,
) -> Loop:
    """Requests from so many connections, each sending as soon as it is answered: `count` in all, or for `seconds`.

    `request` makes the one of a number. Raises `LoadError` for an answer with another status than `ok`.
    """
    latencies: list[float] = []
    number = 0

    async def one(connection: Connection, began: float) -> None:
        nonlocal number
        while (number < count) if count else (time.monotonic() - began < seconds):
            wire, number = request(number), number + 1
            sent = time.monotonic()
            answer = await connection.send(wire)
            if answer.status != ok:
                raise LoadError(f"HTTP {answer.status}: {answer.body[:300]!r}")
            latencies.append(answer.at - sent)

    async with Client(server).connections(concurrency) as connections:
        began = time.monotonic()
        await asyncio.gather(*(one(connection, began) for connection in connections))
        return Loop(latencies, time.monotonic() - began)
