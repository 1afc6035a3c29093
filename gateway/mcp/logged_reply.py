"""The stream of a call that outlives its connections: what is sent is kept, and goes out while a client is there."""

import logging

from starlette.types import Message

from agentnet.database.retry import DATABASE_AWAY
from gateway.mcp.call_log import CallLog, event_id
from gateway.mcp.errors import Document, McpError
from gateway.mcp.reply import Reply

logger = logging.getLogger(__name__)

MAX_EVENTS = 1000
"""Of one call that are kept; later notifications go to a client that is there and to no other."""
MAX_NOTIFICATION_BYTES = 64 * 1024
"""A larger one is not kept."""
NOT_THERE = -32000


class LoggedReply(Reply):
    """Of one call; `live` is the reply of the request that the client has open, if it has."""

    def __init__(self, log: CallLog, call: str, session: str, request: Document, live: Reply | None) -> None:
        super().__init__(_nowhere, may_stream=True)
        self.live = live
        self.is_logged = False
        """Whether the client may come back to the call."""
        self._log = log
        self._call = call
        self._session = session
        self._request = request
        self._last = 0
        self._asked: frozenset[str] = frozenset()

    def go_on(self, last: int, asked: frozenset[str]) -> None:
        """The call was begun elsewhere, and `asked` are questions that the client has been sent."""
        self.is_logged = True
        self._last, self._asked = last, asked

    async def open(self, *, primes: bool) -> None:
        """From now on the client may come back; it is told so where it `primes` (2025-11-25)."""
        if self.is_logged or self.live is None:
            return
        try:
            await self._log.open(self._call, self._session, self._request)
        except DATABASE_AWAY as error:
            logger.warning("a call cannot be resumed: %s", error)
            return
        self.is_logged = True
        if primes:
            await self.live.prime(event_id(self._call, 0))

    async def send_event(self, document: Document, identifier: str | None = None) -> None:
        """Keep an event, and send it if a client is there. Raises `McpError` for a question that reaches nobody."""
        is_question = "method" in document and "id" in document
        if is_question and document["id"] in self._asked:
            return
        await self.open(primes=False)
        if not self.is_logged and is_question and self.live is None:
            raise McpError(NOT_THERE, "The client left before it could be asked.")
        number = await self._keep(document, is_question)
        if self.live is not None:
            await self.live.send_event(document, event_id(self._call, number) if number else None)

    async def end_with(self, answer: Document) -> None:
        """Keep the answer for a client that comes back."""
        if self.is_logged:
            try:
                await self._log.end(self._call, self._last + 1, answer)
            except DATABASE_AWAY as error:
                logger.warning("the answer of a call is not kept: %s", error)

    async def _keep(self, document: Document, is_question: bool) -> int | None:
        """The number under which it is kept."""
        size = len(str(document)) if not is_question else 0
        if not self.is_logged or (not is_question and (self._last >= MAX_EVENTS or size > MAX_NOTIFICATION_BYTES)):
            return None
        try:
            await self._log.put(self._call, self._last + 1, document)
        except DATABASE_AWAY as error:
            logger.warning("an event of a call is not kept: %s", error)
            return None
        self._last += 1
        return self._last


async def _nowhere(_: Message) -> None:
    """Events of such a call go out through the replies of its requests."""
