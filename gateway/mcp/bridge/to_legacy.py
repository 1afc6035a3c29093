"""A modern client's call of a server that is legacy only: when the server asks, the call is parked in this replica and
the client is told what is asked; its retry brings the answer.

The sealed state that the client gets names the replica, and a retry that reaches another one is sent there. A call
that nobody comes back for is cancelled after a while.
"""

import asyncio
import logging
import secrets
from dataclasses import dataclass

from mcp_types.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND

from agentnet.errors import AgentNetError, BusyError
from agentnet.identity import Principal
from gateway.http.transport import Incoming
from gateway.mcp.bridge.forwarding import Forwarding
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Exchange, InputRequired, Question
from gateway.mcp.messages.hops import via_of
from gateway.mcp.messages.input_required import CAPABILITY_OF
from gateway.mcp.messages.jsonrpc import RequestId, object_or_empty, request, result, write
from gateway.mcp.messages.reply import PER_SECOND, NoiseError, Unheard
from gateway.mcp.messages.session import UpstreamSession
from gateway.mcp.upstream.client import JSON_OR_STREAM, UpstreamClient
from gateway.mcp.upstream.http import UpstreamHttp, session_headers
from gateway.mcp.upstream.pool import Pool
from gateway.mcp.upstream.relay import checked
from gateway.mcp.upstream.results import result_of
from gateway.mcp.upstream.server import UpstreamServer
from gateway.mcp.upstream.sieve import is_progress_of_another

logger = logging.getLogger(__name__)

PARKED_SECONDS = 600.0
"""How long a parked call waits for its client."""
MAX_PARKED = 64
"""Calls of one key that are parked in one replica."""
MAX_REFUSED = 1000
"""Pings and the like in one call: each is answered with a request of its own."""
MAX_WAITING = 16
"""Questions of one call that wait for their turn."""
KEY = "question"
LOG_LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
ASKABLE = frozenset({"elicitation", "sampling", "roots"})
ENVELOPE = "io.modelcontextprotocol/"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, under the id that the server gave it."""

    id: RequestId
    question: Question


class ParkedCall:
    """One call at the server, with the client coming and going."""

    def __init__(self, server: UpstreamServer, principal: Principal, session: UpstreamSession, identifier: str) -> None:
        self.server = server
        self.principal = principal
        self.session = session
        self.id = identifier
        self.asked: Asked | None = None
        """What the client is to answer."""
        self.outcomes: asyncio.Queue[Document | Exception | Asked] = asyncio.Queue()
        """One result or error in the end; before it, each question."""
        self.listener: Exchange | None = None
        """Where notifications go while the client is there."""
        self.unheard = Unheard(PER_SECOND)
        self.refused = 0
        """Requests of the server's that are for no client."""
        self.task: asyncio.Task[None] | None = None


