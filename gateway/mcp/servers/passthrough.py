"""One server and nothing else: requests pass unchanged, both ways, and only credential and session id are replaced.

The session id that the client gets is sealed: it holds the upstream instance and the session there, so that any replica
of the gateway relays to the same place and none keeps anything.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache
from mcp_types.jsonrpc import INVALID_PARAMS

from agentnet.errors import AgentNetError
from agentnet.identity import Principal
from agentnet.identity.sealing import Seal
from gateway.http.transport import Headers, Incoming
from gateway.mcp.messages.deadline import Deadline, profile_limit, server_limit
from gateway.mcp.messages.envelope import LISTEN, SESSION_HEADER, check_modern, check_modern_notification
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import SESSION_NOT_FOUND, Document, McpError
from gateway.mcp.messages.inbound import Inbound
from gateway.mcp.messages.input_required import can_be_asked
from gateway.mcp.messages.jsonrpc import has_nul, is_request, object_or_empty, write
from gateway.mcp.messages.parameters import MAX_KEPT, PARAM_PREFIX, ParameterError, Parameters
from gateway.mcp.messages.profile import Profile
from gateway.mcp.messages.sealed import sealed, unsealed
from gateway.mcp.messages.session import UpstreamSession
from gateway.mcp.upstream.client import UpstreamClient
from gateway.mcp.upstream.eras import Eras, Spoken
from gateway.mcp.upstream.http import UpstreamHttp, passed_on, session_id_of
from gateway.mcp.upstream.listings import Listings
from gateway.mcp.upstream.relay import checked, pass_on, pass_word
from gateway.mcp.upstream.server import Kind, Listing, UpstreamServer
from gateway.mcp.upstream.servers import Servers
from gateway.mcp.upstream.sieve import Sieve
from gateway.mcp.upstream.statuses import refused

MAX_SESSION_CHARACTERS = 4096
MAX_UPSTREAM_ID = 1024
OPENED_SESSIONS = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """A session at one instance of the server."""

    url: str
    id: str


class Passthrough:
    """Relays to one server."""

    def __init__(
        self,
        servers: Servers,
        eras: Eras,
        http: UpstreamHttp,
        client: UpstreamClient,
        listings: Listings,
        seal: Seal,
    ) -> None:
        self._servers = servers
        self._eras = eras
        self._http = http
        self._listings = listings
        self._parameters = ServerParameters(listings)
        self._client = client
        self._seal = seal
        self._opened: LRUCache[tuple[str, str], Place] = LRUCache(OPENED_SESSIONS)
        """Sessions that were unsealed before: unsealing costs more than the rest of a relayed call."""

    async def server_of(self, inbound: Inbound, message: Any) -> UpstreamServer | None:
        """The server that a request under a straight profile is relayed to unchanged; None where that will not do.

        Raises `NotFoundError`, `UnavailableError`.
        """
        assert inbound.profile.servers is not None
        server = await self._servers.get(inbound.principal, inbound.profile.servers[0])
        spoken = await self._eras.of(server, inbound.principal, inbound.way)
        if inbound.era not in spoken.eras:
            return None
        if inbound.era is Era.LEGACY and spoken.is_mute and await self._needs_session(inbound, server, spoken, message):
            return None
        return server

    async def _needs_session(self, inbound: Inbound, server: UpstreamServer, spoken: Spoken, message: Any) -> bool:
        """Whether a client of a server without sessions is to have one of the gateway's, or has it already.

        What the server asks and tells in the modern era comes within it; who can hear neither is relayed as before.
        """
        if inbound.session_id is not None:
            return True
        if not is_initialize(message):
            return False
        if can_be_asked(object_or_empty(object_or_empty(message.get("params")).get("capabilities"))):
            return True
        return spoken.tells_of_resources and await self._has_resources(server, inbound.principal)

    async def _has_resources(self, server: UpstreamServer, principal: Principal) -> bool:
        """Whether there is anything to watch: servers say that it can be, and have nothing."""
        lists = [await self._listings.get(server, principal, kind) for kind in (Kind.RESOURCES, Kind.TEMPLATES)]
        return any(listing.items for listing in lists)

    async def relay(
        self, method: str, inbound: Inbound, server: UpstreamServer, message: Any, deadline: Deadline
    ) -> None:
        """Relay one HTTP request in the era that it has. Raises `McpError`, `UnavailableError`."""
        with self._eras.minded(server):
            await self._relay(method, inbound, server, message, deadline)

    async def _relay(
        self, method: str, inbound: Inbound, server: UpstreamServer, message: Any, deadline: Deadline
    ) -> None:
        if inbound.era is Era.MODERN:
            check(message, inbound)
        place = self._place(inbound, server)
        # The instance has gone, and its session: the client begins another one after a 404 (2025-11-25, transports).
        if place is not None and place.url not in server.urls:
            raise _no_session()
        if not is_request(message):
            await self._pass(method, inbound, server, message, place)
            return
        limit_call(message, inbound.profile, server, deadline)
        if inbound.era is Era.MODERN and message["method"] == "tools/call":
            await self._parameters.check(server, inbound.principal, message["params"], inbound.headers)
        if place is None:
            await self._pass(method, inbound, server, message, None)
            return
        session = UpstreamSession(place.url, place.id, inbound.version)
        try:
            await self._pass(method, inbound, server, message, place)
        except asyncio.CancelledError:
            if deadline.has_passed:
                self._client.give_up(server, inbound.principal, session, message["id"])
            raise

    async def _pass(
        self, method: str, inbound: Inbound, server: UpstreamServer, message: Any, place: Place | None
    ) -> None:
        headers = passed_on(inbound.headers)
        if place is not None:
            headers.append((SESSION_HEADER, place.id.encode()))
        incoming, url = await self._http.open(
            server, inbound.principal, method, headers, inbound.body, url=place.url if place else None
        )
        try:
            answer = await self._checked(incoming, server) if place is not None else incoming
            if incoming.status == 400 and is_initialize(message):
                if has_nul(inbound.body.decode()):
                    said = f"The MCP server {server.name!r} takes no NUL in capabilities and clientInfo."
                    raise McpError(INVALID_PARAMS, said)
                raise refused(server.name, incoming.status)  # it has no handshake any more
            self._name_session(inbound, server, incoming, url)
            if is_request(message):
                await pass_on(inbound.reply, answer, server.name, sieve_of(message, inbound.era, server))
            else:
                await pass_word(inbound.reply, answer, server.name, method)
        finally:
            await incoming.close()

    async def _checked(self, incoming: Incoming, server: UpstreamServer) -> Incoming:
        """An answer within a session, which is the client's own: it begins another one after a 404."""
        try:
            return await checked(incoming, server.name)
        except McpError:
            raise _no_session() from None

    def _place(self, inbound: Inbound, server: UpstreamServer) -> Place | None:
        given = inbound.session_id
        if given is None or inbound.era is Era.MODERN:
            return None
        owner = write(_owner(inbound.principal, inbound.profile.name, server)).decode()
        place = self._opened.get((given, owner)) or self._open(given, owner)
        if place is None:
            raise _no_session()
        return place

    def _open(self, given: str, owner: str) -> Place | None:
        kept = object_or_empty(unsealed(self._seal, given, MAX_SESSION_CHARACTERS))
        if kept.get("owner") != owner:
            return None
        place = self._opened[given, owner] = Place(kept["url"], kept["id"])
        return place

    def _name_session(self, inbound: Inbound, server: UpstreamServer, incoming: Incoming, url: str) -> None:
        identifier = session_id_of(incoming)
        if not identifier or inbound.era is Era.MODERN:
            return
        if inbound.session_id is not None:
            inbound.reply.headers.append((SESSION_HEADER, inbound.session_id.encode("latin-1")))
        # Sealed it still has to fit into a header of the client's.
        elif len(identifier) <= MAX_UPSTREAM_ID:
            owner = write(_owner(inbound.principal, inbound.profile.name, server)).decode()
            made = sealed(self._seal, {"url": url, "id": identifier, "owner": owner})
            inbound.reply.headers.append((SESSION_HEADER, made.encode()))


