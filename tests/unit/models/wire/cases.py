"""Quirks by name: the bytes of an answer, and what is to come of them over either API."""

from dataclasses import dataclass
from typing import Any

from tests.unit.models.wire.playing import Turn

PARIS = ("get_weather", {"city": "Paris"})
ROME = ("get_weather", {"city": "Rome"})
CITY = '{"city":"Paris"}'
HELLO = "Hello there."

Made = tuple[str, tuple[tuple[str, Any], ...], str, str]


@dataclass(frozen=True)
class Case:
    """An answer, and what is to come of it."""

    quirk: str
    body: bytes
    text: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    thoughts: str = ""
    kind: str = "text/event-stream"
    name: str = ""
    reason: str = "stop"

    def __str__(self) -> str:
        return f"{self.quirk} {self.name}".strip()

    @property
    def made(self) -> Made:
        """What is to come of it, as `made_of` tells it."""
        return self.text, self.calls, self.thoughts, self.reason


def made_of(turn: Turn) -> Made:
    """What came of an answer: words, calls, thoughts, and why it ended."""
    return turn.text, tuple(turn.calls), turn.thoughts, turn.noted.reason


def is_whole(turn: Turn) -> bool:
    """Whether its items have ids of their own and its tokens are told."""
    return len(set(turn.ids)) == len(turn.ids) and all(turn.ids) and all(count > 0 for count in turn.usage)
