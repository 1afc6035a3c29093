"""What a call that its client may come back to keeps: its questions and its answer, and ids for all that it streams."""

import asyncio
import logging
import secrets
from collections.abc import Callable

from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import DatabaseAwayError
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.jsonrpc import RequestId, is_id, parse
from gateway.mcp.resumption.log import CallLog, asked, event_id
from gateway.mcp.sessions.running import RunningCall, RunningCalls

logger = logging.getLogger(__name__)

OPEN_SECONDS = 0.5
"""A call that takes longer can be resumed from then on; quicker ones cost nothing."""
NOT_THERE = -32000
MAX_LEFT = 64
"""Calls of one key in one replica whose client is not there; more are ended."""


class Keeper:
    """Of one call, beside the reply of the request that its client has open; `describe` says what the log is to hold of
    the call: most calls are over before it is asked."""

    def __init__(
        self,
        log: CallLog,
        running: RunningCalls,
        call: RunningCall,
        describe: Callable[[], Document],
        *,
        has_own_task: bool = False,
    ) -> None:
        self.is_logged = False
        """Whether the client may come back to the call."""
        self.is_resumed_there = False
        """Whether the server resumes the stream itself: of such a call nothing is kept."""
        self.is_answered = False
        self._log = log
        self._running = running
        self._call = call
        self._describe = describe
        self._has_own_task = has_own_task
        """Whether the call goes on by itself when its request ends. Its first notification opens it, however soon that
        comes; what is relayed waits for `OPEN_SECONDS`, for most of it is over by then."""
        self._last = 0
        """The number of the last event that is kept."""
        self._sent = 0
        """The number of the last one that the client was sent."""
        self._further = 0
        self._asked: frozenset[RequestId] = frozenset()
        """Questions that the client has been sent by another replica."""
        self._question: RequestId | None = None
        """The id of the newest of the server's: a message may be looked at twice."""
        self._is_released = False
        self._opening, self._sending = asyncio.Lock(), asyncio.Lock()

    @property
    def is_complete(self) -> bool:
        """Whether the answer came, or comes when the client resumes the stream at the server."""
        return self.is_answered or self.is_resumed_there

    def go_on(self, identifier: str, last: int, asked: frozenset[str]) -> None:
        """The call was begun elsewhere, and `asked` are questions that the client has been sent."""
        self._running.log(self._call, identifier)
        self.is_logged = True
        self._last = self._sent = last
        self._asked = asked

    async def open(self, *, primes: bool) -> None:
        """From now on the client may come back, unless the server sees to that; it is told so where it `primes`
        (2025-11-25: an event without data)."""
        async with self._opening:
            if self.is_resumed_there or self.is_logged or self._call.exchange.reply.is_left:
                return
            identifier = secrets.token_urlsafe(16)
            try:
                await self._log.open(identifier, self._call.session, self._describe())
            except DATABASE_AWAY as error:
                logger.warning("a call cannot be resumed: %s", error)
                return
            if self._is_released:
                return
            self._running.log(self._call, identifier)
            self._call.outlives_client = True
            self.is_logged = True
            if primes:
                await self._call.exchange.reply.prime(event_id(identifier, 0))

    def left(self) -> bool:
        """The client has left: whether it may come back to its request, and not too many calls wait for that."""
        is_one_of_few = self.leave()
        return is_one_of_few and self.is_logged and not self.is_resumed_there and not self._has_own_task

    def leave(self) -> bool:
        """The client is not here any more: whether no more calls of its key go on without a client than may."""
        exchange = self._call.exchange
        exchange.reply.leave()
        if self._running.count_left(exchange.principal) <= MAX_LEFT:
            return True
        logger.info("a call is ended: its client left too many")
        return False

    async def ask(self, document: Document) -> None:
        """Keep a question, and send it if a client is there. Raises `McpError` where it would reach nobody.

        One after the other: whoever comes back after an event has had all before it.
        """
        if document.get("id") in self._asked:
            return
        await self._expect_client()
        async with self._sending:
            if self.is_logged:
                await self._put(document)
            await self._call.exchange.reply.deliver(document, self._id(self._last) if self.is_logged else None)
            self._sent = self._last

    async def keep(self, message: Document) -> None:
        """Keep the server's questions, and its answer, before they are passed on. Raises `McpError` for a question that
        would reach nobody."""
        if "method" not in message:
            await self.answered(message)
        elif is_id(message.get("id")) and message["id"] != self._question and not self.is_resumed_there:
            self._question = message["id"]
            await self._expect_client()
            if self.is_logged:
                await self._keep_question(message)

    def leave_to_server(self) -> bool:
        """The server resumes the stream, unless the client comes back here already."""
        self.is_resumed_there = self.is_resumed_there or not self.is_logged
        return self.is_resumed_there

    async def named(self, data: bytes) -> bytes:
        """Notifications are for a client that is there, and not told again: with an id to come back to."""
        if self._has_own_task:
            await self.open(primes=False)
        if not self.is_logged or self.is_resumed_there:
            return data
        self._further += 1
        return b"id: %b\n%b" % (self._id(self._sent, self._further).encode(), data)

    async def answered(self, answer: Document | None) -> None:
        """The server's answer is on its way; None for something else that it said."""
        self.is_answered = True
        if answer is not None and not self.is_resumed_there:
            await self.end_with(answer)

    async def answered_with(self, data: bytes) -> None:
        """The same for an answer in one piece."""
        await self.answered(answer_in(data) if self.is_logged else None)

    async def end_with(self, answer: Document) -> None:
        """Keep the answer for a client that comes back."""
        if self.is_logged:
            try:
                await self._log.end(self._call.id, self._last + 1, answer)
            except DatabaseAwayError as error:
                logger.warning("the answer of a call is not kept: %s", error)

    async def hold(self, waiting: Document | None) -> bool:
        """Keep what the call waits for; None: it goes on. Whether it is still this process's."""
        return await self._log.hold(self._call.id, waiting)

    def release(self) -> None:
        """The call is over here."""
        self._is_released = True
        self._running.release(self._call)

    async def _expect_client(self) -> None:
        """Returns when the client may come back, or is there. Raises `McpError` when it is neither."""
        await self.open(primes=False)
        if not self.is_logged and self._call.exchange.reply.is_left:
            raise McpError(NOT_THERE, "The client left before it could be asked.")

    async def _keep_question(self, question: Document) -> None:
        """That it is open is noted first: who comes back looks at the questions, and then which are open.

        Without the database the call goes on for a client that stays.
        """
        try:
            await self.hold(asked(question["id"]))
            await self._put(question)
        except DatabaseAwayError as error:
            logger.warning("a question is not kept: %s", error)
        self._sent = self._last

    async def _put(self, document: Document) -> None:
        """Have the client find a question when it comes back."""
        self._last += 1
        await self._log.put(self._call.id, self._last, document)

    def _id(self, number: int, further: int = 0) -> str:
        return event_id(self._call.id, number, further)


def answer_in(data: bytes) -> Document | None:
    """The message in the body of an answer; None where the server said something else."""
    try:
        message = parse(data)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
