"""A legacy client's sessions at upstream servers, by the servers' names: what goes there besides the client's calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from mcp_types.jsonrpc import INVALID_PARAMS

from agentnet.errors import AgentNetError
from agentnet.identity import Principal
from gateway.http.transport import Incoming
from gateway.mcp.messages.errors import SESSION_NOT_FOUND, Document, McpError
from gateway.mcp.messages.inbound import Inbound
from gateway.mcp.messages.jsonrpc import RequestId
from gateway.mcp.messages.session import Session, UpstreamSession
from gateway.mcp.servers.calls import ServerCalls, with_mark
from gateway.mcp.upstream.addressing import marked_event
from gateway.mcp.upstream.client import UpstreamClient
from gateway.mcp.upstream.http import UpstreamHttp, is_stream, session_headers
from gateway.mcp.upstream.relay import checked
from gateway.mcp.upstream.rewrite import Change, pass_events
from gateway.mcp.upstream.servers import Servers
from gateway.mcp.upstream.sieve import Sieve
from gateway.mcp.upstream.watching import CHANGE_OF


class UpstreamSessions:
    """Asks, tells and listens within them. `ServerCalls` opens them."""

    def __init__(self, servers: Servers, http: UpstreamHttp, client: UpstreamClient, calls: ServerCalls) -> None:
        self._servers = servers
        self._http = http
        self._client = client
        self._calls = calls

    async def ask(
        self, principal: Principal, name: str, session: UpstreamSession, method: str, params: Document
    ) -> Document:
        """The result of a request within an upstream session."""
        server = await self._servers.get(principal, name)
        return await self._client.ask_within(server, principal, session, method, params)

    async def tell(self, principal: Principal, name: str, session: UpstreamSession, message: Document) -> None:
        """Send a notification within an upstream session. Raises `AgentNetError`."""
        await self._client.tell(await self._servers.get(principal, name), principal, session, message)

    async def answer(self, principal: Principal, name: str, session: UpstreamSession, message: Document) -> None:
        """Take a client's answer to the question that the server asked in a session. Raises `AgentNetError`."""
        await self._client.answer(await self._servers.get(principal, name), principal, session, message)

    async def end(self, principal: Principal, name: str, session: UpstreamSession) -> None:
        """End an upstream session, if its server is there."""
        with suppress(AgentNetError):
            await self._client.end(await self._servers.get(principal, name), principal, session)

    async def renew(self, principal: Principal, name: str, session: Session, gone: UpstreamSession) -> None:
        """Open another upstream session in place of one that is gone. Raises `AgentNetError`."""
        await self._calls.renew(principal, session, await self._servers.get(principal, name), gone)

    async def resume(
        self,
        inbound: Inbound,
        name: str,
        session: Session,
        last_event_id: str,
        answers: RequestId | None,
        change: Change,
    ) -> None:
        """Go on with a stream of the server `name` after an event, which `answers` a request; its messages changed.
        Raises `McpError`."""
        kept = session.upstreams.get(name)
        # Without an event it would be another stream of the server's, and no end of this one.
        if kept is None or not last_event_id:
            raise McpError(INVALID_PARAMS, "Last-Event-ID is not one of this session.", http=400)
        async with self.stream(inbound.principal, name, kept, last_event_id) as incoming:
            await inbound.reply.open_stream()
            await self.follow(inbound, name, incoming, change, answers)
        await inbound.reply.end()

    @asynccontextmanager
    async def stream(
        self, principal: Principal, name: str, session: UpstreamSession, last_event_id: str | None = None
    ) -> AsyncIterator[Incoming]:
        """A server's GET stream, open. Raises `AgentNetError`."""
        server = await self._servers.get(principal, name)
        if session.url not in server.urls:
            raise McpError(SESSION_NOT_FOUND, f"The instance of {name!r} that held the session is gone.", heard=404)
        headers = [(b"accept", b"text/event-stream"), *session_headers(session)]
        if last_event_id is not None:
            headers.append((b"last-event-id", last_event_id.encode("latin-1", "replace")))
        incoming, _ = await self._http.open(server, principal, "GET", headers, url=session.url)
        try:
            if not is_stream(incoming):
                await checked(incoming, name)
                # SDK servers that keep no events answer 500 to who wants to go on after one.
                raise McpError(
                    INVALID_PARAMS, f"The MCP server {name!r} has no such stream.", http=400, heard=incoming.status
                )
            yield incoming
        finally:
            await incoming.close()

    async def follow(
        self, inbound: Inbound, name: str, incoming: Incoming, change: Change, answers: RequestId | None = None
    ) -> None:
        """Pass the events of a server's GET stream on, changed, until it ends; no response but the one that `answers`
        a request. Raises `UnavailableError`."""
        sieve = Sieve(name, answers, may_ask=True)

        async def changed(message: Document) -> Document | None:
            # Changes of lists are told by the feed of the stream already, for all providers.
            if message.get("method") in CHANGE_OF or ("method" not in message and not sieve.admits(message)):
                return None
            kept = await change(message)
            return None if kept is None else with_mark(kept, name)

        await pass_events(inbound.reply, incoming, name, changed, lambda one: marked_event(name, answers, one), sieve)
