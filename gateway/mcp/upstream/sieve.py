"""What a server may say in the answer to one call: its own result and progress, and what is nobody's in particular.

A host tells messages apart by their ids alone. A response under the id of another call would be taken for that call's
answer, so it is dropped, counted, and told of in the log; the same holds for the progress of another call.
"""

import logging
import re
from dataclasses import replace

import orjson
from mcp_types.jsonrpc import INTERNAL_ERROR

from agentnet.errors import UnavailableError
from agentnet.http.sse import Event, Reader, frame
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.jsonrpc import RequestId, object_or_empty, parse, write
from gateway.mcp.upstream.events import MAX_EVENT_BYTES, event_too_large

logger = logging.getLogger(__name__)

PROGRESS = "notifications/progress"
_ID, _TOKEN, _ESCAPE = b'"id"', b'"progressToken"', b"\\u00"
SCANNED_BYTES = 64 * 1024
"""So much is looked through faster than it is read; in more there is mostly text, which is read faster."""
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")
"""A key may be written so that its letters are not seen."""


class Sieve:
    """Of the answer to one call, sent to `server` under `identifier`; None: of a stream that answers none.

    `may_ask`: whether its era lets servers ask.
    """

    __slots__ = ("_id", "_may_ask", "_server", "_token", "dropped", "is_answered")

    def __init__(
        self, server: str, identifier: RequestId | None, token: RequestId | None = None, *, may_ask: bool = False
    ) -> None:
        self._server = server
        self._id = identifier
        self._token = token
        self._may_ask = may_ask
        self.dropped = 0
        self.is_answered = False
        """Whether the answer has come."""

    def admits(self, message: Document) -> bool:
        """Whether a message is this call's; one that is not is counted."""
        if "method" not in message:
            is_own = self._id is not None and (is_same(message.get("id"), self._id) or is_refusal(message))
            self.is_answered = self.is_answered or is_own
        elif "id" in message:
            is_own = self._may_ask
        else:
            is_own = not is_progress_of_another(message, self._token)
        if not is_own:
            self.drop()
        return is_own

    def drop(self) -> None:
        """Count a message that is not this call's; the first one is told of."""
        self.dropped += 1
        if self.dropped == 1:
            logger.warning("the MCP server %s answers calls that are not its own; that is dropped", self._server)

    def events(self, data: bytes) -> bytes:
        """What of these whole events is this call's; they are read only where their bytes leave a doubt."""
        if len(data) <= SCANNED_BYTES and not self._is_doubtful(data):
            return data
        reader = Reader(MAX_EVENT_BYTES, event_too_large)
        read = [*reader.feed(data)]
        own = [event for event in map(self._own, read) if event is not None]
        return data if own == read else b"".join(map(_framed, own))

    def body(self, data: bytes) -> bytes:
        """The answer in `data`, which is all of it. Raises `McpError` for another call's."""
        if len(data) <= SCANNED_BYTES and not self._is_doubtful(data) and self.is_answered:
            return data
        message = self._read(data)
        if message is None or "method" in message or not self.admits(message):
            raise McpError(
                INTERNAL_ERROR, f"The MCP server {self._server!r} answered under the id of another call, or of none."
            )
        return data if message.get("id") == self._id else self._named(data)

    def end(self) -> None:
        """The answer's stream has ended. Raises `UnavailableError` where nothing in it was this call's answer."""
        if self.dropped:
            logger.warning("of the MCP server %s %d messages of other calls were dropped", self._server, self.dropped)
        if self.dropped and not self.is_answered:
            raise UnavailableError(f"The MCP server {self._server!r} ended its answer without a result for this call.")

    def _is_doubtful(self, data: bytes) -> bool:
        """Whether `data` may hold an id, or a token, that is not this call's."""
        if _ESCAPE in data and _ESCAPED_LETTER.search(data):
            return True
        if _TOKEN in data and not _is_all(data, _TOKEN, self._token):
            return True
        if _ID not in data:
            return False
        if not _is_all(data, _ID, self._id):
            return True
        self.is_answered = True
        return False

    def _read(self, data: bytes) -> Document | None:
        """The message in `data`; None where there is none, as far as can be told."""
        try:
            message = orjson.loads(data)
        except ValueError:
            # What one reader takes for no JSON another may read: then its bytes have to be beyond doubt.
            return None if self._is_doubtful(data) else {"id": self._id}
        return message if isinstance(message, dict) and isinstance(message.get("method", ""), str) else None

    def _own(self, event: Event) -> Event | None:
        """The event, if it is this call's."""
        if not event.data:
            return event
        message = self._read(event.data)
        if message is None:
            self.drop()
            return None
        if not self.admits(message):
            return None
        return replace(event, data=self._named(event.data)) if is_refusal(message) else event

    def _named(self, data: bytes) -> bytes:
        """A server that could not read the request refuses it under the id null (JSON-RPC 2.0, section 5)."""
        return write(parse(data) | {"id": self._id})


def is_same(one: object, other: RequestId | None) -> bool:
    """Whether it is this id: 1 and "1" are two."""
    return one is not None and type(one) is type(other) and one == other


def is_progress_of_another(message: Document, token: RequestId | None) -> bool:
    """Whether a notification tells of the progress of another call than the one with this token."""
    if message["method"] != PROGRESS:
        return False
    return not is_same(object_or_empty(message.get("params")).get("progressToken"), token)


def is_refusal(message: Document) -> bool:
    """Whether it is the error of a server that could not tell the id."""
    return message.get("id") is None and "method" not in message and isinstance(message.get("error"), dict)


def _is_all(data: bytes, key: bytes, value: RequestId | None) -> bool:
    """Whether `key` stands in `data` once, before `value`, written as servers write it that do nothing unusual."""
    at = data.find(key) + len(key)
    if value is None or data.find(key, at) >= 0:
        return False
    text = orjson.dumps(value)
    begin = at + (2 if data[at : at + 2] == b": " else 1)
    end = begin + len(text)
    return data[at : at + 1] == b":" and data[begin:end] == text and data[end : end + 1] in (b",", b"}")


def _framed(event: Event) -> bytes:
    if event.data is None:
        return b"id: %b\n\n" % (event.id or "").encode()
    return frame(event.data, event.id, event.name, event.retry)
