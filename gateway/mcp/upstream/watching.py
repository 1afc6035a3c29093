"""What upstream servers say of their changes: one stream for all who watch the same, and none while nobody does."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

import anyio
from mcp_types.jsonrpc import METHOD_NOT_FOUND

from agentnet.errors import AgentNetError
from agentnet.identity import Principal
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.jsonrpc import object_or_empty
from gateway.mcp.messages.session import UpstreamSession
from gateway.mcp.upstream.client import UpstreamClient
from gateway.mcp.upstream.eras import Eras
from gateway.mcp.upstream.events import events_of, message_in
from gateway.mcp.upstream.http import UpstreamHttp, is_stream, session_headers
from gateway.mcp.upstream.listings import Listings
from gateway.mcp.upstream.mailbox import Mailbox
from gateway.mcp.upstream.pool import is_gone
from gateway.mcp.upstream.server import CHANGED_KINDS, UPDATED, Change, News, Open, Updated, UpstreamServer
from gateway.mcp.upstream.servers import Servers

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
END_SECONDS = 2.0
"""How long the end of a session may take that nobody waits for."""
CHANGE_OF = {
    "notifications/tools/list_changed": Change.TOOLS,
    "notifications/prompts/list_changed": Change.PROMPTS,
    "notifications/resources/list_changed": Change.RESOURCES,
}
EVERY_LIST: Document = {"toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True}

Key = tuple[str, str, str, str, str, frozenset[str]]


class Watching:
    """Streams of changes, by server, caller and watched resources."""

    def __init__(
        self, servers: Servers, http: UpstreamHttp, client: UpstreamClient, eras: Eras, listings: Listings
    ) -> None:
        self._servers = servers
        self._http = http
        self._client = client
        self._eras = eras
        self._listings = listings
        self._boxes: dict[Key, set[Mailbox]] = {}
        self._open: set[Key] = set()
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    async def changes(self, server: UpstreamServer, principal: Principal, uris: frozenset[str]) -> AsyncIterator[News]:
        """What changes at `server`, until closed; also that the resources `uris` were updated.

        `Open` comes first as soon as the server tells of changes, and again whenever it does so after it was away.
        """
        key = (server.tenant, server.name, server.revision, principal.tenant, principal.subject, uris)
        box = Mailbox()
        boxes = self._boxes.setdefault(key, set())
        boxes.add(box)
        if key in self._open:
            box.put(Open())
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._follow(key, server, principal, uris))
        try:
            while True:
                yield await box.take()
        finally:
            boxes.discard(box)
            if not boxes and key in self._tasks:
                self._tasks.pop(key).cancel()
                self._boxes.pop(key, None)
                self._open.discard(key)

    async def _follow(self, key: Key, server: UpstreamServer, principal: Principal, uris: frozenset[str]) -> None:
        """Hold a stream open, and open it anew when it ends, until cancelled."""
        pause = FIRST_PAUSE_SECONDS
        why = ""
        while True:
            began = time.monotonic()
            try:
                server = await self._servers.get(principal, server.name)  # its instances come and go
                if Era.MODERN in (await self._eras.of(server, principal)).eras:
                    await self._listen(key, server, principal, uris)
                else:
                    await self._hold(key, server, principal, uris)
            except McpError as error:
                why = _told(server, error, why)
                pause = LONGEST_PAUSE_SECONDS if error.code == METHOD_NOT_FOUND else pause
            except AgentNetError as error:
                why = _told(server, error, why)
            except Exception:  # the boundary of a task that nobody awaits
                logger.exception("the MCP server %s cannot be followed", server.name)
            self._open.discard(key)
            # It held for a while: the server does tell, and has only been away.
            if time.monotonic() - began > LONGEST_PAUSE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            self._listings.forget(server, frozenset().union(*CHANGED_KINDS.values()))  # what was missed meanwhile

    async def _listen(self, key: Key, server: UpstreamServer, principal: Principal, uris: frozenset[str]) -> None:
        wanted = EVERY_LIST | ({"resourceSubscriptions": sorted(uris)} if uris else {})
        async with aclosing(self._client.listen(server, principal, wanted)) as messages:
            async for message in messages:
                self._tell(key, server, message)

    async def _hold(self, key: Key, server: UpstreamServer, principal: Principal, uris: frozenset[str]) -> None:
        """A session of its own: servers give each session one such stream."""
        session, _ = await self._client.open_session(server, principal, {})
        try:
            await self._get(key, server, principal, session, uris)
        finally:
            # The task is cancelled when nobody listens any more; the session at the server is to end all the same.
            with anyio.move_on_after(END_SECONDS, shield=True), suppress(AgentNetError):
                await self._client.end(server, principal, session)

    async def _get(
        self, key: Key, server: UpstreamServer, principal: Principal, session: UpstreamSession, uris: frozenset[str]
    ) -> None:
        for uri in sorted(uris):
            await self._subscribe(server, principal, session, uri)
        headers = [(b"accept", b"text/event-stream"), *session_headers(session)]
        incoming, _ = await self._http.open(server, principal, "GET", headers, url=session.url)
        try:
            if not is_stream(incoming):
                raise McpError(METHOD_NOT_FOUND, f"GET is answered with {incoming.status}.")
            self._opened(key)
            async for event in events_of(incoming.chunks(), server.name):
                if event.data:
                    self._tell(key, server, message_in(event.data, server.name))
        finally:
            await incoming.close()

    async def _subscribe(
        self, server: UpstreamServer, principal: Principal, session: UpstreamSession, uri: str
    ) -> None:
        """One that is refused takes nothing from the others."""
        try:
            await self._client.ask_within(server, principal, session, "resources/subscribe", {"uri": uri})
        except McpError as error:
            if is_gone(error):
                raise
            logger.info("the MCP server %s does not tell of %r: %s", server.name, uri, error)

    def _opened(self, key: Key) -> None:
        self._open.add(key)
        for box in self._boxes.get(key, ()):
            box.put(Open())

    def _tell(self, key: Key, server: UpstreamServer, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method == "notifications/subscriptions/acknowledged":
            self._opened(key)
        change = CHANGE_OF.get(method) if isinstance(method, str) else None
        news: News | None = change
        if change is not None:
            self._listings.forget(server, CHANGED_KINDS[change])
        elif method == UPDATED:
            uri = object_or_empty(message.get("params")).get("uri")
            news = Updated(uri) if isinstance(uri, str) else None
        if news is not None:
            for box in self._boxes.get(key, ()):
                box.put(news)


def _told(server: UpstreamServer, error: AgentNetError, before: str) -> str:
    """Log why a server does not tell of changes now, once for each reason: it is tried while somebody listens."""
    why = str(error)
    level = logging.DEBUG if why == before else logging.INFO
    logger.log(level, "the MCP server %s does not tell of changes: %s", server.name, why)
    return why
