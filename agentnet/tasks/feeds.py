"""The feeds of one process, each kept while somebody follows or runs its task."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from a2a.types.a2a_pb2 import TaskState

from agentnet.tasks.events import state_of
from agentnet.tasks.feed import Feed
from agentnet.tasks.log import FeedItem, ReadLog, TaskLog
from agentnet.tasks.position import Position


class Feeds:
    """The feeds of this process, kept while somebody follows or runs the task."""

    def __init__(self, read_log: ReadLog) -> None:
        self._read_log = read_log
        self._feeds: dict[UUID, tuple[Feed, int]] = {}
        self._is_over = False

    def open(self, task_id: UUID) -> Feed:
        """The feed of a task; close it as often as it was opened."""
        feed, users = self._feeds.get(task_id) or (Feed(task_id, self._read_log), 0)
        if self._is_over:  # who waits for a run that stops comes here when all others were told
            feed.close()
        self._feeds[task_id] = (feed, users + 1)
        return feed

    def close(self, task_id: UUID) -> None:
        """One user less."""
        feed, users = self._feeds[task_id]
        if users > 1:
            self._feeds[task_id] = (feed, users - 1)
        else:
            del self._feeds[task_id]

    async def follow(self, task_id: UUID, after: Position) -> AsyncGenerator[FeedItem | None, None]:
        """Everything that happens to a task behind `after`, until the caller or this process stops."""
        feed = self.open(task_id)
        try:
            async with aclosing(feed.follow(after)) as items:
                async for item in items:
                    yield item
        finally:
            self.close(task_id)

    def stored(self, task_id: UUID, after: Position) -> AsyncGenerator[FeedItem, None]:
        """What the log of a task has behind `after`, and no more: all that will ever come of one that has ended."""
        return TaskLog(task_id, self._read_log).rest(after)

    async def reached(self, task_id: UUID, after: Position, states: frozenset[TaskState]) -> None:
        """Wait until a task has come into one of `states`, looked for behind `after`."""
        async with aclosing(self.follow(task_id, after)) as items:
            async for item in items:
                if item is not None and state_of(item.event) in states:
                    return

    def close_all(self) -> None:
        """End every follower in this process, those that come later too."""
        self._is_over = True
        for feed, _ in tuple(self._feeds.values()):
            feed.close()

    def signal(self, task_id: UUID) -> None:
        """A signal says that the task has more events; a run in this process has shown them already."""
        found = self._feeds.get(task_id)
        if found and not found[0].is_local:
            found[0].look()
