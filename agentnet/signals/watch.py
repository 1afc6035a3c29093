"""Waiting for what signals tell of. A signal may be lost, so whoever waits looks for itself now and then."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from agentnet.signals.local import Signals, Topic

LOOK_SECONDS = 2.0
"""How long a signal is trusted to come."""


class Wakeup:
    """One who looks whenever it is woken, and after a while when it is not.

    `wait` before each look: what wakes during a look makes the next one begin at once.
    """

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wake(self) -> None:
        """Let it look now, or as soon as its look is over."""
        self._event.set()

    async def wait(self, seconds: float = LOOK_SECONDS) -> None:
        """Until a look is due, in `seconds` at the latest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()


class Watch:
    """Wakes those of this process who wait for the keys of one topic."""

    def __init__(self, signals: Signals, topic: Topic) -> None:
        self._waiting: dict[str, set[Wakeup]] = {}
        signals.listen(topic, self._heard)

    @contextmanager
    def on(self, key: str) -> Iterator[Wakeup]:
        """Woken by every signal with `key` while the block runs."""
        wakeup = Wakeup()
        waiting = self._waiting.setdefault(key, set())
        waiting.add(wakeup)
        try:
            yield wakeup
        finally:
            waiting.discard(wakeup)
            if not waiting:
                del self._waiting[key]

    def _heard(self, key: str) -> None:
        for wakeup in self._waiting.get(key, ()):
            wakeup.wake()
