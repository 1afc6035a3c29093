"""A task's stream as the HTTP bindings send it: events with their places, each rendered once for all its readers."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from a2a.types.a2a_pb2 import StreamResponse, Task, TaskState

from agentnet.tasks.events import KIND_STEP, bare_answer, kind_of, state_of
from agentnet.tasks.log import FeedItem
from agentnet.tasks.position import Position

SHOWN = frozenset({"task", "status_update", "artifact_update"})

Items = AsyncGenerator[FeedItem | None, None]
Item = TypeVar("Item")


class TaskStream:
    """`task` if the stream begins with it, then the events of `items` up to one that brings a state of `until`.

    With `may_be_message` the task waits for what comes first: an answer that is a message and no task comes alone.
    """

    def __init__(
        self,
        task: Task | None,
        position: Position,
        items: Items,
        until: frozenset[TaskState],
        *,
        with_steps: bool = True,
        may_be_message: bool = False,
    ) -> None:
        self._task = task
        self._is_over = task is not None and task.status.state in until
        self._position = position
        self._items = items
        self._until = until
        self._with_steps = with_steps
        self._may_be_message = may_be_message

    @property
    def begins_with_task(self) -> bool:
        """Whether the task is still to come."""
        return self._task is not None

    async def frames(self) -> Items:
        """What clients see, with its places; None after a while without any. A user's own messages are in the task.

        The task itself comes again in place of what was shown and never stored, after its writer died.
        """
        if self._task is not None and not self._may_be_message:
            yield self._first()
        async with aclosing(self._items) as items:
            if not self._is_over:
                async for item in items:
                    if self._task is not None:
                        if item is not None and (message := _bare(item)) is not None:
                            yield message
                            return
                        yield self._first()
                    if item is None or self._shows(item):
                        yield item
                    if item is not None and state_of(item.event) in self._until:
                        return
                    del item  # a reader that waits for the next holds nothing of the last
        if self._task is not None:
            yield self._first()

    def _shows(self, item: FeedItem) -> bool:
        # Not a user's message that woke the task: streams hold task, status, artifacts (A2A 1.0 section 3.1.2).
        kind = item.event.WhichOneof("payload")
        if kind == "status_update":
            return self._with_steps or kind_of(item.event) != KIND_STEP
        return kind in SHOWN

    def _first(self) -> FeedItem:
        """The task, once: it is not kept while the stream goes on. Or the message that it was answered with."""
        task, self._task = self._task, None
        assert task is not None
        if (answer := bare_answer(task.status)) is not None:
            return FeedItem(self._position, StreamResponse(message=answer))
        return FeedItem(self._position, StreamResponse(task=task))


def _bare(item: FeedItem) -> FeedItem | None:
    if item.event.WhichOneof("payload") != "status_update":
        return None
    answer = bare_answer(item.event.status_update.status)
    return FeedItem(item.position, StreamResponse(message=answer)) if answer is not None else None


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
