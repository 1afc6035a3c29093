"""The interface of signals, and the one for a network that lives in one process."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Topic(StrEnum):
    """What a signal is about. The values go over the wire; a process ignores one that it does not know."""

    TASK = "task"
    """A task has new events. The key is the task's id."""
    QUEUE = "queue"
    """There is a task for an agent. The key is the agent's name."""
    CONTROL = "control"
    """The owner of a task is to look at it. The key is the task's id."""
    MCP_ANSWERED = "mcp.answered"
    """The client of a legacy session answered a question. The key is session and question."""
    MCP_CANCELLED = "mcp.cancelled"
    """The client of a legacy session cancelled a call. The key is session and request."""
    MCP_SUBSCRIBED = "mcp.subscribed"
    """A legacy session has other subscriptions now. The key is the session."""
    MCP_CALL = "mcp.call"
    """A call that is logged has news. The key is the call."""
    MCP_FOLLOWED = "mcp.followed"
    """The client has come back for a call, and is not where it was any more. The key is the call."""


@dataclass(slots=True, unsafe_hash=True)  # not frozen: to make one for each task would take ten times as long
class Signal:
    """A hint that something changed: `key` says what, in the way of the topic. Nobody changes one."""

    topic: Topic
    key: str


Listener = Callable[[str], None]
"""Takes the key of a signal."""


class Signals(Protocol):
    """Carries signals to every process of the network, with the sender's own listeners among those told."""

    def publish(self, signal: Signal) -> None:
        """Tell everybody, soon; never waits and never raises."""
        ...

    def listen(self, topic: Topic, listener: Listener) -> Callable[[], None]:
        """Call `listener` for every signal of `topic` until the returned function is called."""
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
        self._listeners: dict[Topic, tuple[Listener, ...]] = {}
        """Each tuple is made anew by whoever comes or goes, which a listener may do while it is called."""

    @property
    def topics(self) -> frozenset[Topic]:
        """Those that somebody listens to."""
        return frozenset(topic for topic, listeners in self._listeners.items() if listeners)

    def publish(self, signal: Signal) -> None:
        """Call every listener of the topic."""
        for listener in self._listeners.get(signal.topic, ()):
            listener(signal.key)

    def listen(self, topic: Topic, listener: Listener) -> Callable[[], None]:
        """Add a listener."""
        self._listeners[topic] = (*self._listeners.get(topic, ()), listener)

        def unlisten() -> None:
            left = list(self._listeners[topic])
            left.remove(listener)
            self._listeners[topic] = tuple(left)

        return unlisten

    async def start(self) -> None:
        """Nothing to begin."""

    async def close(self) -> None:
        """Nothing to stop."""
