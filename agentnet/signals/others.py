"""The other processes of the network: which are there, and what each of them wants to hear of.

What nobody hears is told to nobody: a lone replica beside a gateway would else wake PostgreSQL, and the gateway, some
hundred times a second.
"""

import time
from collections.abc import Iterator

from agentnet.signals.local import Topic

PRESENCE_SECONDS = 60.0
"""A process says that it is there three times as often; who was not heard for so long is told nothing."""
EVERYTHING = frozenset(Topic)
"""What a process hears that has not said it, as those of releases before do not."""


class Others:
    """By their origins."""

    def __init__(self) -> None:
        self._topics: dict[str, frozenset[Topic]] = {}
        self._seen: dict[str, float] = {}
        self._until: dict[Topic, float] = {}
        """When a topic is heard no longer, unless one of those who hear it is seen again."""

    def __iter__(self) -> Iterator[str]:
        return iter(self._topics)

    def hear(self, topic: Topic) -> bool:
        """Whether there is one that hears it."""
        return self._until.get(topic, 0.0) > time.monotonic()

    def seen(self, origin: str, topics: frozenset[Topic] | None = None) -> bool:
        """One was heard, and said what it hears (None: it did not). Whether it is new."""
        known = self._topics.get(origin)
        now = self._seen[origin] = time.monotonic()
        hears = self._topics[origin] = topics if topics is not None else EVERYTHING if known is None else known
        if known is not None and known - hears:
            self._look_anew(now)
        for topic in hears:
            self._until[topic] = now + PRESENCE_SECONDS
        return known is None

    def _look_anew(self, now: float) -> None:
        """One hears less than before: whether others still hear it."""
        self._seen = {origin: at for origin, at in self._seen.items() if at + PRESENCE_SECONDS > now}
        self._topics = {origin: self._topics[origin] for origin in self._seen}
        self._until = {}
        for origin, at in sorted(self._seen.items(), key=lambda item: item[1]):
            for topic in self._topics[origin]:
                self._until[topic] = at + PRESENCE_SECONDS
