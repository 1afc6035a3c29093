"""The MCP door: an ASGI app for `/mcp` and `/mcp/{profile}`, both eras of the protocol at one address."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any

from mcp_types.jsonrpc import INVALID_PARAMS, INVALID_REQUEST
from starlette.types import Receive, Scope, Send

from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import AgentNetError, TooLargeError, UnavailableError
from agentnet.frame.bodies import json_limits
from agentnet.http.presence import presence_of
from agentnet.settings import Settings
from gateway.http.body import Body, ClientGoneError, run_until_gone
from gateway.http.limits import StreamLimit
from gateway.mcp.aggregate.aggregate import Aggregate, stamped
from gateway.mcp.changes.listen import Listening, last_word
from gateway.mcp.changes.view import View
from gateway.mcp.legacy import Legacy
from gateway.mcp.messages.batch import is_batch, serve_batch
from gateway.mcp.messages.deadline import CALL_SECONDS, Deadline, TimeLimit
from gateway.mcp.messages.endless import Endless
from gateway.mcp.messages.envelope import LISTEN, check_modern_notification
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document, McpError, cancelled
from gateway.mcp.messages.exchange import Exchange, InputRequired
from gateway.mcp.messages.hops import Hops
from gateway.mcp.messages.inbound import Inbound, accepts, check_form, check_size, read_body
from gateway.mcp.messages.input_required import Retries
from gateway.mcp.messages.jsonrpc import RequestId, id_in, is_notification, is_request, is_response, read, result
from gateway.mcp.messages.reply import Reply
from gateway.mcp.messages.said import said
from gateway.mcp.messages.session import Session
from gateway.mcp.profiles.profiles import Profiles
from gateway.mcp.resumption.event_ids import Resumption
from gateway.mcp.servers.passthrough import Passthrough
from gateway.mcp.sessions.client_requests import ClientRequests
from gateway.mcp.sessions.running import RunningCalls
from gateway.mcp.sessions.sessions import Sessions
from gateway.mcp.upstream.server import UpstreamServer

logger = logging.getLogger(__name__)

BROKEN_OFF = TooLargeError("The request body broke off, or is over the limit.")
NOT_ONE_MESSAGE = McpError(INVALID_REQUEST, "The body must be one JSON-RPC request or notification.", http=400)

STREAM: Document = {"id": 0, "method": "GET"}
# 2026-07-28 has neither GET nor DELETE: 405.
METHODS: dict[Era, dict[str, bytes]] = {
    Era.MODERN: {"POST": b"POST"},
    Era.LEGACY: {"GET": b"GET", "POST": b"POST", "DELETE": b"DELETE"},
}


class Door:
    """Takes requests apart and puts answers together; what is answered is the relay's or the aggregate's."""

    def __init__(
        self,
        profiles: Profiles,
        passthrough: Passthrough,
        aggregate: Aggregate,
        sessions: Sessions,
        running: RunningCalls,
        retries: Retries,
        client_requests: ClientRequests,
        legacy: Legacy,
        limit: StreamLimit,
        hops: Hops,
        settings: Settings,
    ) -> None:
        self._profiles = profiles
        self._passthrough = passthrough
        self._aggregate = aggregate
        self._sessions = sessions
        self._running = running
        self._listening = Listening()
        self._retries = retries
        self._client_requests = client_requests
        self._legacy = legacy
        self._limit = limit
        self._hops = hops
        self._ceiling = TimeLimit(settings.mcp_call_seconds, CALL_SECONDS)
        self._json = json_limits(settings)
        self._per_second = settings.mcp_progress_per_second
        self._endless = Endless()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        headers, method = scope["headers"], scope["method"]
        reply = Reply(send, may_stream=accepts(headers, b"text/event-stream"), per_second=self._per_second)
        sent = b""
        try:
            check_size(headers)
            principal = self._profiles.principal_of(scope)
            # Before the profile is looked for: there may be none of that name, and an answer names its request.
            sent = await read_body(receive, self._json) if method == "POST" else b""
            body = Body(receive, sent, True, presence_of(scope))
            profile = await self._profiles.of(principal, scope["path_params"].get("profile"))
            inbound = Inbound(headers, sent, principal, profile, reply)
            # The end of the connection cancels a modern call; in 2025-11-25 a disconnect is no cancellation, so such a
            # call may go on. Looked for at once: a call whose client left before its first event was not cancelled.
            await run_until_gone(body, self._handle(method, inbound), reply.goes_on, unwatched_seconds=0.0)
        except ClientGoneError:
            await refuse(reply, BROKEN_OFF)
        except Exception as error:  # noqa: BLE001 - the boundary to the client: nobody above says it in MCP
            note(error, method)
            await refuse(reply, error, id_in(sent))
        finally:
            reply.close()

    async def stop(self) -> None:
        """End the streams that clients hold open, so that the process need not wait for them."""
        self._endless.end()

    async def _handle(self, method: str, inbound: Inbound) -> None:
        if method not in METHODS[inbound.era]:
            await inbound.reply.whole(405, [(b"allow", b", ".join(METHODS[inbound.era].values()))], b"")
            return
        message = read_message(inbound) if method == "POST" else None
        if isinstance(message, list):
            await serve_batch(inbound, message, lambda one, part: self._one("POST", part, one))
        else:
            await self._one(method, inbound, message)

    async def _one(self, method: str, inbound: Inbound, message: Any) -> None:
        """Serve one message, or a GET or DELETE."""
        try:
            if inbound.networks:
                self._hops.check(inbound.networks)
            server = await self._passthrough.server_of(inbound, message) if inbound.profile.is_straight else None
            if server is not None:
                await self._relay(method, inbound, server, message)
                return
        except AgentNetError as error:
            if not is_request(message):
                raise
            await finish_with(inbound.reply, inbound.era, message["id"], error)
            return
        if is_request(message):
            await self._serve(inbound, message)
        elif message is not None:
            await self._take(inbound, message)
        else:
            await self._session(method, inbound)

    async def _relay(self, method: str, inbound: Inbound, server: UpstreamServer, message: Any) -> None:
        """Pass everything to the one server of the profile."""
        with self._limit.stream(inbound.principal):
            # A notification is answered with 202 and no body, never with a stream.
            if is_request(message) or method == "GET":
                inbound.reply.keep_alive()
            deadline = Deadline(self._ceiling)
            async with self._in_time(message, deadline):
                await self._passthrough.relay(method, inbound, server, message, deadline)
        await inbound.reply.end_stream()

    async def _take(self, inbound: Inbound, message: Document) -> None:
        """A notification or a response: it is taken to where it belongs, and nothing is answered."""
        if inbound.era is Era.MODERN:
            check_modern_notification(inbound.version)
        else:
            session = await self._session_of(inbound)
            if session is not None:
                await self._legacy.take(inbound.principal, session, message)
        await inbound.reply.whole(202, [], b"")

    async def _session(self, method: str, inbound: Inbound) -> None:
        """A GET or a DELETE of the legacy era."""
        session = await self._session_of(inbound)
        if session is None:
            # A GET gets a stream or 405; any other request without its session 400 (2025-11-25, transports).
            raise McpError(INVALID_REQUEST, "This needs an Mcp-Session-Id.", http=400 if method == "DELETE" else 405)
        if method == "DELETE":
            await self._legacy.end(inbound.principal, session)
            await inbound.reply.whole(204, [], b"")
            return
        if not inbound.reply.may_stream:
            raise McpError(INVALID_REQUEST, "Accept must name text/event-stream.", http=406)
        resumption = self._legacy.resumption(inbound, session)
        if resumption is not None:
            await inbound.reply.open_stream()
            await self._serve(inbound, resumption.message, resumption)
            return
        deadline = Deadline(self._ceiling)
        exchange = inbound.legacy(STREAM, self._client_requests, deadline, session)
        with self._limit.stream(inbound.principal):
            async with self._in_time(None, deadline):
                await self._legacy.stream(inbound, session, View(exchange, self._aggregate))
        await inbound.reply.end_stream()

    async def _serve(self, inbound: Inbound, message: Document, resumption: Resumption | None = None) -> None:
        """Answer one request, whatever comes; one that its client comes back to with its `resumption`."""
        reply = inbound.reply
        answer: Document | None = None
        try:
            exchange = await self._exchange(inbound, message)
            if resumption is not None:
                exchange.is_resumed, exchange.told = True, resumption.told
                exchange.arrived = 0.0  # a cancellation that was stored while its client was away is meant for it
            with self._limit.stream(inbound.principal), self._running.call(exchange):
                reply.keep_alive()
                async with self._in_time(message, exchange.deadline):
                    answer = await answer_of(exchange, self._answer(exchange))
        except Exception as error:  # noqa: BLE001 - the boundary to the client: it is answered whatever happened
            note(error, message["method"])
            await finish_with(reply, inbound.era, message["id"], error)
        else:
            # The stream is ended on purpose, which its result says: a connection that broke has none.
            if answer is None and exchange.method == LISTEN:
                answer = last_word(exchange)
            if answer is not None:
                await reply.finish(result(exchange.id, stamped(exchange, answer)))
            await reply.end_stream()

    async def _exchange(self, inbound: Inbound, message: Document) -> Exchange:
        deadline = Deadline(self._ceiling)
        if inbound.era is Era.MODERN:
            return inbound.modern(message, self._retries, deadline)
        session = await self._recent_session(inbound) if message["method"] != "initialize" else None
        return inbound.legacy(message, self._client_requests, deadline, session)

    async def _answer(self, exchange: Exchange) -> Document | None:
        if exchange.method == LISTEN and exchange.era is Era.MODERN:
            return await self._listening.listen(exchange, View(exchange, self._aggregate))
        if exchange.method == "logging/setLevel" and exchange.session is not None:
            return await self._legacy.set_log_level(exchange, exchange.session)
        try:
            answer = await self._aggregate.handle(exchange)
        except InputRequired as required:
            return self._retries.close(exchange, required)
        if exchange.method == "initialize" and answer is not None:
            await self._legacy.open(exchange, answer["protocolVersion"])
        return answer

    def _in_time(self, message: Any, deadline: Deadline) -> AbstractAsyncContextManager[None]:
        """Ends what takes too long; streams that a client holds open end with this process. Raises `McpError`."""
        is_endless = not is_request(message) or message["method"] == LISTEN
        return self._endless.held() if is_endless else deadline

    async def _session_of(self, inbound: Inbound) -> Session | None:
        """The legacy session that the request names. Raises `McpError` (404)."""
        if inbound.session_id is None:
            return None
        return await self._sessions.get(inbound.principal, inbound.profile, inbound.session_id)

    async def _recent_session(self, inbound: Inbound) -> Session | None:
        """The same as it was a moment ago."""
        identifier = inbound.session_id
        if identifier is None:
            return None
        return await self._sessions.recent(inbound.principal, inbound.profile, identifier)


async def answer_of(exchange: Exchange, work: Coroutine[Any, Any, Document | None]) -> Document | None:
    """What `work` returns. Raises `McpError` when the client cancelled it."""
    try:
        return await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        # Cancelled more than once, the task has another reason besides the client: that one holds.
        if not exchange.is_cancelled or task is None or task.uncancel() > 0:
            raise
        raise cancelled() from None


def note(error: Exception, what: str) -> None:
    """Log what is nobody's expected answer."""
    if not isinstance(error, (AgentNetError, *DATABASE_AWAY)):
        logger.error("mcp %s failed", what, exc_info=error)


