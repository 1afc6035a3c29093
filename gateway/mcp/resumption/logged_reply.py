"""The stream of a call that outlives its connections: its questions and its answer are kept for who comes back."""

import asyncio
import logging

from starlette.types import Message

from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import DatabaseAwayError
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.reply import Reply
from gateway.mcp.resumption.log import CallLog, Lost, event_id

logger = logging.getLogger(__name__)

NOT_THERE = -32000
OPEN_SECONDS = 0.5
"""A call that takes longer can be resumed from then on; quicker ones cost nothing."""
STOP_SECONDS = 3.0
"""How long calls that are at their server may go on when the process stops."""
MAX_LEFT = 64
"""Calls of one key in one replica whose client is not there; more are ended. Of bridged and of relayed ones."""


class LoggedReply(Reply):
    """Of one call; `live` is the reply of the request that the client has open, if it has."""

    def __init__(self, log: CallLog, call: str, session: str, request: Document, live: Reply | None) -> None:
        super().__init__(_nowhere, may_stream=True)
        self.live = live
        self.is_logged = False
        """Whether the client may come back to the call."""
        self.lost: Lost = nothing
        """Called when the call is not this process's any more."""
        self._log = log
        self._call = call
        self._session = session
        self._request = request
        self._last = 0
        """The number of the last event that is kept."""
        self._sent = 0
        """The number of the last one that the client was sent."""
        self._further = 0
        self._asked: frozenset[str] = frozenset()
        self._is_released = False
        self._opening, self._sending = asyncio.Lock(), asyncio.Lock()

    def go_on(self, last: int, asked: frozenset[str]) -> None:
        """The call was begun elsewhere, and `asked` are questions that the client has been sent."""
        self.is_logged = True
        self._last = self._sent = last
        self._asked = asked

    async def open(self, *, primes: bool) -> None:
        """From now on the client may come back; it is told so where it `primes` (2025-11-25)."""
        async with self._opening:
            if self.is_logged or self.live is None:
                return
            try:
                await self._log.open(self._call, self._session, self._request, self.lost)
            except DATABASE_AWAY as error:
                logger.warning("a call cannot be resumed: %s", error)
                return
            if self._is_released:
                self._log.release(self._call)
                return
            self.is_logged = True
            if primes:
                await self._prime()

    async def _prime(self) -> None:
        if self.live is not None:  # the client may have left meanwhile
            await self.live.prime(event_id(self._call, 0))

    async def send_event(self, document: Document, identifier: str | None = None) -> None:
        """Keep a question, and send it if a client is there. Raises `McpError` where it would reach nobody.

        One after the other: whoever comes back after an event has had all before it.
        """
        if document.get("id") in self._asked:
            return
        await self.expect_client()
        async with self._sending:
            if self.is_logged:
                await self.put(document)
            if self.live is not None:
                await self.live.send_event(document, event_id(self._call, self._last) if self.is_logged else None)
            self._sent = self._last

    async def expect_client(self) -> None:
        """Returns when the client may come back, or is there. Raises `McpError` when it is neither."""
        await self.open(primes=False)
        if not self.is_logged and self.live is None:
            raise McpError(NOT_THERE, "The client left before it could be asked.")

    async def put(self, document: Document) -> None:
        """Have the client find a question when it comes back."""
        self._last += 1
        await self._log.put(self._call, self._last, document)

    async def relay(self, data: bytes) -> None:
        """Notifications are for a client that is there; what it missed of them is not told again."""
        await self.open(primes=False)
        if self.live is not None:
            await self.live.relay(self.named(data) if self.is_logged else data)

    def named(self, data: bytes) -> bytes:
        """An event that is not kept, with an id to come back to."""
        self._further += 1
        return b"id: %b\n%b" % (event_id(self._call, self._sent, self._further).encode(), data)

    def release(self) -> None:
        """The call is over here."""
        self._is_released = True
        self.lost = nothing
        self._log.release(self._call)

    async def end_with(self, answer: Document) -> None:
        """Keep the answer for a client that comes back."""
        if self.is_logged:
            try:
                await self._log.end(self._call, self._last + 1, answer)
            except DatabaseAwayError as error:
                logger.warning("the answer of a call is not kept: %s", error)


def nothing() -> None:
    """Of a call that nobody drives yet, or any more."""


async def _nowhere(_: Message) -> None:
    """Events of such a call go out through the replies of its requests."""
