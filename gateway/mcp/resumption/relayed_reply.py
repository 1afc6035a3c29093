"""The stream of a call that is relayed to its server: bytes as they come, for as long as the client is there."""

import logging
import secrets
from collections.abc import Callable

from agentnet.errors import DatabaseAwayError
from gateway.http.transport import Headers
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.jsonrpc import RequestId, is_id, parse
from gateway.mcp.messages.reply import Reply
from gateway.mcp.resumption.log import CallLog, asked
from gateway.mcp.resumption.logged_reply import LoggedReply, nothing

logger = logging.getLogger(__name__)


class RelayedReply(LoggedReply):
    """Of one call. A server that names its events resumes the stream itself: of such a call nothing is kept."""

    def __init__(self, log: CallLog, session: str, describe: Callable[[], Document], live: Reply | None) -> None:
        super().__init__(log, "", session, {}, live)
        self._describe = describe
        """Says what the log is to hold of the call; most calls are over before it is asked."""
        self.opened: Callable[[], object] = nothing
        """Called when the client may come back."""
        self.is_resumed_there = False
        """Whether the server resumes the stream."""
        self.is_answered = False
        self._question: RequestId | None = None
        """The id of the newest: a message may be looked at twice."""

    @property
    def call(self) -> str:
        """The call's id, from when it is opened."""
        return self._call

    @property
    def outlives_client(self) -> bool:
        """Whether a client that has left may come back to the call here."""
        return self.is_logged and not self.is_resumed_there

    @property
    def is_complete(self) -> bool:
        """Whether the answer came, or comes when the client resumes the stream at the server."""
        return self.is_answered or self.is_resumed_there

    def leave_to_server(self) -> bool:
        """The server resumes the stream, unless the client comes back here already."""
        self.is_resumed_there = self.is_resumed_there or not self.is_logged
        return self.is_resumed_there

    async def open(self, *, primes: bool) -> None:
        """From now on the client may come back, unless the server sees to that."""
        if self.is_resumed_there or self.is_logged:
            return
        if not self._call:
            self._call, self._request = secrets.token_urlsafe(16), self._describe()
        await super().open(primes=primes)
        if self.is_logged:
            self.opened()

    def release(self) -> None:
        """The call is over here."""
        super().release()
        self.opened = nothing

    async def keep(self, message: Document) -> None:
        """Keep the server's questions, and its answer. Raises `McpError` for a question that would reach nobody."""
        if "method" not in message:
            await self._keep_answer(message)
        elif is_id(message.get("id")) and message["id"] != self._question and not self.is_resumed_there:
            self._question = message["id"]
            await self.expect_client()
            if self.is_logged:
                await self._keep_question(message)

    async def open_stream(self) -> None:
        """The server streams."""
        self.is_stream = True
        if self.live is not None:
            await self.live.open_stream()

    async def relay(self, data: bytes) -> None:
        """Whole events of the server."""
        if self.live is not None:
            await self.live.relay(data if self.is_resumed_there or not self.is_logged else self.named(data))

    async def stream(self, data: bytes) -> None:
        """Whole events, as they are."""
        if self.live is not None:
            await self.live.stream(data)

    async def finish_with(self, data: bytes, status: int = 200) -> None:
        """The answer of a server that does not stream."""
        await self._keep_answer(answer_in(data) if self.is_logged else None)
        if self.live is not None:
            await self.live.finish_with(data, status)

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """A response without an answer in it."""
        if self.live is not None:
            await self.live.whole(status, headers, body)

    async def end(self, body: bytes = b"") -> None:
        """The end of the server's stream; the client's is ended by whoever serves it."""

    async def _keep_question(self, question: Document) -> None:
        """That it is open is noted first: who comes back looks at the questions, and then which are open.

        Without the database the call goes on for a client that stays.
        """
        try:
            await self._log.hold(self._call, asked(question["id"]))
            await self.put(question)
        except DatabaseAwayError as error:
            logger.warning("a question is not kept: %s", error)
        self._sent = self._last

    async def _keep_answer(self, answer: Document | None) -> None:
        self.is_answered = True
        if answer is not None and not self.is_resumed_there:
            await self.end_with(answer)


def answer_in(data: bytes) -> Document | None:
    """The message in the body of an answer; None where the server said something else."""
    try:
        message = parse(data)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
