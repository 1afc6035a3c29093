"""A place in a task's stream: what a client has seen, in the form that Server-Sent Events carry as their id."""

from dataclasses import dataclass

from agentnet.errors import InvalidInputError

MAX_NUMBER = 2**31 - 1
"""What PostgreSQL's integers hold."""
WHOLE = -1
"""Offset of a place behind a whole event."""


@dataclass(slots=True, unsafe_hash=True)  # not frozen: to make one for each event would take ten times as long
class Position:
    """Behind event `seq`, or within it; nobody changes one.

    Text is sent before it is stored, in pieces of an event that is still open: `offset` counts the characters of the
    open event that were seen. Should its writer die before it is stored, another writes event `seq` anew under another
    `epoch`; then all after `durable`, the last event known to be stored, counts as not seen.
    """

    seq: int
    epoch: int = 0
    offset: int = WHOLE
    durable: int = 0

    def __str__(self) -> str:
        return f"{self.seq}.{self.epoch}.{self.offset}.{self.durable}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """The position in a `Last-Event-ID`. Raises `InvalidInputError`."""
        try:
            seq, epoch, offset, durable = (int(number) for number in text.split("."))
        except ValueError:
            raise InvalidInputError(f"{text[:80]!r} is not an event id of this server.") from None
        if min(seq, epoch, durable) < 0 or offset < WHOLE or durable > seq or max(seq, epoch, offset) > MAX_NUMBER:
            raise InvalidInputError(f"{text[:80]!r} is not an event id of this server.")
        return cls(seq, epoch, offset, durable)
