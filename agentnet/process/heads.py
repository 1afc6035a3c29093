"""Answers' heads, sent together with what comes behind them."""

import asyncio

BEGINNING = b"HTTP/1.1 "
INTERIM = b"HTTP/1.1 1"
"""What a client waits for before it sends more (RFC 9110 section 15.2)."""


class WithHeads:
    """Stands in for the transport of a connection's answers: a head goes out in one write with its body's beginning.

    uvicorn writes them apart: two system calls here, two packets, and for most clients two at their end. A head that
    stays alone, as a stream's may, goes out when the loop comes to its next turn.
    """

    __slots__ = ("_head", "_loop", "_transport", "_turn")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""
        self._turn: asyncio.Handle | None = None

    def write(self, data: bytes | memoryview) -> None:
        """Send, or keep a head for what comes behind it."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
            self._transport.write(self._head + data)
        elif data[: len(BEGINNING)] == BEGINNING and data[: len(INTERIM)] != INTERIM:  # bodies may be memoryviews
            self._head = bytes(data)
            self._turn = self._loop.call_soon(self._alone)
        else:
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing more goes out."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close behind what was sent."""
        if self._turn is not None:
            self._turn.cancel()
            self._alone()
        self._transport.close()

    def _alone(self) -> None:
        self._turn = None
        if not self._transport.is_closing():
            self._transport.write(self._head)
