"""Server-sent events (WHATWG HTML section 9.2): the one reader and the one writer, over bytes.

Lines end at CR LF, LF or CR and nowhere else: JSON may hold U+2028 and U+0085, where `str.splitlines`, and with it
`aiter_lines` of httpx, ends them too. Reading is linear in the size of an event, however its chunks are cut.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from agentnet.errors import UnavailableError

MAX_EVENT_BYTES = 64 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK_LINES = (b"\n\n", b"\n\r\n", b"\r\r")
_DATA = b"data: "
_MANY_BYTES = 256
"""In fewer there are not so many lines that it pays to take them together."""
_BREAKS_OF_OTHERS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))
"""Characters that end a line for `str.splitlines`, by which a2a-sdk's client reads, and how JSON says them else."""
_SEAM = 2
"""A blank line may lie across chunks: so many bytes of it at most on either side."""

TooLarge = Callable[[int], Exception]
"""The error for an event over a limit of so many bytes."""


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    data: bytes | None
    """None for one without a data line, which only sets what follows it."""
    id: str | None = None
    name: str | None = None
    retry: bytes | None = None
    """Milliseconds, digits only."""


class Reader:
    """Of one stream: feed it the chunks as they come."""

    __slots__ = (
        "_after_cr",
        "_data",
        "_id",
        "_is_first",
        "_limit",
        "_name",
        "_parts",
        "_pending",
        "_retry",
        "_size",
        "_too_large",
    )

    def __init__(self, limit: int, too_large: TooLarge) -> None:
        self._limit = limit
        self._too_large = too_large
        self._parts: list[bytes] = []
        """Of the line that is not complete. Joined once: joining at each chunk costs the square of its length."""
        self._data: list[bytes] = []
        self._size = 0
        """Of the data lines that are complete. Summed as they come: an event may have a million of them."""
        self._pending = 0
        """Of the line that is not complete."""
        self._id: str | None = None
        self._name: str | None = None
        self._retry: bytes | None = None
        self._is_first = True
        self._after_cr = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that are complete with `chunk`. Raises what `too_large` makes."""
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_line_feeds(chunk)
        if len(chunk) > _MANY_BYTES and self._took_data(chunk):
            return
        lines = chunk.split(b"\n")
        self._parts.append(lines[0])
        self._pending += len(lines[0])
        if len(lines) > 1:
            rest = lines.pop()
            lines[0] = b"".join(self._parts)
            self._parts, self._pending = [rest], len(rest)
            for line in lines:
                if line:
                    self._take(line)
                elif event := self._dispatch():
                    yield event
        self._check(self._size + self._pending)

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        """`chunk` with line feeds alone; the one of a CR LF whose CR came before has ended its line already."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if chunk.endswith(b"\r"):
            self._after_cr = True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _took_data(self, chunk: bytes) -> bool:
        """Take the lines that are complete with `chunk` together, if all are data: they may be 200,000 in an event."""
        if self._is_first or not chunk.startswith(_DATA, chunk.find(b"\n") + 1) or b"\n\n" in chunk:
            return False
        end = chunk.rfind(b"\n")
        if end < 0:
            return False
        lines = b"".join([*self._parts, chunk[:end]])
        values = lines.replace(b"\n" + _DATA, b"\n")
        ends = lines.count(b"\n")
        if not lines.startswith(_DATA) or len(lines) - len(values) != ends * len(_DATA):
            return False
        self._data.append(values[len(_DATA) :])
        self._size += len(lines) - ends
        self._parts, self._pending = [chunk[end + 1 :]], len(chunk) - end - 1
        self._check(self._size + self._pending)
        return True

    def _take(self, line: bytes) -> None:
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(BYTE_ORDER_MARK)
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._size += len(line)
            self._check(self._size)
        elif field == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        elif field == b"retry" and value.isdigit():
            self._retry = value

    def _dispatch(self) -> Event | None:
        event = None
        if self._data or self._id:
            event = Event(b"\n".join(self._data) if self._data else None, self._id, self._name, self._retry)
        self._data, self._id, self._name, self._retry = [], None, None, None
        self._size, self._is_first = 0, False
        return event

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise self._too_large(self._limit)


async def events_in(chunks: AsyncIterator[bytes], limit: int, too_large: TooLarge) -> AsyncGenerator[Event, None]:
    """The events of a stream as they become complete; an unfinished last one is dropped, as the standard has it.

    Raises what `too_large` makes, for one of more than `limit` bytes.
    """
    reader = Reader(limit, too_large)
    async for chunk in chunks:
        for event in reader.feed(chunk):
            yield event


async def data_of(chunks: AsyncIterator[bytes], max_bytes: int = MAX_EVENT_BYTES) -> AsyncGenerator[bytes, None]:
    """The data of an agent's events. Raises `UnavailableError` for an event over `max_bytes`."""
    async for event in events_in(chunks, max_bytes, _agents_event_too_large):
        if event.data is not None:
            yield event.data


async def whole_events(chunks: AsyncIterator[bytes], limit: int, too_large: TooLarge) -> AsyncGenerator[bytes, None]:
    """The bytes of a stream, unread, cut between events only: several events at once where they came so.

    An unfinished last event is finished. Raises what `too_large` makes, for one of more than `limit` bytes.
    """
    held: list[bytes] = []
    size, tail = 0, b""
    async for chunk in chunks:
        end = end_of_events(chunk) or end_of_events(tail + chunk[:_SEAM]) - len(tail)
        if end > 0:
            yield b"".join([*held, chunk[:end]]) if held else chunk[:end]
            held, size = [], 0
        if rest := chunk[max(end, 0) :]:
            held.append(rest)
            size += len(rest)
        tail = (tail + chunk[-_SEAM:])[-_SEAM:]
        if size > limit:
            raise too_large(limit)
    if held:
        yield b"".join([*held, b"\n\n"])


def end_of_events(data: bytes) -> int:
    """Where the last complete event in `data` ends: after its blank line; 0 where none is complete."""
    if data.endswith(_BLANK_LINES):
        return len(data)
    return max(at + len(mark) if at >= 0 else 0 for mark in _BLANK_LINES for at in (data.rfind(mark),))


def frame(data: bytes, event_id: str | None = None, event: str | None = None, retry: bytes | None = None) -> bytes:
    """One event on the wire, its `data` JSON. Line breaks are carried as lines of their own, CR as LF."""
    if not data.isascii():  # a tenth of the time of a search
        for character, escaped in _BREAKS_OF_OTHERS:
            data = data.replace(character, escaped)
    if b"\n" in data or b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
    pause = b"retry: %b\n" % retry if retry else b""
    name = b"event: %b\n" % event.encode() if event else b""
    identifier = b"id: %b\n" % event_id.encode() if event_id else b""
    return b"%b%b%bdata: %b\n\n" % (pause, name, identifier, data)


def _agents_event_too_large(limit: int) -> UnavailableError:
    return UnavailableError(f"The agent sent an event over the limit of {limit} bytes.")
