"""How many streams a caller may hold open at once in this process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from agentnet.errors import BusyError
from agentnet.identity import Principal

MAX_STREAMS = 256
RETRY_SECONDS = 1.0


class StreamLimit:
    """Counts the open streams of each caller."""

    def __init__(self, max_streams: int = MAX_STREAMS) -> None:
        self._max_streams = max_streams
        self._open: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def stream(self, principal: Principal) -> Iterator[None]:
        """One open stream for as long as the block runs. Raises `BusyError`."""
        key = (principal.tenant, principal.subject)
        if self._open[key] >= self._max_streams:
            raise BusyError(
                f"This key holds {self._max_streams} streams open, which is the limit.", retry_after=RETRY_SECONDS
            )
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            # A Counter keeps what is at 0, and callers come and go.
            if not self._open[key]:
                del self._open[key]
