"""What clients of the legacy era have besides requests: sessions, notifications, answers to questions, a GET stream."""

import asyncio
import logging
from contextlib import suppress

from mcp_types.jsonrpc import INVALID_PARAMS

from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import AgentNetError
from agentnet.identity import Principal
from gateway.http.headers import header_of
from gateway.mcp.bridge.resume import Returning
from gateway.mcp.bridge.to_legacy import LOG_LEVELS
from gateway.mcp.changes.feed import Feed
from gateway.mcp.changes.listen import notification_of
from gateway.mcp.changes.subscriptions import SubscribedNames, Subscriptions
from gateway.mcp.changes.view import View
from gateway.mcp.changes.watched import Watched
from gateway.mcp.messages.envelope import SESSION_HEADER
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.inbound import Inbound
from gateway.mcp.messages.jsonrpc import is_id, notification, object_or_empty
from gateway.mcp.messages.reply import Reply
from gateway.mcp.messages.session import Session
from gateway.mcp.resumption.event_ids import EventIds, Resumption
from gateway.mcp.resumption.log import is_event
from gateway.mcp.servers.sessions import UpstreamSessions
from gateway.mcp.sessions.client_requests import ClientRequests
from gateway.mcp.sessions.running import RunningCalls
from gateway.mcp.sessions.sessions import TOUCH_SECONDS, Sessions
from gateway.mcp.tributaries import Tributaries
from gateway.mcp.upstream.addressing import unmarked, unmarked_event
from gateway.mcp.upstream.server import Change

logger = logging.getLogger(__name__)

NOTE_SECONDS = 2.0
"""How long a stream waits for the lists before it opens; what changes in later ones meanwhile is not told."""

BROADCAST = frozenset({"notifications/cancelled", "notifications/roots/list_changed", "notifications/progress"})
"""What every upstream session hears: those that it means nothing to ignore it."""


