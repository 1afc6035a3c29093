"""A quirk: one named way in which a server answers otherwise than the protocol says, or than a client hopes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Literal

from agentnet.testing.wire import Api, Event, WireTurn

BOTH: tuple[Api, ...] = ("chat", "responses")
CHAT: tuple[Api, ...] = ("chat",)
RESPONSES: tuple[Api, ...] = ("responses",)

STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
JSON = {"content-type": "application/json"}


class Need(StrEnum):
    """What an ask has to make a server do, for the quirk to show."""

    CALL = "one call of a tool, then the answer"
    CALLS = "two calls in parallel, then the answer"
    ROUNDS = "one call, another, then the answer"
    BARE = "a call without arguments, then the answer"
    WORDS = "the answer at once"
    MANY = "one call out of more than 128 tools, then the answer"


class End(Enum):
    """How a connection ends, or does not."""

    CLOSED = "closed, without the end of the body"
    RESET = "reset"
    HANGING = "open, and nothing comes any more"


Piece = bytes | float | End
"""What is sent: bytes, a pause in seconds, or an end."""


@dataclass(frozen=True)
class Reply:
    """An answer on the wire."""

    status: int | None = 200
    """None: no head is sent."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Iterable[Piece] = ()


@dataclass(frozen=True)
class Exchange:
    """A request, and what a right server would answer."""

    api: Api
    body: Mapping[str, Any]
    number: int
    """How often the quirk was played before and with this one."""
    turn: WireTurn


@dataclass(frozen=True)
class Quirk:
    """Each step of an answer may be changed: what is said, its events, their bytes, or the whole reply."""

    name: str
    says: str
    """What the server does, in a sentence."""
    need: Need = Need.CALL
    on: Literal["calls", "words"] | None = None
    """The turns that it is played on: those that call, those that speak, or all."""
    times: int | None = None
    """How often it is played before the server answers well; None: always."""
    turn: Callable[[WireTurn], object] | None = None
    """Changes the turn in place."""
    chat: Callable[[list[Event]], Iterable[Event]] | None = None
    responses: Callable[[list[Event]], Iterable[Event]] | None = None
    frames: Callable[[list[bytes]], Iterable[Piece]] | None = None
    """Of the server-sent events of a stream; that of Chat Completions ends in `[DONE]`."""
    reply: Callable[[Exchange], Reply | None] | None = None
    """The reply in place of the usual one, or None."""
    apis: tuple[Api, ...] = BOTH

    def plays_on(self, turn: WireTurn, played: int) -> bool:
        """Whether this turn is one that it is played on."""
        if self.times is not None and played >= self.times:
            return False
        return self.on is None or (self.on == "calls") == bool(turn.calls)
