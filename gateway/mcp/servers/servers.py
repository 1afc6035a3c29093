"""The upstream servers as the door meets them: one that a profile is all about, or many behind the aggregate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from mcp_types.jsonrpc import INVALID_PARAMS

from agentnet.errors import AgentNetError
from agentnet.identity import Principal
from agentnet.process.runtime import Runtime
from gateway.http.transport import Incoming, Transport
from gateway.mcp.aggregate.provider import Provider
from gateway.mcp.bridge.bridge import Bridge
from gateway.mcp.bridge.forwarding import Forwarding
from gateway.mcp.bridge.long_calls import LastingCalls
from gateway.mcp.bridge.resume import Returning
from gateway.mcp.bridge.to_legacy import Parking
from gateway.mcp.bridge.to_modern import Rounds
from gateway.mcp.changes.subscriptions import Subscriptions
from gateway.mcp.messages.deadline import CALL_SECONDS, Deadline, TimeLimit
from gateway.mcp.messages.errors import SESSION_NOT_FOUND, Document, McpError
from gateway.mcp.messages.hops import Hops, via_of
from gateway.mcp.messages.inbound import Inbound
from gateway.mcp.messages.profile import Profile
from gateway.mcp.messages.session import Session, UpstreamSession
from gateway.mcp.resumption.log import CallLog
from gateway.mcp.resumption.relayed import RelayedCalls
from gateway.mcp.servers.calls import ServerCalls, with_mark
from gateway.mcp.servers.parameters import ServerParameters
from gateway.mcp.servers.passthrough import Straight
from gateway.mcp.servers.provider import Offer
from gateway.mcp.sessions.cancellation import Running
from gateway.mcp.sessions.sessions import Sessions
from gateway.mcp.upstream.addressing import SEPARATOR
from gateway.mcp.upstream.client import Talk, session_headers
from gateway.mcp.upstream.eras import Eras
from gateway.mcp.upstream.http import Links, is_stream
from gateway.mcp.upstream.listings import Listings
from gateway.mcp.upstream.pool import Pool
from gateway.mcp.upstream.rewrite import Change, pass_events
from gateway.mcp.upstream.server import Source, UpstreamServer
from gateway.mcp.upstream.servers import Servers
from gateway.mcp.upstream.watching import CHANGE_OF, Watching


class Switchboard:
    """Over one pool of connections. `address` is where the other replicas reach this one."""

    def __init__(
        self,
        sources: list[Source],
        transport: Transport,
        runtime: Runtime,
        sessions: Sessions,
        subscriptions: Subscriptions,
        log: CallLog,
        running: Running,
        hops: Hops,
        address: str,
    ) -> None:
        links = self._links = Links(transport, hops)
        talk = self._talk = Talk(links)
        pool = Pool(talk)
        self._servers = Servers(sources)
        self._eras = Eras(talk)
        self._listings = Listings(talk, self._eras, pool, hops)
        self._straight = Straight(links, talk, ServerParameters(self._listings), runtime.seal)
        self._watching = Watching(self._servers, links, talk, self._eras, self._listings)
        parking = Parking(links, talk, pool, Forwarding(transport, runtime.tokens, address))
        lasting = LastingCalls(Rounds(links), log, running)
        relayed = RelayedCalls(log)
        for stop in (lasting.stop, relayed.stop, log.stop):
            runtime.before_stop(stop)
        ceiling = TimeLimit(runtime.settings.mcp_call_seconds, CALL_SECONDS)
        self.returning = Returning(log, lasting, self._servers, ceiling)
        """Serves legacy clients that come back for a call of a server that is modern only."""
        bridge = Bridge(lasting, parking)
        self._calls = ServerCalls(links, talk, self._eras, pool, sessions, subscriptions, bridge, relayed)

    async def straight(self, inbound: Inbound) -> UpstreamServer | None:
        """The server that the request is relayed to unchanged, or None where that will not do.

        Raises `NotFoundError`, `UnavailableError`.
        """
        if not inbound.profile.is_straight or not inbound.profile.servers:
            return None
        server = await self._servers.get(inbound.principal, inbound.profile.servers[0])
        return (
            server if inbound.era in await self._eras.of(server, inbound.principal, via_of(inbound.headers)) else None
        )

    async def relay(
        self, method: str, inbound: Inbound, server: UpstreamServer, message: Any, deadline: Deadline
    ) -> None:
        """Relay a request unchanged. Raises `McpError`, `UnavailableError`."""
        async with self._eras.minded(server):
            await self._straight.relay(method, inbound, server, message, deadline)

    async def providers(self, principal: Principal, profile: Profile) -> list[Provider]:
        """Each server that the profile shows; a profile of one server shows its names without a prefix."""
        shown = [server for server in await self._servers.visible(principal) if profile.shows_server(server.name)]
        bare = len(profile.servers or ()) == 1
        return [
            Offer(server, principal, "" if bare else server.name, self._listings, self._calls, self._watching)
            for server in shown
        ]

    async def ask_within(
        self, principal: Principal, name: str, session: UpstreamSession, method: str, params: Document
    ) -> Document:
        """The result of a request within an upstream session."""
        server = await self._servers.get(principal, name)
        return await self._talk.ask_within(server, principal, session, method, params)

    async def tell(self, principal: Principal, name: str, session: UpstreamSession, message: Document) -> None:
        """Send a notification within an upstream session. Raises `AgentNetError`."""
        await self._talk.tell(await self._servers.get(principal, name), principal, session, message)

    async def answer(self, principal: Principal, name: str, session: UpstreamSession, message: Document) -> None:
        """Take a client's answer to the question that the server asked in a session. Raises `AgentNetError`."""
        await self._talk.answer(await self._servers.get(principal, name), principal, session, message)

    async def end_session(self, principal: Principal, name: str, session: UpstreamSession) -> None:
        """End an upstream session, if its server is there."""
        with suppress(AgentNetError):
            await self._talk.end(await self._servers.get(principal, name), principal, session)

    async def renew_session(self, principal: Principal, name: str, session: Session, gone: UpstreamSession) -> None:
        """Open another upstream session in place of one that is gone. Raises `AgentNetError`."""
        await self._calls.renew(principal, session, await self._servers.get(principal, name), gone)

    async def resume(self, inbound: Inbound, name: str, session: Session, last_event_id: str, change: Change) -> None:
        """Go on with a stream of the server `name` after an event, its messages changed. Raises `McpError`."""
        kept = session.upstreams.get(name)
        if kept is None:
            raise McpError(INVALID_PARAMS, "Last-Event-ID is not one of this session.", http=400)
        async with self.stream(inbound.principal, name, kept, last_event_id) as incoming:
            await inbound.reply.open_stream()
            await self.follow(inbound, name, incoming, change)
        await inbound.reply.end()

    @asynccontextmanager
    async def stream(
        self, principal: Principal, name: str, session: UpstreamSession, last_event_id: str | None = None
    ) -> AsyncIterator[Incoming]:
        """A server's GET stream, open. Raises `AgentNetError`."""
        server = await self._servers.get(principal, name)
        if session.url not in server.urls:
            raise McpError(SESSION_NOT_FOUND, f"The instance of {name!r} that held the session is gone.", http=404)
        headers = [(b"accept", b"text/event-stream"), *session_headers(session)]
        if last_event_id is not None:
            headers.append((b"last-event-id", last_event_id.encode("latin-1", "replace")))
        incoming, _ = await self._links.open(server, principal, "GET", headers, url=session.url)
        try:
            if not is_stream(incoming):
                # SDK servers that keep no events answer 500 to who wants to go on after one.
                refused = incoming.status if 400 <= incoming.status < 500 else 400
                raise McpError(INVALID_PARAMS, f"The MCP server {name!r} has no such stream.", http=refused)
            yield incoming
        finally:
            await incoming.close()

    async def follow(self, inbound: Inbound, name: str, incoming: Incoming, change: Change) -> None:
        """Pass the events of a server's GET stream on, changed, until it ends. Raises `UnavailableError`."""

        async def changed(message: Document) -> Document | None:
            kept = None if message.get("method") in CHANGE_OF else await change(message)
            return None if kept is None else with_mark(kept, name)

        await pass_events(inbound.reply, incoming, name, changed, lambda one: f"{name}{SEPARATOR}{one}")
