"""The log of a task as a follower reads it: stored events, as items with the place behind each."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

from a2a.types.a2a_pb2 import StreamResponse

from agentnet.tasks.events import TERMINAL_STATES, state_of
from agentnet.tasks.position import WHOLE, Position
from agentnet.tasks.projection import Projection
from agentnet.tasks.wire import dumps, stream_json

LOG_PAGE = 500


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A stored event."""

    seq: int
    epoch: int
    event: StreamResponse


ReadLog = Callable[[UUID, int, int], Awaitable[list[LogEvent]]]
"""`(task_id, after_seq, limit)` → stored events, oldest first."""


class FeedItem:
    """An event, or a piece of one that is still open, and the place behind it.

    The piece that closes an event has its place behind the whole of it: it may be empty, and would lie where the piece
    before it lies. It tells where it `begins`; of others that is told by their text.
    """

    __slots__ = ("_begins", "_json", "event", "position")

    def __init__(self, position: Position, event: StreamResponse, begins: int = 0) -> None:
        self.position = position
        self.event = event
        self._begins = begins
        self._json: bytes | None = None

    @property
    def begins(self) -> int:
        """The offset at which a piece of a text event begins; 0 for a whole event."""
        offset = self.position.offset
        return self._begins if offset == WHOLE else offset - len(self.event.artifact_update.artifact.parts[0].text)

    @property
    def json(self) -> bytes:
        """The event as JSON, rendered once for all followers."""
        if self._json is None:
            self._json = dumps(stream_json(self.event))
        return self._json


class TaskLog:
    """The log of one task, through `read`."""

    def __init__(self, task_id: UUID, read: ReadLog) -> None:
        self._task_id = task_id
        self._read = read

    async def page(self, position: Position, *, with_end: bool = False) -> tuple[list[FeedItem], Position, bool]:
        """A page of stored items behind `position`, the place reached, and whether there may be more.

        `with_end`: the task's last event too where `position` lies behind it, as none of this task can.
        """
        # From what is surely stored, not from what was seen: that may have been written anew by another.
        page = await self._read(self._task_id, position.durable, LOG_PAGE)
        items: list[FeedItem] = []
        for stored in page:
            is_seen = stored.epoch == position.epoch and stored.seq < position.seq
            if is_seen and not (with_end and is_end(stored.event)):  # seen before it was stored
                position = replace(position, durable=stored.seq)
                continue
            if outlived(position, stored.epoch):
                items.append(await self.anew(position))
                position = items[-1].position
            seen = position.offset if (stored.seq, stored.epoch) == (position.seq, position.epoch) else 0
            position = Position(stored.seq, stored.epoch, WHOLE, stored.seq)
            rest = cut(stored.event, seen)
            if rest is not None:
                items.append(FeedItem(position, rest))
        return items, position, len(page) == LOG_PAGE

    async def rest(self, after: Position) -> AsyncGenerator[FeedItem, None]:
        """All that is stored behind `after`."""
        more = True
        while more:
            items, after, more = await self.page(after)
            for item in items:
                yield item

    async def anew(self, position: Position) -> FeedItem:
        """The task as of the last stored event that was seen, in place of what was seen after it and never stored."""
        projection, seq = Projection(), 0
        while seq < position.durable:
            page = await self._read(self._task_id, seq, min(LOG_PAGE, position.durable - seq))
            if not page:
                break
            for stored in page:
                projection.apply(stored.event)
            seq = page[-1].seq
        # No run has epoch 0: whatever comes next is another writer's, and whole.
        reached = Position(position.durable, 0, WHOLE, position.durable)
        return FeedItem(reached, StreamResponse(task=projection.task()))


def is_end(event: StreamResponse) -> bool:
    """Whether it is the last event of its task."""
    return state_of(event) in TERMINAL_STATES


def outlived(position: Position, epoch: int) -> bool:
    """Whether the writer of `epoch` never knew some of what was seen: another showed it, and it was not stored."""
    return epoch != position.epoch and 0 < position.durable < position.seq


def cut(event: StreamResponse, offset: int) -> StreamResponse | None:
    """What comes behind the first `offset` characters of a text event, or None if nothing does.

    Its end is something: who has all the characters, and a place within the event, has not been told that it ended.
    """
    if offset == WHOLE:
        return None
    if offset == 0:
        return event
    text = event.artifact_update.artifact.parts[0].text
    if offset >= len(text) and not event.artifact_update.last_chunk:
        return None
    rest = StreamResponse()
    rest.CopyFrom(event)
    rest.artifact_update.artifact.parts[0].text = text[offset:]
    rest.artifact_update.append = True
    return rest
