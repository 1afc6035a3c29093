"""The interface of signals, and the one for a network that lives in one process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Topic = Literal["task", "queue", "control", "mcp"]


@dataclass(frozen=True, slots=True)
class Signal:
    """A hint: `task` has new events, `queue` has a task for an agent, `control` asks the owner of a task to look.

    `mcp`: a client of the MCP door answered, cancelled or subscribed, and the replica that serves it is to know.
    """

    topic: Topic
    id: str
    """Task id, the agent's name for `queue`, or what the MCP door makes of it."""


Listener = Callable[[Signal], None]


class Signals(Protocol):
    """Carries signals to every process of the network, with the sender's own listeners among those told."""

    def publish(self, signal: Signal) -> None:
        """Tell everybody, soon; never waits and never raises."""
        ...

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for every signal until the returned function is called."""
        ...

    async def start(self) -> None:
        """Begin to carry."""
        ...

    async def close(self) -> None:
        """Stop."""
        ...


class LocalSignals:
    """Signals within this process: listeners are called at once."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def publish(self, signal: Signal) -> None:
        """Call every listener."""
        for listener in tuple(self._listeners):
            listener(signal)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Add a listener."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def start(self) -> None:
        """Nothing to begin."""

    async def close(self) -> None:
        """Nothing to stop."""