def is_initialize(message: Any) -> bool:
    """Whether it begins a session."""
    return isinstance(message, dict) and message.get("method") == "initialize"


def limit_call(message: Document, profile: Profile, server: UpstreamServer, deadline: Deadline) -> None:
    """A call ends when the profile or the server says, if that is before its time."""
    tool = message.get("params", {}).get("name") if message["method"] == "tools/call" else None
    if isinstance(tool, str):
        deadline.tool = tool
        deadline.tighten(profile_limit(profile, tool))
    deadline.tighten(server_limit(server.name, server.timeouts, deadline.tool))


def sieve_of(message: Document, era: Era, server: UpstreamServer) -> Sieve:
    """For the answer to a request: a listen stream may end without one."""
    token = object_or_empty(object_or_empty(message.get("params")).get("_meta")).get("progressToken")
    is_listen = message["method"] == LISTEN
    return Sieve(server.name, message["id"], token, may_ask=era is Era.LEGACY, may_break_off=is_listen)


def check(message: Any, inbound: Inbound) -> None:
    """Raises `McpError` for a modern message whose envelope or headers do not hold."""
    if is_request(message):
        check_modern(message, inbound.headers)
    else:
        check_modern_notification(inbound.version)


def _no_session() -> McpError:
    return McpError(SESSION_NOT_FOUND, "There is no such session; it may have ended.", http=404)


def _owner(principal: Principal, profile: str, server: UpstreamServer) -> list[str]:
    """Whose session it is; for anybody else there is none."""
    return [principal.tenant, principal.subject, profile, server.tenant, server.name]


class ServerParameters:
    """Checks the calls of servers whose lists pass the gateway unread: it asks for the tools itself."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._parameters = Parameters()
        self._schemas: LRUCache[int, tuple[Listing, dict[str, Any]]] = LRUCache(MAX_KEPT)

    async def check(self, server: UpstreamServer, principal: Principal, params: Document, headers: Headers) -> None:
        """Raises `ParameterError`. A call of a tool that no list tells of is the server's own to check."""
        if not params.get("arguments") and not any(name.startswith(PARAM_PREFIX) for name, _ in headers):
            return
        listing = await self._listings.learned(server, principal, Kind.TOOLS)
        if listing is None:
            return
        try:
            self._check(listing, params, headers)
        except ParameterError:
            with suppress(AgentNetError):  # a list that is not fresh may be wrong by now
                listing = await self._listings.get(server, principal, Kind.TOOLS)
            self._check(listing, params, headers)

    def _check(self, listing: Listing, params: Document, headers: Headers) -> None:
        schema = self._demanding(listing).get(str(params.get("name")))
        if schema is not None:
            self._parameters.check(schema, params.get("arguments"), headers)

    def _demanding(self, listing: Listing) -> dict[str, Any]:
        """The schemas of the tools that want headers, which few do: others are not looked at with each call."""
        known = self._schemas.get(id(listing))
        # The id may be that of another object by now.
        if known is not None and known[0] is listing:
            return known[1]
        schemas = {str(item.get("name")): item.get("inputSchema") for item in listing.items}
        wanted = {name: schema for name, schema in schemas.items() if self._parameters.wants_headers(schema)}
        self._schemas[id(listing)] = (listing, wanted)
        return wanted
