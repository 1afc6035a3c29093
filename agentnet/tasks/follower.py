"""A follower's place in a feed: what it has seen, and whether the buffer or the log has what comes next."""

from collections import deque
from collections.abc import Iterator
from enum import Enum

from agentnet.tasks.log import FeedItem, TaskLog, is_end, outlived
from agentnet.tasks.position import WHOLE, Position

BUFFERED_EVENTS = 512


class Buffer:
    """The latest items of a feed, in order."""

    __slots__ = ("first", "items", "resets")

    def __init__(self) -> None:
        self.items: deque[FeedItem] = deque()
        self.first = 0
        """How many items ever left on the left: the number of the first that is here."""
        self.resets = 0
        """How often everything was taken back."""

    def add(self, item: FeedItem) -> None:
        """The item that comes next; the oldest goes where there are too many."""
        self.items.append(item)
        if len(self.items) > BUFFERED_EVENTS:
            self.items.popleft()
            self.first += 1

    def take_back(self) -> None:
        """What is here may never have been stored: nobody may go on from it."""
        self.first += len(self.items)
        self.items.clear()
        self.resets += 1

    def begins_at(self, position: Position) -> bool:
        """Whether nothing lies between `position` and the first item, of which there must be one."""
        return _relation(position, self.items[0], False) is not _Relation.GAP


class Follower:
    """One who has seen everything up to `position`, and begins with the log where it is `behind` the buffer."""

    __slots__ = (
        "_behind",
        "_buffer",
        "_index",
        "_joined",
        "_log",
        "_looked",
        "_outlived",
        "_resets",
        "position",
        "quiet",
    )

    def __init__(self, buffer: Buffer, log: TaskLog, position: Position, *, behind: bool) -> None:
        self.position = position
        self.quiet = 0.0
        """Seconds for which nothing came."""
        self._buffer = buffer
        self._log = log
        self._behind = behind
        self._outlived = False
        """What was seen last is not in the log, and what comes next does not follow it."""
        self._looked = False
        """Whether the log was read to its end: what is missing now is not in it yet, a run shows before it stores."""
        self._index = buffer.first
        self._joined = False
        """Whether the item before `_index` ends where this follower stands."""
        self._resets = buffer.resets

    @property
    def needs_log(self) -> bool:
        """Whether the buffer alone does not tell what comes next."""
        return self._behind or self._outlived or self._resets != self._buffer.resets

    @property
    def must_wait(self) -> bool:
        """Whether neither buffer nor log have what comes next."""
        return not self.needs_log or (self._behind and self._looked)

    def look_again(self) -> None:
        """Time went by: what is missing may be stored by now."""
        self._looked = False

    async def missed(self) -> list[FeedItem]:
        """The next page of what is missing."""
        if self._outlived:
            again = await self._log.anew(self.position)
            self.position, self._outlived = again.position, False
            return [again]
        self._resets = self._buffer.resets  # before the read: what is taken back meanwhile asks for another
        items, self.position, self._behind = await self._log.page(self.position, with_end=True)
        self._looked = not self._behind
        self._index, self._joined = self._buffer.first, False
        return items

    def buffered(self) -> Iterator[FeedItem]:
        """What the buffer has next, until it ends, has a gap, or is taken back by whoever runs between two items."""
        if self.needs_log:
            return
        buffer = self._buffer
        while self._resets == buffer.resets and self._index < buffer.first + len(buffer.items):
            if self._index < buffer.first:  # the buffer went on without this follower
                self._index, self._joined = buffer.first, False
            item = buffer.items[self._index - buffer.first]
            relation = _relation(self.position, item, self._joined)
            if relation is _Relation.GAP:
                self._behind = True
                return
            if relation is _Relation.SEEN and self.position.seq > item.position.seq and is_end(item.event):
                relation = _Relation.NEXT  # a place behind the end is none, and the end is for all
            if relation is _Relation.NEXT and outlived(self.position, item.position.epoch):
                self._outlived = True
                return
            self._index += 1
            if relation is _Relation.NEXT:
                self.position, self._joined, self._looked = item.position, True, False
                yield item
            else:
                self._joined = _place(item.position) == _place(self.position)


class _Relation(Enum):
    SEEN = 0
    NEXT = 1
    GAP = 2


def _place(position: Position) -> tuple[int, int, int]:
    return position.seq, position.epoch, position.offset


def _relation(position: Position, item: FeedItem, joined: bool) -> _Relation:
    """How `item` stands to what was seen up to `position`; `joined`: in the buffer it follows the item of that place.

    Whether an open event went on behind `position` cannot be told from its place: pieces may have left the buffer.
    """
    at = item.position
    if at.seq <= position.durable:  # what is stored is the same under every epoch
        return _Relation.SEEN
    if at.epoch != position.epoch:  # another writer, who knew the log alone: only what follows the log follows here
        return _Relation.NEXT if at.seq == position.durable + 1 and not item.begins else _Relation.GAP
    if at.seq < position.seq:
        return _Relation.SEEN
    if at.seq == position.seq:
        if position.offset == WHOLE or (at.offset != WHOLE and at.offset <= position.offset):
            return _Relation.SEEN
        return _Relation.NEXT if item.begins <= position.offset else _Relation.GAP
    # Behind a piece of an open event the next event comes next only where no further piece came in between.
    whole = joined or position.offset == WHOLE
    return _Relation.NEXT if at.seq == position.seq + 1 and whole and not item.begins else _Relation.GAP
