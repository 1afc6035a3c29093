"""Whether the client of a request is still there, told by its connection.

ASGI tells it to whoever waits for `receive` once more, which is a task for each request: a tenth of a relayed call.
"""

from collections.abc import Callable

from starlette.types import Scope

EXTENSION = "agentnet.presence"
"""In the scope of each request that the server of this network takes."""


class Presence:
    """Of the client of one request. One at a time may want to be told that it leaves."""

    __slots__ = ("is_gone", "on_leaving")

    def __init__(self) -> None:
        self.is_gone = False
        """Whether it has left, or has its whole answer."""
        self.on_leaving: Callable[[], None] | None = None

    def leave(self) -> None:
        """The client is not here any more, or waits for nothing."""
        self.is_gone = True
        if self.on_leaving is not None:
            self.on_leaving()


def presence_of(scope: Scope) -> Presence | None:
    """That of a request's client; None where another server serves it."""
    found: Presence | None = scope.get("extensions", {}).get(EXTENSION)
    return found
