"""What a server may say in the answer to one call: its own result and progress, and what is nobody's in particular.

A host tells messages apart by their ids alone. A response under the id of another call would be taken for that call's
answer, so it is dropped, counted, and told of in the log; the same holds for the progress of another call, for a second
answer, and for what is no answer: a host would wait on, or end its connection.
"""

import json
import logging
import time
from dataclasses import replace
from typing import Any

import orjson
from mcp_types.jsonrpc import INTERNAL_ERROR

from agentnet.errors import TooLargeError, UnavailableError
from agentnet.http.sse import Event, Reader, frame
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.jsonrpc import RequestId, check_size, object_or_empty, parse, write
from gateway.mcp.upstream.events import MAX_EVENT_BYTES, event_too_large

logger = logging.getLogger(__name__)

PROGRESS = "notifications/progress"
MAX_QUESTIONS = 64
"""That a server may ask at once."""
MAX_ODD_BYTES = 1024 * 1024
"""A larger answer that orjson does not read is none."""


class Sieve:
    """Of the answer to one call, sent to `server` under `identifier`; None: of a stream that answers none.

    `may_ask`: whether its era lets servers ask. `may_break_off`: whether a stream may end before the answer.
    """

    __slots__ = (
        "_asked",
        "_first_asked",
        "_id",
        "_may_ask",
        "_server",
        "_token",
        "dropped",
        "is_answered",
        "may_break_off",
    )

    def __init__(
        self,
        server: str,
        identifier: RequestId | None,
        token: RequestId | None = None,
        *,
        may_ask: bool = False,
        may_break_off: bool = False,
    ) -> None:
        self._server = server
        self._id = identifier
        self._token = token
        self._may_ask = may_ask
        self._asked = 0
        self._first_asked = 0.0
        self.may_break_off = may_break_off
        self.dropped = 0
        self.is_answered = False
        """Whether the answer has come."""

    def hears(self, message: Document) -> bool:
        """Whether a message comes in time; to be asked once for each, before `admits`. Raises `McpError` where the
        server asks too much."""
        if "method" not in message:
            if self.is_answered:
                self.drop()
                return False
        elif self._may_ask and "id" in message:
            self._count_question()
        return True

    def admits(self, message: Document) -> bool:
        """Whether a message is this call's; one that is not is counted."""
        if "method" not in message:
            is_own = self._id is not None and is_answer(message) and self._is_named(message)
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
            logger.warning("the MCP server %s sends what is no answer to its call; that is dropped", self._server)

    def events(self, data: bytes) -> bytes:
        """What of these whole events is this call's. Raises `McpError`."""
        read = [*Reader(MAX_EVENT_BYTES, event_too_large).feed(data)]
        own = [event for event in map(self._own, read) if event is not None]
        return data if own == read else b"".join(map(_framed, own))

    def body(self, data: bytes) -> bytes:
        """The answer in `data`, which is all of it. Raises `McpError`."""
        return data if self.answer(data).get("id") == self._id else self._named(data)

    def answer(self, data: bytes) -> Document:
        """The same as a document, read fast. Raises `McpError` for what is no answer, and for another call's."""
        message = message_in(data)
        if message is None or "method" in message or not is_answer(message):
            raise McpError(INTERNAL_ERROR, f"The MCP server {self._server!r} answered with no JSON-RPC response.")
        if not self.admits(message):
            raise McpError(
                INTERNAL_ERROR, f"The MCP server {self._server!r} answered under the id of another call, or of none."
            )
        return message

    def end(self) -> None:
        """The answer's stream has ended. Raises `UnavailableError` where nothing in it was this call's answer."""
        if self.dropped:
            logger.warning("of the MCP server %s %d messages were dropped", self._server, self.dropped)
        if not (self.is_answered or self.may_break_off):
            raise UnavailableError(f"The MCP server {self._server!r} ended its answer without a result for this call.")

    def _count_question(self) -> None:
        now = time.monotonic()
        self._first_asked = self._first_asked or now
        self._asked += 1
        # Whoever asks slowly, for an hour perhaps, is answered one by one.
        if self._asked > MAX_QUESTIONS + now - self._first_asked:
            message = f"The MCP server {self._server!r} asks more than {MAX_QUESTIONS} questions at once."
            raise McpError(INTERNAL_ERROR, message)

    def _is_named(self, message: Document) -> bool:
        return is_same(message.get("id"), self._id) or is_refusal(message)

    def _own(self, event: Event) -> Event | None:
        """The event, if it is this call's."""
        # After one with an id the client resumes the stream at the server (2025-11-25).
        if event.id and self._may_ask:
            self.may_break_off = True
        if not event.data:
            return event
        message = message_in(event.data)
        if message is None:
            self.drop()
            return None
        if not self.hears(message) or not self.admits(message):
            return None
        return replace(event, data=self._named(event.data)) if is_refusal(message) else event

    def _named(self, data: bytes) -> bytes:
        """A server that could not read the request refuses it under the id null (JSON-RPC 2.0, section 5)."""
        return write(parse(data) | {"id": self._id})


def message_in(data: bytes) -> Document | None:
    """The message in `data`, as far as it can be told; None where there is none. Nothing is taken from it.

    Raises `McpError` where it is too much.
    """
    try:
        check_size(data)
    except TooLargeError as error:
        raise McpError(INTERNAL_ERROR, f"The MCP server's answer is over a limit: {error.message}") from None
    try:
        message = orjson.loads(data)
    except ValueError:
        message = _oddly(data)
    return message if isinstance(message, dict) and isinstance(message.get("method", ""), str) else None


def _oddly(data: bytes) -> Any:
    """What other readers take for JSON: half a pair of surrogates, of a text that was cut."""
    if len(data) > MAX_ODD_BYTES:
        return None
    try:
        return json.loads(data.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def is_answer(message: Document) -> bool:
    """Whether a message without a method is a response in good form: a result or an error, and not both.

    A null stands for what is not there: so some servers say it.
    """
    result, error = message.get("result"), message.get("error")
    if error is None:
        return isinstance(result, dict)
    return (
        result is None
        and isinstance(error, dict)
        and isinstance(error.get("code"), int)
        and isinstance(error.get("message"), str)
    )


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


def _framed(event: Event) -> bytes:
    if event.data is None:
        return b"id: %b\n\n" % (event.id or "").encode()
    return frame(event.data, event.id, event.name, event.retry)
