"""The seam to the agents: one exchange of bytes over pooled connections. Nothing here knows A2A."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from agentnet.errors import UnavailableError

Headers = list[tuple[bytes, bytes]]

CONNECT_SECONDS = 5.0
IDLE_SECONDS = 300.0
"""Longest silence of an agent; its streams send keep-alive comments well within it."""
KEEP_ALIVE_SECONDS = 4.0
"""Below uvicorn's own five seconds, so that a pooled connection is not used while the agent closes it."""


class NotReachedError(UnavailableError):
    """No connection: not a byte of the request was sent, so it may go to another instance."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to an agent."""

    method: str
    url: str
    headers: Headers
    body: bytes | AsyncIterable[bytes]


class Incoming(Protocol):
    """An agent's response whose head has arrived. Must be closed."""

    status: int
    headers: Headers
    """Names in lower case."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, not decoded. Raises `UnavailableError` when it breaks off."""
        ...

    def at_hand(self) -> bytes | None:
        """The body, not decoded, where all of it is here already: then it is taken. None: it is still to be read."""
        ...

    def limit_silence(self, seconds: float) -> None:
        """Give it up after so long without a byte, where that is less than the transport's own limit."""
        ...

    async def close(self) -> None:
        """Give the connection back, or end it when the body was not read to its end."""
        ...


class Transport(Protocol):
    """Sends requests over long-lived connections."""

    async def send(self, request: Outgoing) -> Incoming:
        """Answers when the response's head is there. Raises `NotReachedError`, `UnavailableError`."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
