"""Feeds: how the events of a task reach all who follow it in this process.

A feed holds the latest events in a bounded buffer. Where the task runs here, the run publishes into it before the
events are stored; where it runs elsewhere, the feed reads the log once for all its followers when a signal says that
there is more. A follower that falls behind the buffer is served from the log: it slows neither the task nor the others.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from uuid import UUID

from a2a.types.a2a_pb2 import StreamResponse

from agentnet.tasks.position import WHOLE, Position
from agentnet.tasks.projection import Projection
from agentnet.tasks.wire import dumps, stream_json

BUFFERED_EVENTS = 512
LOG_PAGE = 500
IDLE_SECONDS = 15.0
"""After so long without an event a follower is told, so that it can keep its connection alive."""
POLL_SECONDS = 5.0
"""How long a follower trusts in signals before it looks into the log itself."""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A stored event."""

    seq: int
    epoch: int
    event: StreamResponse


class FeedItem:
    """An event, or a piece of one that is still open, and the place behind it."""

    __slots__ = ("_json", "event", "position")

    def __init__(self, position: Position, event: StreamResponse) -> None:
        self.position = position
        self.event = event
        self._json: bytes | None = None

    @property
    def begins(self) -> int:
        """The offset at which a piece of an open event begins; 0 for a whole event."""
        offset = self.position.offset
        return 0 if offset == WHOLE else offset - len(self.event.artifact_update.artifact.parts[0].text)

    @property
    def json(self) -> bytes:
        """The event as JSON, rendered once for all followers."""
        if self._json is None:
            self._json = dumps(stream_json(self.event))
        return self._json


ReadLog = Callable[[UUID, int, int], Awaitable[list[LogEvent]]]
"""`(task_id, after_seq, limit)` → stored events, oldest first."""


