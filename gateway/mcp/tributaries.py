"""The GET streams of a session's upstream sessions, flowing into the client's one."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agentnet.errors import AgentNetError
from gateway.mcp.inbound import Inbound
from gateway.mcp.session import Session, UpstreamSession
from gateway.mcp.sessions import Sessions
from gateway.mcp.switchboard import Switchboard

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How often new upstream sessions are looked for."""
PAUSE_SECONDS = 2.0
"""Between two streams of one upstream session."""


class Tributaries:
    """Runs within `running()`."""

    def __init__(self, switchboard: Switchboard, sessions: Sessions, inbound: Inbound, session: Session) -> None:
        self._switchboard = switchboard
        self._sessions = sessions
        self._inbound = inbound
        self._session = session
        self._flows: dict[tuple[str, UpstreamSession], asyncio.Task[None]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let them flow for as long as the block runs."""
        looking = asyncio.create_task(self._keep_looking())
        try:
            yield
        finally:
            tasks = [looking, *self._flows.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_looking(self) -> None:
        session = self._session
        while True:
            there = {(name, kept) for name, kept in session.upstreams.items() if kept.id}
            for gone in self._flows.keys() - there:
                self._flows.pop(gone).cancel()
            for name, kept in there - self._flows.keys():
                self._flows[name, kept] = asyncio.create_task(self._flow(name, kept))
            await asyncio.sleep(LOOK_SECONDS)
            try:
                session = await self._sessions.get(self._inbound.principal, self._inbound.profile, session.id)
            except Exception as error:  # noqa: BLE001 - a session that ended, or a database that is away for a moment
                logger.debug("session not read again: %s", error)

    async def _flow(self, server: str, kept: UpstreamSession) -> None:
        while True:
            try:
                await self._switchboard.follow(self._inbound, server, kept)
            except AgentNetError as error:
                logger.debug("no stream from %s now: %s", server, error)
            except Exception:  # the boundary of a task that nobody awaits
                logger.exception("the stream of %s broke", server)
                return
            await asyncio.sleep(PAUSE_SECONDS)
