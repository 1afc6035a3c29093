"""The body of an answer as the OpenAI client reads it: events, each repaired as it comes, and an end that is one."""

import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from typing import cast

import anyio
import httpx2

from agentnet.http.sse import BYTE_ORDER_MARK, Event, Reader, frame
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.refusals import failure_said
from agentnet.models.wire.answers import Repair, events_of
from agentnet.models.wire.asked import Asked
from agentnet.models.wire.endings import broken
from agentnet.models.wire.quirks import Noted
from agentnet.models.wire.reading import loads, loads_loosely
from agentnet.models.wire.told import LIVE

MAX_EVENT_BYTES = 4 * 1024 * 1024
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""On the wire, where a word takes some 250 bytes; what is said is bounded more tightly."""
MAX_WHOLE_BYTES = 4 * 1024 * 1024
MAX_REST_BYTES = 64 * 1024
"""Read behind the end, so that the connection can be used again."""
END = b"\n\n"
ONE = re.compile(rb"(?:event: ([\w.-]{1,100})\n)?data: ([^\r\n]*)")
"""An event as most endpoints write it."""
PLAIN_NAME = b"response."
DONE = b"[DONE]"
DONE_EVENT = b"data: [DONE]\n\n"
DONE_WORDS = frozenset({b"DONE", b"done", b"[done]", b'"[DONE]"', b"[END]", b"[EOS]", b"[STOP]", b"[FINISH]"})
BEGINNINGS = b":deirDEIR"
"""With which a line of events begins: a comment, data, event, id, retry."""
BROKEN = (httpx2.RequestError, ssl.SSLError, anyio.EndOfStream)


class RepairedBody(httpx2.AsyncByteStream):
    """Of the answer `response`. Its iteration raises `ModelError`."""

    def __init__(self, response: httpx2.Response, asked: Asked, noted: Noted, repair: Repair) -> None:
        self._response = response
        self._asked = asked
        self._noted = noted
        self._repair = repair
        self._reader = Reader(MAX_EVENT_BYTES, _event_too_large)
        # Without an encoding, the bytes of the connection itself: the client's own two layers cost as much as a repair.
        encoded = response.headers.get("content-encoding", "identity").lower() != "identity"
        self._source: AsyncIterator[bytes] = response.aiter_bytes() if encoded else aiter(response.stream)  # type: ignore[arg-type]
        self._is_read = False
        self._is_done = False
        self._begins = True
        self._whole: list[bytes] | None = None
        """Of a body that is no stream of events."""
        self._first: bytes = b""
        """The beginning, as long as no event came."""
        self._has_events = False
        self._is_between = True
        """Whether the last chunk ended where an event does."""
        self._bytes = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The repaired events; a second time, nothing, once the rest of the connection has been read."""
        if self._is_read:
            await self._drain()
            return
        self._is_read = True
        try:
            async for chunk in self._source:
                if out := self._take(chunk):
                    yield out
                if self._is_done:
                    return
        except BROKEN as error:
            if not self._repair.is_whole:
                raise self._broken(error) from error
        if out := self._end():
            yield out

    async def aclose(self) -> None:
        """Close the connection's own stream."""
        if isinstance(self._source, AsyncGenerator):
            with suppress(RuntimeError):  # still running, in a task that is being cancelled
                await self._source.aclose()
        await self._response.aclose()

    async def _drain(self) -> None:
        size = 0
        async for chunk in self._source:
            size += len(chunk)
            if size > MAX_REST_BYTES:
                self._noted.add("after_done")
                return

    def _take(self, chunk: bytes) -> bytes:
        self._bytes += len(chunk)
        if self._bytes > MAX_ANSWER_BYTES:
            raise ModelError(
                Kind.RUNAWAY, f"The model's server sent more than {MAX_ANSWER_BYTES} bytes for one answer."
            )
        if self._is_between and self._repair.is_alike(chunk):
            # Its name repeats what its data says: the client spends more on that line than is spent here on the event.
            return chunk if chunk.startswith(b"data") else chunk[chunk.index(b"\n") + 1 :]
        if self._whole is None and self._begins:
            self._begin(chunk)
        if self._whole is not None:
            if self._bytes > MAX_WHOLE_BYTES:
                raise _event_too_large(MAX_WHOLE_BYTES)
            self._whole.append(chunk)
            return b""
        if not self._has_events and len(self._first) < MAX_REST_BYTES:
            self._first += chunk
        was_between, self._is_between = self._is_between, chunk.endswith(END)
        if was_between and self._is_between:
            found = [ONE.fullmatch(part) for part in chunk[: -len(END)].split(END)]
            if None not in found:
                return self._plain_events(chunk, cast("list[re.Match[bytes]]", found))
        return b"".join(map(self._event, self._reader.feed(chunk)))

    def _plain_events(self, chunk: bytes, found: list[re.Match[bytes]]) -> bytes:
        """Whole events of one line of data each: the reader is spared, which would cost as much as all else."""
        if len(found) == 1:
            out = self._plain_event(found[0])
            return chunk if out is None else out
        outs = [(each[0], self._plain_event(each)) for each in found]
        return b"".join(part + END if out is None else out for part, out in outs)

    def _plain_event(self, found: re.Match[bytes]) -> bytes | None:
        name, data = found[1], found[2]
        if self._is_done or data[:1] != b"{" or not (name is None or name.startswith(PLAIN_NAME)):
            return self._event(Event(data, name=None if name is None else name.decode()))
        self._has_events = True
        event = found[0] + END
        if self._repair.is_alike(event):
            return None
        out = self._repair.feed(data, None if name is None else name.decode(), event)
        return frame(data) if out is None and not data.isascii() else out

    def _begin(self, chunk: bytes) -> None:
        """Find out from the first bytes that are no white space whether these are events."""
        begun = chunk.removeprefix(BYTE_ORDER_MARK).lstrip()
        if begun:
            self._begins = False
            if begun[0] not in BEGINNINGS:
                self._whole = []

    def _event(self, event: Event) -> bytes:
        data = event.data
        if data is None:
            return b""
        self._has_events = True
        if self._is_done:
            if data.strip():
                self._noted.add("after_done")
            return b""
        if event.name is not None and event.name != "message" and self._is_other(event.name, data):
            return b""
        if data[:1] != b"{":
            data = data.strip()
            if not data:
                return b""
            if data.startswith(DONE) or data in DONE_WORDS:
                return self._done(data)
        if b"\n" in data and not _is_json(data):
            self._noted.add("events_glued")
            return b"".join(self._event(Event(line)) for line in data.split(b"\n"))
        out = self._repair.feed(data, event.name)
        return frame(data, event=event.name) if out is None else out

    def _is_other(self, name: str, data: bytes) -> bool:
        """Whether an event is no piece of the answer, by its name. Raises the `ModelError` of one that is an error."""
        if name == "error":
            try:
                payload = loads_loosely(data)
            except ValueError:
                payload = data.decode("utf-8", "replace")
            raise failure_said(payload)
        if name in LIVE:
            self._noted.add("event_foreign")
        return name in LIVE

    def _done(self, data: bytes) -> bytes:
        if data != DONE:
            self._noted.add("done_spelled" if not data.startswith(DONE) else "after_done")
        out = self._repair.end(is_done=True)
        self._is_done = True
        self._tell()
        return out + DONE_EVENT

    def _end(self) -> bytes:
        """What is left to send when the connection has ended. Raises `ModelError`."""
        if self._whole is not None:
            return self._end_of_whole(b"".join(self._whole))
        out = b""
        for event in self._reader.feed(b"\n\n"):
            if event.data is not None and event.data.strip():
                self._noted.add("event_unfinished")
                out += self._event(event)
        if self._is_done:
            return out
        if not self._has_events:
            return self._end_of_whole(_without_comments(self._first))
        out += self._repair.end(is_done=False)
        self._tell()
        return out

    def _end_of_whole(self, body: bytes) -> bytes:
        out = [self._event(Event(data)) for data in events_of(body, self._asked.api, self._noted)]
        out.append(self._repair.end(is_done=True))
        self._tell()
        return b"".join(out)

    def _tell(self) -> None:
        self._noted.reason = self._repair.reason
        self._noted.is_estimated = self._repair.is_estimated

    def _broken(self, error: Exception) -> ModelError:
        if isinstance(error, httpx2.TimeoutException):
            limits: Mapping[str, float | None] = self._response.request.extensions.get("timeout", {})
            seconds = limits.get("read")
            how_long = "too long" if seconds is None else f"{seconds:g} s"
            return ModelError(Kind.SILENT, f"The model's server was silent for {how_long} amid its answer.")
        if isinstance(error, httpx2.DecodingError):
            return ModelError(Kind.GARBLED, "The model's server sent a body that does not fit its content-encoding.")
        if not self._has_events:
            return ModelError(Kind.AWAY, "The model's server closed the connection before its answer began.")
        return broken(self._repair.has_said)


def _without_comments(body: bytes) -> bytes:
    return b"\n".join(line for line in body.splitlines() if not line.startswith(b":"))


def _is_json(data: bytes) -> bool:
    try:
        loads(data)
    except ValueError:
        return False
    return True


def _event_too_large(limit: int) -> ModelError:
    return ModelError(Kind.GARBLED, f"The model's server sent a piece of its answer over the limit of {limit} bytes.")