class Legacy:
    """The sessions' side of the door."""

    def __init__(
        self,
        sessions: Sessions,
        subscriptions: Subscriptions,
        upstream_sessions: UpstreamSessions,
        returning: Returning,
        client_requests: ClientRequests,
        running: RunningCalls,
        event_ids: EventIds,
    ) -> None:
        self._sessions = sessions
        self._subscriptions = subscriptions
        self._upstream_sessions = upstream_sessions
        self._returning = returning
        self._client_requests = client_requests
        self._running = running
        self._event_ids = event_ids

    async def open(self, exchange: Exchange, version: str) -> None:
        """Begin a session; its id goes out with the answer to `initialize`."""
        capabilities = object_or_empty(exchange.params.get("capabilities"))
        client_info = object_or_empty(exchange.params.get("clientInfo"))
        identifier = await self._sessions.open(exchange.principal, exchange.profile, version, capabilities, client_info)
        exchange.reply.headers.append((SESSION_HEADER, identifier.encode()))

    async def end(self, principal: Principal, session: Session) -> None:
        """End a session, at all replicas and upstream."""
        upstreams = await self._sessions.end(session)
        ends = (self._upstream_sessions.end(principal, name, kept) for name, kept in upstreams.items())
        await asyncio.gather(self._sessions.settled(), *ends)

    async def take(self, principal: Principal, session: Session, message: Document) -> None:
        """Take a notification or a response of the client's to where it belongs. Raises `McpError`."""
        method = message.get("method")
        if method is None:
            await self._answered(principal, session, message)
        elif method in BROADCAST:
            cancelled = object_or_empty(message.get("params")).get("requestId")
            if method == "notifications/cancelled" and is_id(cancelled):
                await self._running.cancel(session, cancelled)
            tells = (self._tell(principal, name, session, message) for name in session.upstreams)
            await asyncio.gather(*tells)

    async def set_log_level(self, exchange: Exchange, session: Session) -> Document:
        """Set it for all upstream sessions, those to come too, at all replicas. Raises `McpError`."""
        level = exchange.params.get("level")
        if not isinstance(level, str) or level not in LOG_LEVELS:
            raise McpError(INVALID_PARAMS, f"level must be one of {', '.join(LOG_LEVELS)}.")
        await self._sessions.set_log_level(session, level)
        message: Document = {"level": level}
        for name, kept in session.upstreams.items():
            with suppress(AgentNetError):
                # A server without logging refuses, and takes nothing from those that have it.
                await self._upstream_sessions.ask(exchange.principal, name, kept, exchange.method, message)
        await self._sessions.settled()
        return {}

    def resumption(self, inbound: Inbound, session: Session) -> Resumption | None:
        """The call of an agent that a GET goes on with, if it does."""
        return self._event_ids.read(session, last_event_id(inbound))

    async def watched(self, session: Session) -> list[Watched]:
        """What a session is subscribed to and no upstream session of its own tells of."""
        return [each.watched for each in await self._subscriptions.of(session) if not each.is_within]

    async def stream(self, inbound: Inbound, session: Session, view: View) -> None:
        """Serve a GET: resume the stream of the event that it names, or tell of what happens outside of calls."""
        last = last_event_id(inbound)
        inbound.reply.keep_alive()
        if is_event(last):
            await self._returning.follow(inbound, session, self._client_requests, last)
            return
        if last:
            # The server's own id, with its name before it, and what the stream answers.
            server, answers, identifier = unmarked_event(last)
            renaming = SubscribedNames(self._subscriptions, session).renaming(server)
            await self._upstream_sessions.resume(inbound, server, session, identifier, answers, renaming)
            return
        tributaries = Tributaries(self._upstream_sessions, self._sessions, self._subscriptions, inbound, session)
        with self._subscriptions.noticed(session) as wake:
            # The lists are seen before the client hears that its stream is there: what came or went in between was once
            # taken for what it knew.
            feed = Feed(view, frozenset(Change), lambda: self.watched(session), wake, is_open=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(NOTE_SECONDS):
                    await feed.note()
            await inbound.reply.open_stream()
            async with tributaries.running(), feed.running():
                telling = asyncio.create_task(tell(inbound.reply, feed))
                try:
                    await self._keep(session, telling)
                finally:
                    telling.cancel()

    async def _keep(self, session: Session, telling: "asyncio.Task[None]") -> None:
        """Its open stream is use of a session, for as long as there is one. Raises what `telling` raises."""
        is_there = True
        while is_there:
            done, _ = await asyncio.wait([telling], timeout=TOUCH_SECONDS)
            if done:
                await telling
            try:
                # It may have ended at another replica: its stream would ask for it for ever, and hold one of the key's.
                is_there = await self._sessions.touch(session)
            except DATABASE_AWAY as error:
                logger.info("a session was not touched: %s", error)

    async def _answered(self, principal: Principal, session: Session, message: Document) -> None:
        if self._client_requests.is_ours(message):
            await self._client_requests.answered(principal, session, message)
            return
        marked = unmarked(message["id"])
        if marked is None or marked[0] not in session.upstreams:
            raise McpError(INVALID_PARAMS, "Nobody asked for this answer.", http=400)
        server, identifier = marked
        await self._upstream_sessions.answer(principal, server, session.upstreams[server], message | {"id": identifier})
        await self._returning.answered(session, message["id"])

    async def _tell(self, principal: Principal, server: str, session: Session, message: Document) -> None:
        try:
            await self._upstream_sessions.tell(principal, server, session.upstreams[server], message)
        except AgentNetError as error:
            logger.info("the MCP server %s did not hear of a client's message: %s", server, error)


async def tell(reply: Reply, feed: Feed) -> None:
    """Tell the client of all that changes."""
    while True:
        method, params = notification_of(await feed.take())
        await reply.send_event(notification(method, params))


def last_event_id(inbound: Inbound) -> str:
    """The event that a GET resumes after; empty for a new stream."""
    return header_of(inbound.headers, b"last-event-id").strip().decode("latin-1")
