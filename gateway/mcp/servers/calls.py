"""Calls of upstream servers behind the aggregate: the client's era is the one spoken upstream, wherever it can be."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from agentnet.errors import AgentNetError
from agentnet.identity import Principal
from gateway.http.transport import Headers, Incoming
from gateway.mcp.aggregate.provider import FollowedTasks
from gateway.mcp.bridge.long_calls import LongCalls
from gateway.mcp.bridge.to_legacy import Parking
from gateway.mcp.changes.subscriptions import SUBSCRIBE, UNSUBSCRIBE, Subscriptions
from gateway.mcp.messages.deadline import server_limit
from gateway.mcp.messages.envelope import SESSION_HEADER, TASK_METHODS, VERSION_HEADER
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import READ_RESOURCE, Exchange
from gateway.mcp.messages.input_required import MAY_ASK, can_be_asked
from gateway.mcp.messages.jsonrpc import RequestId, object_or_empty, request, write
from gateway.mcp.messages.reply import NoiseError
from gateway.mcp.messages.session import Session, UpstreamSession
from gateway.mcp.resumption.relayed import RelayedCalls
from gateway.mcp.servers.tasks import ServerTasks
from gateway.mcp.sessions.sessions import Sessions
from gateway.mcp.upstream.addressing import TASKS, headers_for, marked, marked_event, renamed
from gateway.mcp.upstream.client import UpstreamClient
from gateway.mcp.upstream.eras import Eras
from gateway.mcp.upstream.http import UpstreamHttp, is_stream, passed_on, session_headers
from gateway.mcp.upstream.pool import Pool, is_gone
from gateway.mcp.upstream.relay import checked, pass_on
from gateway.mcp.upstream.rewrite import pass_mapped
from gateway.mcp.upstream.server import UpstreamServer
from gateway.mcp.upstream.sieve import Sieve

COMPLETE = "completion/complete"
REPLACED = frozenset({VERSION_HEADER, SESSION_HEADER, b"last-event-id"})

Answer = TypeVar("Answer")


class ServerCalls:
    """Sends one exchange to one server, with its answer going out through the exchange's reply."""

    def __init__(
        self,
        http: UpstreamHttp,
        client: UpstreamClient,
        eras: Eras,
        pool: Pool,
        sessions: Sessions,
        subscriptions: Subscriptions,
        to_modern: LongCalls,
        to_legacy: Parking,
        relayed: RelayedCalls,
    ) -> None:
        self._http = http
        self._client = client
        self._eras = eras
        self._pool = pool
        self._sessions = sessions
        self._subscriptions = subscriptions
        self._to_modern = to_modern
        self._to_legacy = to_legacy
        self._relayed = relayed
        self._ids = itertools.count(1)

    async def call(self, exchange: Exchange, server: UpstreamServer, own: str) -> Document | None:
        """Send the exchange for the item that the server calls `own`. Raises `AgentNetError`."""
        exchange.deadline.tighten(
            server_limit(server.name, server.timeouts, own if exchange.method == "tools/call" else None)
        )
        params = renamed(exchange.method, exchange.params, own)
        spoken = await self._eras.of(server, exchange.principal)
        if exchange.method in (SUBSCRIBE, UNSUBSCRIBE) and exchange.session is not None:
            is_within = Era.LEGACY in spoken.eras and not spoken.is_mute
            return await self._subscribe(exchange, exchange.session, server, own, is_within)
        if exchange.method == COMPLETE and not spoken.completes:
            # The client was told of completions by the gateway, which has them for some: none is no unknown method.
            return {"completion": {"values": [], "total": 0, "hasMore": False}}
        if exchange.era not in spoken.eras or (spoken.is_mute and _may_be_asked(exchange)):
            bridge = self._to_modern if exchange.era is Era.LEGACY else self._to_legacy
            try:
                return await bridge.call(exchange, server, params)
            except McpError as error:
                if (code := exchange.code_in_era(error.code)) == error.code:
                    raise
                raise McpError(code, error.message, detail=error.detail, http=error.http, heard=error.heard) from None
        with self._eras.minded(server):
            await self._mirror(exchange, server, params, own)
        return None

    async def follow_tasks(self, exchange: Exchange, server: UpstreamServer, own: list[str]) -> FollowedTasks:
        """Those of the server's tasks that are there for the client, and what becomes of them."""
        tasks = ServerTasks(self._client, exchange, server)
        known = await tasks.known(own)
        return FollowedTasks([marked(server.name, one) for one in known], [tasks.changes(known)] if known else [])

    async def session_at(self, principal: Principal, session: Session, server: UpstreamServer) -> UpstreamSession:
        """The session's own session at `server`, opened when it is needed first, with what the client declared."""
        kept = session.upstreams.get(server.name)
        if kept is not None and kept.url in server.urls:
            return kept
        if kept is not None:
            # The instance has gone, and the session that it held.
            await self._sessions.leave(session, server.name, kept)
        opened, _ = await self._client.open_session(
            server, principal, session.capabilities, session.client_info or None
        )
        joined = await self._sessions.join(session, server.name, opened)
        # Another request of the session was quicker, perhaps at another replica.
        if joined != opened:
            with suppress(AgentNetError):
                await self._client.end(server, principal, opened)
        elif joined.id:
            await self._restore(principal, session, server, joined)
        return joined

    async def renew(
        self, principal: Principal, session: Session, server: UpstreamServer, gone: UpstreamSession
    ) -> None:
        """Open another session in place of one that is gone at `server`. Raises `AgentNetError`."""
        await self._sessions.leave(session, server.name, gone)
        await self.session_at(principal, session, server)

    async def _restore(
        self, principal: Principal, session: Session, server: UpstreamServer, opened: UpstreamSession
    ) -> None:
        """Say in a new session what the client said in the ones before."""
        if session.log_level:
            with suppress(AgentNetError):
                level: Document = {"level": session.log_level}
                await self._client.ask_within(server, principal, opened, "logging/setLevel", level)
        for each in await self._subscriptions.of(session):
            if each.watched.provider == server.name:
                with suppress(AgentNetError):
                    await self._client.ask_within(server, principal, opened, SUBSCRIBE, {"uri": each.watched.own})

    async def _subscribe(
        self, exchange: Exchange, session: Session, server: UpstreamServer, own: str, is_within: bool
    ) -> Document:
        """Subscribe the session's own session at the server; where it has none a stream of the gateway tells."""
        if is_within:
            with self._eras.minded(server):
                await self._within(
                    exchange.principal,
                    session,
                    server,
                    lambda upstream: self._client.ask_within(
                        server, exchange.principal, upstream, exchange.method, {"uri": own}
                    ),
                )
        if exchange.method == SUBSCRIBE:
            await self._subscriptions.keep(exchange, server.name, own)
        else:
            await self._subscriptions.forget(exchange)
        return {}

    async def _mirror(self, exchange: Exchange, server: UpstreamServer, params: Document, own: str) -> None:
        """Relay in the client's own era."""
        if exchange.era is Era.MODERN:
            await self._relay_modern(exchange, server, params, own)
        elif exchange.session is not None:
            await self._relay_in_session(exchange, exchange.session, server, params)
        else:
            # Clients without a session share one at the server, and make the same ids.
            identifier = f"agentnet-call-{next(self._ids)}"
            await self._pool.use(
                server,
                exchange.principal,
                {},
                lambda upstream: self._post(exchange, server, upstream, params, identifier),
            )

    async def _relay_modern(self, exchange: Exchange, server: UpstreamServer, params: Document, own: str) -> None:
        sieve = Sieve(server.name, exchange.id, exchange.progress_token)

        async def change(message: Document) -> Document | None:
            return with_task(message, server.name) if sieve.admits(message) else None

        headers = headers_for(exchange.headers, exchange.method, own)
        body = write(request(exchange.id, exchange.method, params))
        incoming, _ = await self._http.open(server, exchange.principal, "POST", headers, body)
        try:
            # Only here can an answer hold a task's id, which has to lead back: all else passes as bytes.
            if exchange.method in TASK_METHODS or exchange.has_extension(TASKS):
                await pass_mapped(exchange.reply, incoming, server.name, change, None, sieve)
            else:
                await pass_on(exchange.reply, incoming, server.name, sieve)
        finally:
            await incoming.close()

    async def _relay_in_session(
        self, exchange: Exchange, session: Session, server: UpstreamServer, params: Document
    ) -> None:
        """Tools may take long: a client that loses its connection to such a call comes back for the answer."""

        async def relay() -> None:
            await self._within(
                exchange.principal,
                session,
                server,
                lambda upstream: self._post_in_session(exchange, server, upstream, params),
                lambda: not exchange.reply.is_answered,
            )

        if exchange.method == "tools/call" and exchange.reply.may_stream:
            await self._relayed.relay(exchange, session, server, relay)
        else:
            await relay()

    async def _within(
        self,
        principal: Principal,
        session: Session,
        server: UpstreamServer,
        work: Callable[[UpstreamSession], Awaitable[Answer]],
        may_repeat: Callable[[], bool] = lambda: True,
    ) -> Answer:
        """`work` in the session's own session; once more in a new one when the server has forgotten it."""
        upstream = await self.session_at(principal, session, server)
        try:
            return await work(upstream)
        except McpError as error:
            # What was passed on of an answer cannot be taken back.
            if not is_gone(error) or not may_repeat():
                raise
        await self.renew(principal, session, server, upstream)
        return await work(await self.session_at(principal, session, server))

    async def _post_in_session(
        self, exchange: Exchange, server: UpstreamServer, upstream: UpstreamSession, params: Document
    ) -> None:
        try:
            await self._post(exchange, server, upstream, params, exchange.id)
        # The end of the connection cancels nothing at the server (2025-11-25, cancellation).
        except asyncio.CancelledError:
            if exchange.deadline.has_passed:
                self._client.give_up(server, exchange.principal, upstream, exchange.id)
            raise
        except NoiseError:
            self._client.give_up(server, exchange.principal, upstream, exchange.id)
            raise

    async def _post(
        self,
        exchange: Exchange,
        server: UpstreamServer,
        upstream: UpstreamSession,
        params: Document,
        identifier: RequestId,
    ) -> None:
        headers = within(exchange.headers, upstream)
        body = write(request(identifier, exchange.method, params))
        incoming, _ = await self._http.open(server, exchange.principal, "POST", headers, body, url=upstream.url)
        try:
            answer = await checked(incoming, server.name)
            await pass_legacy(exchange, answer, server, upstream, identifier)
        finally:
            await incoming.close()


