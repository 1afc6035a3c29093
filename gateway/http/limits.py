"""How many streams a caller may hold open at once in this process."""

from collections import Counter

from agentnet.errors import BusyError
from agentnet.identity import Principal

MAX_STREAMS = 256
RETRY_SECONDS = 1.0

Key = tuple[str, str]
"""Tenant and subject of a caller."""


class StreamLimit:
    """Counts the open streams of each caller."""

    def __init__(self, max_streams: int = MAX_STREAMS) -> None:
        self._max_streams = max_streams
        self._open: Counter[Key] = Counter()

    def stream(self, principal: Principal) -> "_Stream":
        """A block in which one stream is open. Raises `BusyError` at its beginning."""
        return _Stream(self, (principal.tenant, principal.subject))

    def begin(self, key: Key) -> None:
        """One more stream. Raises `BusyError`."""
        if self._open[key] >= self._max_streams:
            raise BusyError(
                f"This key holds {self._max_streams} streams open, which is the limit.", retry_after=RETRY_SECONDS
            )
        self._open[key] += 1

    def end(self, key: Key) -> None:
        """One less."""
        self._open[key] -= 1
        # A Counter keeps what is at 0, and callers come and go.
        if not self._open[key]:
            del self._open[key]


class _Stream:
    """No generator: one is made for each call that is relayed, and costs more than all that is done in it."""

    __slots__ = ("_key", "_limit")

    def __init__(self, limit: StreamLimit, key: Key) -> None:
        self._limit = limit
        self._key = key

    def __enter__(self) -> None:
        self._limit.begin(self._key)

    def __exit__(self, *_: object) -> None:
        self._limit.end(self._key)
