"""A task's stream as the HTTP bindings send it: events with their places, each rendered once for all its readers."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from a2a.types.a2a_pb2 import StreamResponse, Task, TaskState

from agentnet.tasks.events import state_of
from agentnet.tasks.log import FeedItem
from agentnet.tasks.position import Position
from agentnet.tasks.wire import dumps, task_json

SHOWN = frozenset({"task", "status_update", "artifact_update"})

Items = AsyncGenerator[FeedItem | None, None]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class First:
    """The task that a stream begins with."""

    position: Position
    json: bytes


class TaskStream:
    """`task` if the stream begins with it, then the events of `items` up to one that brings a state of `until`."""

    def __init__(self, task: Task | None, position: Position, items: Items, until: frozenset[TaskState]) -> None:
        self._task = task
        self._is_over = task is not None and task.status.state in until
        self._position = position
        self._items = items
        self._until = until

    @property
    def begins_with_task(self) -> bool:
        """Whether the task is still to come."""
        return self._task is not None

    def take_task(self) -> Task | None:
        """The task that the stream begins with, once: it is not kept while the stream goes on."""
        task, self._task = self._task, None
        return task

    async def events(self) -> Items:
        """What clients see of the events; None after a while without any. A user's own messages are in the task.

        The task itself comes again in place of what was shown and never stored, after its writer died.
        """
        async with aclosing(self._items) as items:
            if self._is_over:
                return
            async for item in items:
                # Not a user's message that woke the task: streams hold task, status, artifacts (A2A 1.0 section 3.1.2).
                if item is None or item.event.WhichOneof("payload") in SHOWN:
                    yield item
                if item is not None and state_of(item.event) in self._until:
                    return

    async def frames(self) -> AsyncGenerator[First | FeedItem | None, None]:
        """The same, the task first, each with its JSON."""
        if self._task is not None:
            yield self._first()
        async with aclosing(self.events()) as events:
            async for item in events:
                yield item

    async def responses(self) -> AsyncGenerator[tuple[Position, StreamResponse] | None, None]:
        """The same as protobuf, for bindings that write another JSON."""
        if (task := self.take_task()) is not None:
            yield self._position, StreamResponse(task=task)
            del task
        async with aclosing(self.events()) as events:
            async for item in events:
                yield (item.position, item.event) if item is not None else None
                del item

    def _first(self) -> First:
        task = self.take_task()
        assert task is not None
        return First(self._position, dumps({"task": task_json(task)}))


async def begun(items: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None] | None:
    """`items` with their first at hand, or None if there is none; what keeps them from beginning is raised here."""
    try:
        first = await anext(items)
    except StopAsyncIteration:
        return None
    return _rejoined(first, items)


async def _rejoined(first: Item, rest: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
    async with aclosing(rest):
        yield first
        async for item in rest:
            yield item