def _may_be_asked(exchange: Exchange) -> bool:
    """Whether a legacy client's request can end in questions to it.

    Only such requests are bridged to a server that is mute in the client's own era: that costs more than to relay them.
    """
    in_session = exchange.session is not None and exchange.reply.may_stream
    return in_session and exchange.method in MAY_ASK and can_be_asked(exchange.capabilities)


async def pass_legacy(
    exchange: Exchange, incoming: Incoming, server: UpstreamServer, upstream: UpstreamSession, identifier: RequestId
) -> None:
    """Pass a legacy answer to `identifier` on, under the client's id.

    Questions and events in it are marked with the server that they lead back to; what answers other calls is dropped.
    """
    sieve = Sieve(server.name, identifier, exchange.progress_token, may_ask=True)
    # Neither questions nor events can be in it, its id is the client's, and so are its codes: it passes as bytes.
    if not is_stream(incoming) and identifier == exchange.id and exchange.method != READ_RESOURCE:
        await pass_on(exchange.reply, incoming, server.name, sieve)
        return

    reply = exchange.reply

    async def change(message: Document) -> Document | None:
        if "method" in message and "id" not in message:
            reply.tell_nobody()
        if not sieve.admits(message):
            return None
        if "method" in message:
            shown = with_mark(message, server.name)
        else:
            shown = in_era(exchange, message if message.get("id") == exchange.id else message | {"id": exchange.id})
        await reply.keep(shown)
        return shown

    def mark(event: str) -> str | None:
        return marked_event(server.name, identifier, event) if reply.leave_to_server() else None

    await pass_mapped(reply, incoming, server.name, change, mark if upstream.id else None, sieve)


