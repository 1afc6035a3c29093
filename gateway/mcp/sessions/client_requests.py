"""Questions of the gateway itself to a legacy client, and calls that such a client cancels, whichever replica hears it.

An answer is stored for the replica that asked, and a signal tells of it; without the signal it is found a little later.
"""

import asyncio
import logging
import secrets
from base64 import urlsafe_b64encode
from contextlib import suppress
from hashlib import sha256

from mcp_types.jsonrpc import INVALID_PARAMS

from agentnet.database import Database
from agentnet.database.retry import DATABASE_AWAY, retried
from agentnet.identity import Principal
from agentnet.signals import Signal, Signals, Topic, Wakeup, Watch
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Exchange, Question
from gateway.mcp.messages.input_required import check_capabilities
from gateway.mcp.messages.jsonrpc import has_nul, read, request, write
from gateway.mcp.messages.session import Session
from gateway.mcp.sessions import sql

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 600.0
"""How long a client may take to answer."""
PREFIX = "agentnet:"
"""Ids of our own questions begin with it."""
MAX_ID_CHARACTERS = 64
READ_SECONDS = 60.0
"""How long an answer stays for other replicas that wait for it, such as one that takes the call over."""
MAX_ANSWERS = 256
"""Of one session that are kept."""
NO_ANSWER = -32000


class ClientRequests:
    """`Answering` of the legacy era."""

    def __init__(self, database: Database, signals: Signals) -> None:
        self._pool = database.pool
        self._signals = signals
        self._watch = Watch(signals, Topic.MCP_ANSWERED)

    async def ask(self, exchange: Exchange, questions: dict[str, Question], state: Document) -> dict[str, Document]:
        """Send the questions on the stream of the call and wait. Raises `McpError`.

        A question that is asked again for the same call, with the same `state`, has the same id: a client that comes
        back to the call knows it, and its answer counts once, whichever replica asked.
        """
        check_capabilities(exchange, questions)
        session = exchange.session
        if session is None or not exchange.reply.may_stream:
            raise McpError(NO_ANSWER, "This client cannot be asked: it has no session, or takes no stream.")
        named = {question_id(exchange, session, state, key): each for key, each in questions.items()}
        answers = await asyncio.gather(*(self._ask(exchange, session, *one) for one in named.items()))
        with suppress(*DATABASE_AWAY):
            await self._pool.execute(sql.DROP_ANSWERS, session.id, READ_SECONDS)
        return dict(zip(questions, map(_result, answers), strict=True))

    def state(self, exchange: Exchange) -> Document | None:
        """None: the call waits while the client answers."""
        return None

    def is_ours(self, message: Document) -> bool:
        """Whether a client's response answers a question of this gateway."""
        return str(message["id"]).startswith(PREFIX)

    async def answered(self, principal: Principal, session: Session, message: Document) -> None:
        """Take a client's response to a question of this or another replica."""
        identifier, body = str(message["id"]), write(message).decode()
        if len(identifier) > MAX_ID_CHARACTERS:
            raise McpError(INVALID_PARAMS, "Nobody asked for this answer.", http=400)
        if has_nul(body):
            raise McpError(INVALID_PARAMS, "An answer may hold no NUL.", http=400)
        answer = (session.id, identifier, principal.tenant, body)
        await retried(lambda: self._pool.execute(sql.PUT_ANSWER, *answer, MAX_ANSWERS))
        self._signals.publish(Signal(Topic.MCP_ANSWERED, _key(session.id, identifier)))

    async def _ask(self, exchange: Exchange, session: Session, identifier: str, question: Question) -> Document:
        try:
            with self._watch.on(_key(session.id, identifier)) as answered:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await exchange.reply.send_event(request(identifier, question.method, question.params))
                    return await self._answer(session.id, identifier, answered)
        except TimeoutError:
            raise McpError(NO_ANSWER, f"The client did not answer within {ANSWER_SECONDS:g} s.") from None

    async def _answer(self, session: str, identifier: str, answered: Wakeup) -> Document:
        while True:
            await answered.wait()
            try:
                body = await self._pool.fetchval(sql.READ_ANSWER, session, identifier)
            except DATABASE_AWAY as error:
                logger.info("an answer is not looked for now: %r", error)
                continue
            if body is not None:
                answer: Document = read(body.encode())
                return answer


def question_id(exchange: Exchange, session: Session, state: Document, key: str) -> str:
    """The id of a question: random where there is no `state` to know it by."""
    known = state or {"asked": secrets.token_urlsafe(12)}
    named = sha256(write([session.id, exchange.id, known, key])).digest()
    return PREFIX + urlsafe_b64encode(named[:15]).decode()


def _key(session: str, identifier: str) -> str:
    return f"{session} {identifier}"


def _result(message: Document) -> Document:
    error = message.get("error")
    if isinstance(error, dict):
        raise McpError(NO_ANSWER, f"The client refused to answer: {error.get('message', '')}")
    result: Document = message["result"]
    return result