def read_message(inbound: Inbound) -> Any:
    """The message in the body, or the batch where the version has batches. Raises `McpError`."""
    check_form(inbound.headers)
    message = read(inbound.body)
    modern = inbound.era is Era.MODERN
    # With an id of a wrong form it is no notification: its sender waits for an answer.
    is_one = is_request(message) or (is_notification(message) and "id" not in message)
    if is_one or (not modern and (is_response(message) or is_batch(message, inbound.version))):
        return message
    if (
        isinstance(message, dict)
        and isinstance(message.get("method"), str)
        and not isinstance(message.get("params", {}), dict)
    ):
        raise McpError(INVALID_PARAMS, "params must be an object.", http=400)
    raise NOT_ONE_MESSAGE


async def finish_with(reply: Reply, era: Era, identifier: str | int, error: Exception) -> None:
    """Answer a request with an error, in the way of its era."""
    told = said(error)
    # 2026-07-28 has a status for each code; before it an error of a request goes out with 200.
    status = told.status_code if era is Era.MODERN else told.http or 200
    await reply.finish(told.document(identifier), status)


async def refuse(reply: Reply, error: Exception, identifier: RequestId | None = None) -> None:
    """Answer an HTTP request whose message is not looked at: its status says that it was not taken.

    `identifier` is that of a request which can be told although it is wrong, or has no place to go to.
    """
    if not reply.is_done:
        told = said(error)
        status = told.http or (told.status_code if told.heard is None else HTTPStatus.BAD_GATEWAY)
        await reply.finish(told.document(identifier), status if status >= HTTPStatus.BAD_REQUEST else not_taken(error))


def not_taken(error: Exception) -> int:
    """The HTTP status that says of a message without an answer why it was not taken, where the error has none."""
    if isinstance(error, UnavailableError):
        return error.http_status
    return HTTPStatus.BAD_REQUEST if isinstance(error, AgentNetError) else HTTPStatus.INTERNAL_SERVER_ERROR