def in_era(exchange: Exchange, message: Document) -> Document:
    """A server's answer with the code of its error in the client's era."""
    error = message.get("error")
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        return message
    code = exchange.code_in_era(error["code"])
    return message if code == error["code"] else message | {"error": error | {"code": code}}


def within(headers: Headers, upstream: UpstreamSession) -> Headers:
    """The client's headers for a request within an upstream session."""
    kept = [(name, value) for name, value in passed_on(headers) if name not in REPLACED]
    return [*kept, *session_headers(upstream)]


def with_mark(message: Document, server: str) -> Document:
    """A request of the server with its id marked, and so where the server takes it back; anything else as it is."""
    identifier = message.get("id")
    if "method" in message and isinstance(identifier, str | int):
        return message | {"id": marked(server, identifier)}
    if message.get("method") == "notifications/cancelled":
        params = object_or_empty(message.get("params"))
        if isinstance(params.get("requestId"), str | int):
            return message | {"params": params | {"requestId": marked(server, params["requestId"])}}
    return message


def with_task(message: Document, server: str) -> Document:
    """A result with the id of its task marked; anything else as it is."""
    result = message.get("result")
    if not isinstance(result, dict) or not isinstance(result.get("taskId"), str):
        return message
    return message | {"result": result | {"taskId": marked(server, result["taskId"])}}