class Feed:
    """The feed of one task in this process."""

    def __init__(self, task_id: UUID, read_log: ReadLog) -> None:
        self.task_id = task_id
        self._read_log = read_log
        self._items: deque[FeedItem] = deque()
        self._first = 0
        """How many items ever left the buffer on its left."""
        self._changed = asyncio.Event()
        self._tailing: asyncio.Task[None] | None = None
        """The read of the log that is under way for all followers."""
        self._followed_to: Position | None = None
        """Where a follower was when it last looked into the log."""
        self._head: int | None = None
        """The last event before the run that publishes here, or None where the task does not run here."""
        self._resets = 0
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
        self._first += len(self._items)
        self._items.clear()
        self._head = None
        self._resets += 1

    def close(self) -> None:
        """End every follower: this process stops."""
        self._closed = True
        self.wake()

    def publish(self, item: FeedItem, generation: int) -> None:
        """Add what the run shows next and wake the followers."""
        if generation == self._generation:
            self._add(item)

    def _add(self, item: FeedItem) -> None:
        self._items.append(item)
        if len(self._items) > BUFFERED_EVENTS:
            self._items.popleft()
            self._first += 1
        self._stir()

    def wake(self) -> None:
        """There may be more in the log: let the followers look."""
        self._wakes += 1
        self._stir()

    def look(self) -> None:
        """There may be more in the log of a task that runs elsewhere: read it, and wake the followers if there is."""
        if self._head is not None or self._followed_to is None:
            self.wake()
            return
        self._wakes += 1
        self._begin_tail(self._followed_to).add_done_callback(self._looked)

    def _looked(self, read: "asyncio.Task[None]") -> None:
        if not read.cancelled() and read.exception() is not None:
            self._stir()  # they look by themselves, and are told

    def _stir(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(self, after: Position) -> AsyncGenerator[FeedItem | None, None]:
        """Everything behind `after`, in order, without gap or repetition, until the caller or this process stops.

        None tells that nothing came for `IDLE_SECONDS`.
        """
        position = after
        index = self._first
        resets = self._resets
        behind = not self._covers(position)
        loaded = joined = False
        quiet = 0.0
        while not self._closed:
            changed = self._changed
            if behind or resets != self._resets:
                resets, loaded = self._resets, True
                items, position, more = await self._load(position)
                for item in items:
                    yield item
                index, joined = self._first, False
                if more:
                    continue
            behind = False
            while index < self._first + len(self._items):
                if index < self._first:
                    index, joined = self._first, False
                item = self._items[index - self._first]
                relation = _relation(position, item, joined)
                if relation is _Relation.GAP:
                    behind = True
                    break
                if relation is _Relation.NEXT and _leaves_behind(position, item.position.epoch):
                    again = await self._anew(position)
                    position = again.position
                    yield again
                    continue
                index += 1
                if relation is _Relation.NEXT:
                    position, loaded = item.position, False
                joined = _place(item.position) == _place(position)
                if relation is _Relation.NEXT:
                    yield item
            if changed is not self._changed or (behind and not loaded):
                continue
            if not self._tailed:
                await self._tail(position)
                continue
            loaded = False
            quiet = 0.0 if await self._wait(changed) else quiet + POLL_SECONDS
            if quiet >= IDLE_SECONDS:
                quiet = 0.0
                yield None
            if self._head is None and self._wakes == self._tailed_wakes:
                await self._tail(position)

    async def stored(self, after: Position) -> AsyncGenerator[FeedItem, None]:
        """What the log has behind `after`, and no more: all that will ever come of a task that has ended."""
        more = True
        while more:
            items, after, more = await self._load(after)
            for item in items:
                yield item

    async def _wait(self, changed: asyncio.Event) -> bool:
        """Whether something changed within `POLL_SECONDS`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                return await changed.wait()
        return False

    @property
    def _tailed(self) -> bool:
        """Whether the log was looked into since the last wake, or need not be."""
        return self._head is not None or self._tailed_wakes == self._wakes

    def _covers(self, position: Position) -> bool:
        """Whether nothing but the buffer is needed to go on from `position`."""
        if self._head is None:
            return False
        if not self._items:
            return position.seq >= self._head and position.offset == WHOLE
        return _relation(position, self._items[0], False) is not _Relation.GAP

    async def _load(self, position: Position) -> tuple[list[FeedItem], Position, bool]:
        """A page of stored items behind `position`, the place reached, and whether there may be more."""
        page = await self._read_log(self.task_id, position.durable, LOG_PAGE)
        items: list[FeedItem] = []
        for stored in page:
            if stored.epoch == position.epoch and stored.seq < position.seq:
                position = replace(position, durable=stored.seq)
                continue
            if _leaves_behind(position, stored.epoch):
                items.append(await self._anew(position))
                position = items[-1].position
            seen = position.offset if (stored.seq, stored.epoch) == (position.seq, position.epoch) else 0
            position = Position(stored.seq, stored.epoch, WHOLE, stored.seq)
            rest = cut(stored.event, seen)
            if rest is not None:
                items.append(FeedItem(position, rest))
        return items, position, len(page) == LOG_PAGE

    async def _anew(self, position: Position) -> FeedItem:
        """The task as of the last stored event that was seen, in place of what was seen after it and never stored."""
        projection, seq = Projection(), 0
        while seq < position.durable:
            page = await self._read_log(self.task_id, seq, min(LOG_PAGE, position.durable - seq))
            if not page:
                break
            for stored in page:
                projection.apply(stored.event)
            seq = page[-1].seq
        reached = Position(position.durable, 0, WHOLE, position.durable)
        return FeedItem(reached, StreamResponse(task=projection.task()))

    async def _tail(self, position: Position) -> None:
        """Bring the buffer up to the log, once for all followers that one signal woke: they wait for the same read."""
        wakes, now = self._wakes, asyncio.get_running_loop().time()
        if self._head is not None or (self._tailed_wakes == wakes and now - self._tailed_at < POLL_SECONDS / 2):
            return
        self._followed_to = position
        await asyncio.shield(self._begin_tail(position))

    def _begin_tail(self, position: Position) -> "asyncio.Task[None]":
        if self._tailing is None or self._tailing.done():
            self._tailing = asyncio.create_task(self._read_tail(position))
        return self._tailing

    async def _read_tail(self, position: Position) -> None:
        """Read until nothing is left of what the last wake told of. Followers wake when something is there."""
        more = True
        while more or self._tailed_wakes != self._wakes:
            wakes, now, resets = self._wakes, asyncio.get_running_loop().time(), self._resets
            items, _, more = await self._load(self._items[-1].position if self._items else position)
            if resets != self._resets or self._head is not None:
                return
            for item in items:
                self._add(item)
            if not more:
                self._tailed_wakes, self._tailed_at = wakes, now


class _Relation(Enum):
    SEEN = 0
    NEXT = 1
    GAP = 2


def _leaves_behind(position: Position, epoch: int) -> bool:
    """Whether the writer of `epoch` never knew some of what was seen: another showed it, and it was not stored."""
    return epoch != position.epoch and 0 < position.durable < position.seq


def _place(position: Position) -> tuple[int, int, int]:
    return position.seq, position.epoch, position.offset


def _relation(position: Position, item: FeedItem, joined: bool) -> _Relation:
    """How `item` stands to what was seen up to `position`; `joined`: in the buffer it follows the item of that place.

    Whether an open event went on behind `position` cannot be told from its place: pieces may have left the buffer.
    """
    at = item.position
    if at.seq <= position.durable:
        return _Relation.SEEN
    if at.epoch != position.epoch:
        return _Relation.NEXT if at.seq == position.durable + 1 and not item.begins else _Relation.GAP
    if at.seq < position.seq:
        return _Relation.SEEN
    if at.seq == position.seq:
        if position.offset == WHOLE or (at.offset != WHOLE and at.offset <= position.offset):
            return _Relation.SEEN
        return _Relation.NEXT if item.begins <= position.offset else _Relation.GAP
    whole = joined or position.offset == WHOLE
    return _Relation.NEXT if at.seq == position.seq + 1 and whole and not item.begins else _Relation.GAP


def cut(event: StreamResponse, offset: int) -> StreamResponse | None:
    """What comes behind the first `offset` characters of a text event, or None if nothing does."""
    if offset == WHOLE:
        return None
    if offset == 0:
        return event
    text = event.artifact_update.artifact.parts[0].text
    if offset >= len(text):
        return None
    rest = StreamResponse()
    rest.CopyFrom(event)
    rest.artifact_update.artifact.parts[0].text = text[offset:]
    rest.artifact_update.append = True
    return rest
