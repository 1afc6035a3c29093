"""Feeds: how the events of a task reach all who follow it in this process.

A feed holds the latest events in a bounded buffer. Where the task runs here, the run publishes into it before the
events are stored; where it runs elsewhere, the feed reads the log once for all its followers when a signal says that
there is more. A follower that falls behind the buffer is served from the log: it slows neither the task nor the others.
"""

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

from agentnet.signals.alarms import alarms_of
from agentnet.tasks.follower import Buffer, Follower
from agentnet.tasks.log import FeedItem, ReadLog, TaskLog
from agentnet.tasks.position import WHOLE, Position

IDLE_SECONDS = 15.0
"""After so long without an event a follower is told, so that it can keep its connection alive."""
POLL_SECONDS = 5.0
"""How long a follower trusts in signals before it looks into the log itself."""


class Changes:
    """Wakes all who wait, and tells one who was not waiting just then that it missed something.

    An `asyncio.Event` within `asyncio.timeout` does the same for twice the price, which every event of every stream
    would pay: a stream of words wakes its reader at each of them.
    """

    __slots__ = ("_waiting", "count")

    def __init__(self) -> None:
        self.count = 0
        self._waiting: dict[asyncio.Future[bool], None] = {}

    def tell(self) -> None:
        """Something changed."""
        self.count += 1
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(True)
        self._waiting.clear()

    async def wait(self, seconds: float | None = None) -> bool:
        """Whether something changes within `seconds`."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        timer = None if seconds is None else alarms_of(loop).after(seconds, _give_up, waiter)
        self._waiting[waiter] = None
        try:
            return await waiter
        finally:
            if timer is not None:
                timer.cancel()
            self._waiting.pop(waiter, None)


def _give_up(waiter: "asyncio.Future[bool]") -> None:
    if not waiter.done():
        waiter.set_result(False)


class Feed:
    """The feed of one task in this process."""

    def __init__(self, task_id: UUID, read_log: ReadLog) -> None:
        self.task_id = task_id
        self._log = TaskLog(task_id, read_log)
        self._buffer = Buffer()
        self._changes = Changes()
        self._tailing: asyncio.Task[None] | None = None
        """The read of the log that is under way for all followers."""
        self._followed_to: Position | None = None
        """Where a follower was when it last looked into the log."""
        self._head: int | None = None
        """The last event before the run that publishes here, or None where the task does not run here."""
        self._closed = False
        self._wakes = 0
        self._tailed_wakes = -1
        """Wakes that had come when the log was last looked into."""
        self._tailed_at = 0.0
        self._generation = 0
        """Counts the runs that published here."""

    @property
    def is_local(self) -> bool:
        """Whether a run in this process publishes here."""
        return self._head is not None

    def attach(self, last_seq: int) -> int:
        """A run in this process publishes from now on, what comes after event `last_seq`; under the number returned.

        A run that still publishes here is one whose lease was lost: it is heard no more.
        """
        if self._head is not None:
            self._forget()
        self._generation += 1
        self._head = last_seq
        self.wake()
        return self._generation

    def detach(self, generation: int) -> None:
        """The run ended well: all that it published is stored."""
        if generation == self._generation:
            self._head = None
            self.wake()

    def reset(self, generation: int) -> None:
        """The run lost its lease: what it published and had not stored never was."""
        if generation == self._generation:
            self._forget()
            self.wake()

    def _forget(self) -> None:
        self._buffer.take_back()
        self._head = None

    def close(self) -> None:
        """End every follower: this process stops."""
        self._closed = True
        self.wake()

    def publish(self, item: FeedItem, generation: int) -> None:
        """Add what the run shows next and wake the followers."""
        if generation == self._generation:
            self._add(item)

    def _add(self, item: FeedItem) -> None:
        self._buffer.add(item)
        self._changes.tell()

    def wake(self) -> None:
        """There may be more in the log: let the followers look."""
        self._wakes += 1
        self._changes.tell()

    def look(self) -> None:
        """There may be more in the log of a task that runs elsewhere: read it, and wake the followers if there is."""
        if self._head is not None or self._followed_to is None:
            self.wake()
            return
        self._wakes += 1
        self._begin_tail(self._followed_to).add_done_callback(self._looked)

    def _looked(self, read: "asyncio.Task[None]") -> None:
        if not read.cancelled() and read.exception() is not None:
            self._changes.tell()  # they look by themselves, and are told

    async def follow(self, after: Position) -> AsyncGenerator[FeedItem | None, None]:
        """Everything behind `after`, in order, without gap or repetition, until the caller or this process stops.

        None tells that nothing came for `IDLE_SECONDS`.
        """
        follower = Follower(self._buffer, self._log, after, behind=not self._covers(after))
        while not self._closed:
            seen = self._changes.count
            if follower.needs_log:
                for item in await follower.missed():
                    yield item
            for item in follower.buffered():
                yield item
            if seen == self._changes.count and follower.must_wait and await self._is_idle(follower):
                yield None

    async def _is_idle(self, follower: Follower) -> bool:
        """Wait for what changes; whether a follower is to be told that nothing came."""
        if not self._tailed:
            await self._tail(follower.position)
            return False
        follower.look_again()
        follower.quiet = 0.0 if await self._changes.wait(POLL_SECONDS) else follower.quiet + POLL_SECONDS
        if self._head is None and self._wakes == self._tailed_wakes:
            await self._tail(follower.position)
        if follower.quiet < IDLE_SECONDS:
            return False
        follower.quiet = 0.0
        return True

    @property
    def _tailed(self) -> bool:
        """Whether the log was looked into since the last wake, or need not be."""
        return self._head is not None or self._tailed_wakes == self._wakes

    def _covers(self, position: Position) -> bool:
        """Whether nothing but the buffer is needed to go on from `position`."""
        if self._head is None:
            return False
        if not self._buffer.items:
            return position.seq >= self._head and position.offset == WHOLE
        return self._buffer.begins_at(position)

    async def _tail(self, position: Position) -> None:
        """Bring the buffer up to the log, once for all followers that one signal woke: they wait for the same read."""
        wakes, now = self._wakes, asyncio.get_running_loop().time()
        # Followers look by themselves at different moments of the same five seconds: one look serves them all.
        if self._head is not None or (self._tailed_wakes == wakes and now - self._tailed_at < POLL_SECONDS / 2):
            return
        self._followed_to = position
        await asyncio.shield(self._begin_tail(position))  # a follower that leaves does not end the read of the others

    def _begin_tail(self, position: Position) -> "asyncio.Task[None]":
        if self._tailing is None or self._tailing.done():
            self._tailing = asyncio.create_task(self._read_tail(position))
        return self._tailing

    async def _read_tail(self, position: Position) -> None:
        """Read until nothing is left of what the last wake told of. Followers wake when something is there."""
        more = True
        buffer = self._buffer
        while more or self._tailed_wakes != self._wakes:
            # The wakes from before the read: a signal that comes while it is under way asks for another.
            wakes, now, resets = self._wakes, asyncio.get_running_loop().time(), buffer.resets
            items, _, more = await self._log.page(
                buffer.items[-1].position if buffer.items else position, with_end=True
            )
            if resets != buffer.resets or self._head is not None:
                return  # a run began here meanwhile, and shows what comes behind its own beginning
            for item in items:
                self._add(item)
            if not more:
                self._tailed_wakes, self._tailed_at = wakes, now