class Parking:
    """The parked calls of this replica."""

    def __init__(self, http: UpstreamHttp, client: UpstreamClient, pool: Pool, forwarding: Forwarding) -> None:
        self._http = http
        self._client = client
        self._pool = pool
        self._forwarding = forwarding
        self._parked: dict[str, tuple[ParkedCall, asyncio.TimerHandle]] = {}

    async def call(self, exchange: Exchange, server: UpstreamServer, params: Document) -> Document | None:
        """The result, or None when another replica gave it. Raises `InputRequired`, `AgentNetError`."""
        state = exchange.state()
        if state is None:
            return await self._pool.use(
                server, exchange.principal, askable(exchange), lambda at: self._begin(exchange, server, at, params)
            )
        if state["replica"] != self._forwarding.address:
            await self._forwarding.forward(exchange, state["replica"])
            return None
        return await self._resume(exchange, state)

    async def _begin(
        self, exchange: Exchange, server: UpstreamServer, session: UpstreamSession, params: Document
    ) -> Document:
        if sum(parked.principal == exchange.principal for parked, _ in self._parked.values()) >= MAX_PARKED:
            raise BusyError("This key has as many calls that wait for answers as it may.", retry_after=5.0)
        # An id of its own: calls of several clients share the session at the server, and all count from one.
        call = ParkedCall(server, exchange.principal, session, secrets.token_urlsafe(16))
        # What a modern request says of itself is nothing to an older server.
        meta = {key: value for key, value in exchange.meta.items() if not key.startswith(ENVELOPE)}
        message = request(call.id, exchange.method, params | {"_meta": meta})
        headers = [*JSON_OR_STREAM, *session_headers(session), *exchange.trace, *via_of(exchange.headers)]
        try:
            incoming, _ = await self._http.open(
                server, exchange.principal, "POST", headers, write(message), url=session.url
            )
        except asyncio.CancelledError:  # a server that does not stream answers when it is done, and then only
            await asyncio.shield(self._cancel(call))
            raise
        try:
            incoming = await checked(incoming, server.name)
        except AgentNetError:  # the pool opens another session and begins once more
            await incoming.close()
            raise
        call.listener = exchange
        call.task = asyncio.create_task(self._follow(call, incoming))
        return await self._outcome(call)

    async def _resume(self, exchange: Exchange, state: Document) -> Document:
        call, timer = self._parked.get(state["call"], (None, None))
        if call is None or timer is None or call.principal != exchange.principal:
            raise _not_waiting()
        asked = call.asked
        if asked is None or asked.id != state["asked"]:  # it has been answered, and another one is asked now
            raise _not_waiting()
        answers = await exchange.ask({KEY: asked.question}, state)
        # For one retry only: an answer that was sent twice once answered the question after it.
        del self._parked[call.id]
        timer.cancel()
        call.listener = exchange
        return await self._outcome(call, result(asked.id, answers[KEY]))

    async def _tell(self, call: ParkedCall, answer: Document) -> None:
        """Take the client's answer to the server; where it does not get there the client may bring it again."""
        try:
            await self._client.answer(call.server, call.principal, call.session, answer)
        except AgentNetError:
            self._park(call)
            raise

    async def _outcome(self, call: ParkedCall, answer: Document | None = None) -> Document:
        """Wait for a result or a question, after the client's `answer`. The client that leaves cancels the call."""
        try:
            if answer is not None:
                await self._tell(call, answer)
            outcome = await call.outcomes.get()
        except asyncio.CancelledError:
            await asyncio.shield(self._cancel(call))
            raise
        call.listener = None
        if isinstance(outcome, Exception):
            raise outcome
        if not isinstance(outcome, Asked):
            return outcome
        call.asked = outcome
        self._park(call)
        state = {"call": call.id, "replica": self._forwarding.address, "asked": outcome.id}
        raise InputRequired({KEY: outcome.question}, state)

    def _park(self, call: ParkedCall) -> None:
        call.listener = None
        timer = asyncio.get_running_loop().call_later(PARKED_SECONDS, self._expire, call.id)
        self._parked[call.id] = (call, timer)

    def _expire(self, identifier: str) -> None:
        call, _ = self._parked.pop(identifier, (None, None))
        if call is not None:
            logger.info("nobody came back for a parked call of %s", call.server.name)
            # Kept, for asyncio holds tasks weakly.
            call.task = asyncio.create_task(self._cancel(call, call.task))

    async def _cancel(self, call: ParkedCall, following: "asyncio.Task[None] | None" = None) -> None:
        following = following or call.task
        if following is not None:
            following.cancel()
        await self._client.cancel(call.server, call.principal, call.session, call.id, "The client has left.")

    async def _follow(self, call: ParkedCall, incoming: Incoming) -> None:
        """Read the server's answer to its end, whether the client is there or not."""
        try:
            heard = await result_of(incoming, call.server.name, call.id, lambda message: self._heard(call, message))
            await call.outcomes.put(heard)
        except AgentNetError as error:
            if isinstance(error, NoiseError):
                self._client.give_up(call.server, call.principal, call.session, call.id)
            await call.outcomes.put(error)
        except Exception as error:  # the boundary of a task: whoever waits is told
            logger.exception("a bridged call of %s failed", call.server.name)
            await call.outcomes.put(error)
        finally:
            await incoming.close()

    async def _heard(self, call: ParkedCall, message: Document) -> None:
        """Take what comes before the result: a question or a notification."""
        if "id" in message:
            await self._asked(call, message)
            return
        if call.listener is None:
            call.unheard.count()
        await notify(call.listener, message)

    async def _asked(self, call: ParkedCall, message: Document) -> None:
        method, params = message["method"], object_or_empty(message.get("params"))
        if method not in CAPABILITY_OF:
            call.refused += 1
            if call.refused > MAX_REFUSED:
                said = f"The MCP server {call.server.name!r} sent {MAX_REFUSED} requests that are for no client."
                raise McpError(INTERNAL_ERROR, said)
            refusal = McpError(METHOD_NOT_FOUND, f"There is no {method} here.").document(message["id"])
            # A ping is for whoever is connected (2025-11-25), which is the gateway.
            answer = result(message["id"], {}) if method == "ping" else refusal
            await self._client.tell(call.server, call.principal, call.session, answer)
            return
        # One at a time goes to the client: more than a few are for nobody to answer.
        if call.outcomes.qsize() >= MAX_WAITING:
            raise McpError(INTERNAL_ERROR, f"The MCP server {call.server.name!r} asks too many questions at once.")
        await call.outcomes.put(Asked(message["id"], Question(method, params)))


async def notify(listener: Exchange | None, message: Document) -> None:
    """Pass a notification on to a client that is there and wants it: log messages only at its level."""
    if listener is None or is_progress_of_another(message, listener.progress_token):
        return
    params = object_or_empty(message.get("params"))
    if message["method"] == "notifications/message" and not _is_wanted(params.get("level"), listener.log_level):
        return
    await listener.notify(message["method"], params)


def _not_waiting() -> McpError:
    return McpError(
        INVALID_PARAMS, "The call that asked this is not waiting any more; call again without requestState."
    )


def askable(exchange: Exchange) -> Document:
    """The client's capabilities that a legacy server may make use of."""
    return {name: value for name, value in exchange.capabilities.items() if name in ASKABLE}


def _is_wanted(level: object, wanted: str | None) -> bool:
    # 2026-07-28, logging: a request that names no level gets no log messages.
    if wanted not in LOG_LEVELS or level not in LOG_LEVELS:
        return False
    return LOG_LEVELS.index(str(level)) >= LOG_LEVELS.index(wanted)
