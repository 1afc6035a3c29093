"""What is known of an endpoint's model from its answers, for as long as this process lives."""

from dataclasses import dataclass, field
from threading import Lock

from cachetools import LRUCache

MOST_ENDPOINTS = 1_000
MOST_OMISSIONS = 64


@dataclass
class Habits:
    """Of one model at one base URL."""

    refused: dict[str, None] = field(default_factory=dict[str, None])
    """What it refused once, in order: names of `agentnet.models.wire.omissions`."""
    thinks_first: bool = False
    """Whether its answers begin amid thoughts, whose opening tag its template has swallowed."""
    most_read: int = 0
    """Tokens of the longest prompt, by its own count."""
    reads_at_most: int | None = None
    """Tokens, where it has read less of a prompt than there was, and said nothing."""
    is_told: bool = False
    """Whether people were told so."""
    quirks: set[str] = field(default_factory=set[str])
    """Names of `agentnet.models.wire.quirks` that were met."""

    def refuse(self, name: str) -> None:
        """Leave this out from now on."""
        if len(self.refused) < MOST_OMISSIONS:
            self.refused[name] = None


_known: LRUCache[tuple[str, str], Habits] = LRUCache(MOST_ENDPOINTS)
_lock = Lock()


def habits_of(base_url: str, model: str) -> Habits:
    """Of that model there: the same for every client of this process."""
    with _lock:
        if (found := _known.get((base_url, model))) is None:
            found = _known[base_url, model] = Habits()
        return found


def forget_habits() -> None:
    """Of every endpoint: they are met anew."""
    with _lock:
        _known.clear()
