"""The GET streams of a session's upstream sessions, flowing into the client's one."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import AgentNetError
from agentnet.signals import Wakeup
from gateway.mcp.changes.subscriptions import SubscribedNames, Subscriptions
from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.inbound import Inbound
from gateway.mcp.messages.jsonrpc import notification
from gateway.mcp.messages.session import Session, UpstreamSession
from gateway.mcp.servers.sessions import UpstreamSessions
from gateway.mcp.sessions.sessions import Sessions
from gateway.mcp.upstream.server import UPDATED

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0
"""Between two streams of one upstream session."""
RENEW_SECONDS = 10.0
"""At least so long between two upstream sessions that are opened at one server because the one before was gone."""
NOT_NOW: tuple[type[Exception], ...] = (AgentNetError, *DATABASE_AWAY)


class Tributaries:
    """Runs within `running()`."""

    def __init__(
        self,
        upstream_sessions: UpstreamSessions,
        sessions: Sessions,
        subscriptions: Subscriptions,
        inbound: Inbound,
        session: Session,
    ) -> None:
        self._upstream_sessions = upstream_sessions
        self._sessions = sessions
        self._subscriptions = subscriptions
        self._inbound = inbound
        self._session = session
        self._flows: dict[tuple[str, UpstreamSession], asyncio.Task[None]] = {}
        self._names = SubscribedNames(subscriptions, session)
        self._renewed: dict[str, float] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let them flow for as long as the block runs."""
        with self._subscriptions.noticed(self._session) as wake:
            looking = asyncio.create_task(self._keep_looking(wake))
            try:
                yield
            finally:
                tasks = [looking, *self._flows.values()]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_looking(self, wake: Wakeup) -> None:
        while True:
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - a session that ended, or a database that is away for a moment
                logger.debug("session not read again: %s", error)
            await wake.wait()

    async def _look(self) -> None:
        """Follow the upstream sessions that are there now."""
        await self._names.read()
        self._session = await self._sessions.get(self._inbound.principal, self._inbound.profile, self._session.id)
        # A server that gave no id keeps no session, and has no stream for one.
        there = {(name, kept) for name, kept in self._session.upstreams.items() if kept.id}
        for gone in self._flows.keys() - there:
            self._flows.pop(gone).cancel()
        for name, kept in there - self._flows.keys():
            self._flows[name, kept] = asyncio.create_task(self._flow(name, kept))

    async def _flow(self, server: str, kept: UpstreamSession) -> None:
        while True:
            try:
                async with self._upstream_sessions.stream(self._inbound.principal, server, kept) as incoming:
                    await self._tell_of_gap(server)
                    await self._upstream_sessions.follow(self._inbound, server, incoming, self._names.renaming(server))
            except McpError as error:
                logger.debug("no stream from %s: %s", server, error)
                # The session has ended there (2025-11-25, transports: session management).
                if error.heard == 404:
                    await self._renew(server, kept)
            except NOT_NOW as error:
                logger.debug("no stream from %s now: %s", server, error)
            except Exception:  # the boundary of a task that nobody awaits
                logger.exception("the stream of %s broke", server)
                return
            await asyncio.sleep(PAUSE_SECONDS)

    async def _tell_of_gap(self, server: str) -> None:
        """The client looks again at what may have changed before the server's stream was open."""
        await self._names.read()
        for shown in self._names.shown(server):
            await self._inbound.reply.send_event(notification(UPDATED, {"uri": shown}))

    async def _renew(self, server: str, gone: UpstreamSession) -> None:
        """Subscriptions outlive the session of a server that was started anew; without any the next call opens one."""
        now = time.monotonic()
        if not self._names.shown(server) or now - self._renewed.get(server, -RENEW_SECONDS) < RENEW_SECONDS:
            return
        self._renewed[server] = now
        with suppress(AgentNetError):
            await self._upstream_sessions.renew(self._inbound.principal, server, self._session, gone)
