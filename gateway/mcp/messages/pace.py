"""The rate of a server's notifications on one stream. Under it nothing is looked at.

Above it, for the rest of the second, the newest progress under each token waits, and goes out before whatever else
comes; log messages are left out and counted (2026-07-28, logging: servers should rate limit them).
"""

import re
import time
from collections.abc import Callable, Iterator

from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.jsonrpc import event, notification, parse, write

WINDOW_SECONDS = 1.0
MAX_HELD = 64
"""Progress tokens whose newest report waits."""
MAX_HELD_BYTES = 256 * 1024
"""A report that is larger does not wait."""
_BETWEEN = re.compile(rb"(?<=\n\n)|(?<=\n\r\n)")


class Pace:
    """Sifts the events of one stream."""

    __slots__ = ("_clock", "_count", "_held", "_level", "_lost", "_per_second", "_since")

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._since = 0.0
        self._count = 0
        self._held: dict[bytes, bytes] = {}
        self._lost = 0
        self._level = ""

    @property
    def holds(self) -> bool:
        """Whether something waits."""
        return bool(self._held or self._lost)

    @property
    def seconds_left(self) -> float:
        """Until what waits may go out."""
        return max(0.0, self._since + WINDOW_SECONDS - self._clock())

    def passed(self, data: bytes) -> bytes:
        """What of these whole events goes out now."""
        now = self._clock()
        if now - self._since >= WINDOW_SECONDS:
            self._since, self._count = now, 0
        # Counted by the blank lines, not read: most streams are never too fast.
        self._count += data.count(b"\n\n") or data.count(b"\n\r\n") or 1
        if self._count <= self._per_second:
            return self.held() + data if self.holds else data
        return b"".join(self._sifted(data))

    def held(self) -> bytes:
        """What waits, which does so no longer."""
        waiting = b"".join(self._held.values())
        self._held.clear()
        if self._lost:
            said = f"{self._lost} log messages were left out: more than {self._per_second} notifications in a second."
            params = {"level": self._level, "logger": "agentnet", "data": said}
            waiting += event(write(notification("notifications/message", params)))
            self._lost = 0
        return waiting

    def _sifted(self, data: bytes) -> Iterator[bytes]:
        for one in _BETWEEN.split(data):
            message = notification_in(one)
            params = message.get("params")
            params = params if isinstance(params, dict) else {}
            if message.get("method") == "notifications/message":
                self._lost += 1
                self._level = str(params.get("level", "info"))
            elif message.get("method") == "notifications/progress" and len(one) <= MAX_HELD_BYTES:
                yield from self._hold(write(params.get("progressToken")), one)
            elif one:
                yield self.held() + one

    def _hold(self, token: bytes, one: bytes) -> Iterator[bytes]:
        # To the end of the row: the one that waits for longest goes out first.
        self._held.pop(token, None)
        if len(self._held) >= MAX_HELD:
            yield self.held()
        self._held[token] = one


def notification_in(one: bytes) -> Document:
    """The message in an event that may be a notification; empty for any other."""
    if b"notifications" not in one:
        return {}
    try:
        message = parse(b"\n".join(line[5:] for line in one.splitlines() if line.startswith(b"data:")))
    except ValueError:
        return {}
    return message if isinstance(message, dict) and "id" not in message else {}
