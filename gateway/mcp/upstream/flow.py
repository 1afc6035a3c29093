"""How fast the streams of a server are read: beyond a first burst no faster than others can bear.

Every message costs the event loop its time, also one that is dropped: a log message that nobody wants, the progress of
another call, a comment. What is not read waits at the server, for TCP holds it back, and slows nobody but its call.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

PER_SECOND = 1000
"""Units, of all streams of one server together. A unit is some 60 us of the event loop: a message, or so much of lines
and bytes as costs the same."""
FREE_UNITS = 2000
"""The first of each stream, which no rate holds back: an answer has a few, a whole one of 32 MiB half as many."""
PIECE_UNITS = 64
"""Read before others have their turn."""
LINES_SHIFT = 8
"""256 lines of one message, or comments, are a unit."""
BYTES_SHIFT = 15
"""32 KiB are a unit."""


class Rate:
    """Of one server."""

    __slots__ = ("_clock", "_next")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = 0.0

    def delay(self, units: int) -> float:
        """Seconds until so many units may be read, which are then taken."""
        now = self._clock()
        begin = max(now, self._next)
        self._next = begin + units / PER_SECOND
        return begin - now


class Flow:
    """Of one stream."""

    __slots__ = ("_left", "_rate", "_sleep")

    def __init__(self, rate: Rate, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._rate = rate
        self._sleep = sleep
        self._left = FREE_UNITS

    def is_free(self, chunk: bytes) -> bool:
        """Whether a chunk may be read at once, as nearly all may."""
        units = units_in(chunk)
        if units > min(PIECE_UNITS, self._left):
            return False
        self._left -= units
        return True

    async def slowly(self, chunk: bytes) -> AsyncIterator[bytes]:
        """A chunk that may not, in pieces, each when it may."""
        units = units_in(chunk)
        size = max(1, len(chunk) * PIECE_UNITS // max(units, PIECE_UNITS))
        for begin in range(0, len(chunk), size):
            piece = chunk[begin : begin + size]
            taken = units_in(piece)
            await self._sleep(0.0 if taken <= self._left else self._rate.delay(taken))
            self._left = max(0, self._left - taken)
            yield piece


def units_in(chunk: bytes) -> int:
    """What it costs to read a chunk. One at least: it may be a single byte."""
    lines, blank = chunk.count(b"\n"), chunk.count(b"\n\n")
    if b"\r" in chunk:
        lines += chunk.count(b"\r")
        blank += chunk.count(b"\r\r") + chunk.count(b"\n\r")
    return 1 + blank + (lines >> LINES_SHIFT) + (len(chunk) >> BYTES_SHIFT)
