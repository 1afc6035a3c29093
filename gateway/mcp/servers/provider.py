"""What one upstream server offers to one caller: a provider behind the aggregate."""

from collections.abc import AsyncIterator, Mapping

from agentnet.identity import Principal
from gateway.mcp.aggregate.provider import FollowedTasks, Provider
from gateway.mcp.aggregate.schemes import is_of_server
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.profile import Profile
from gateway.mcp.servers.calls import ServerCalls
from gateway.mcp.upstream.addressing import unmarked
from gateway.mcp.upstream.listings import Listings
from gateway.mcp.upstream.server import Kind, Listing, News, UpstreamServer
from gateway.mcp.upstream.servers import Servers
from gateway.mcp.upstream.watching import Watching


class ServerProvider:
    """A `Provider`; cheap, for one is made with every request."""

    __slots__ = ("_calls", "_listings", "_principal", "_watching", "name", "prefix", "server")

    def __init__(
        self,
        server: UpstreamServer,
        principal: Principal,
        prefix: str,
        listings: Listings,
        calls: ServerCalls,
        watching: Watching,
    ) -> None:
        self.name = server.name
        self.prefix = prefix
        self.server = server
        self._principal = principal
        self._listings = listings
        self._calls = calls
        self._watching = watching

    @property
    def is_outside(self) -> bool:
        """Whether the server is none of this network's own."""
        return self.server.transport is not None

    @property
    def revision(self) -> str:
        """The server's."""
        return self.server.revision

    def fresh(self, kind: Kind) -> Listing | None:
        """The list, if it is at hand."""
        return self._listings.fresh(self.server, self._principal, kind)

    def known(self, kind: Kind) -> Listing | None:
        """The list that the server gave last."""
        return self._listings.known(self.server, self._principal, kind)

    async def listing(self, kind: Kind) -> Listing:
        """What the server lists, or listed last while it is away."""
        return await self._listings.get(self.server, self._principal, kind)

    async def answer(self, exchange: Exchange, name: str) -> Document | None:
        """Relay the exchange."""
        if exchange.method.startswith("tasks/"):
            marked = unmarked(name)
            return await self._calls.call(exchange, self.server, str(marked[1]) if marked else name)
        return await self._calls.call(exchange, self.server, name)

    def owns_uri(self, uri: str) -> bool:
        """Those in its scheme where it is one of the network's; of others its lists and templates tell."""
        return not self.is_outside and is_of_server(uri, self.name)

    async def is_away(self, tool: str) -> bool:
        """Never: a server's tools are listed as they were while it is away."""
        return False

    def owns_task(self, task_id: str) -> bool:
        """Its tasks' ids begin with its name."""
        marked = unmarked(task_id)
        return marked is not None and marked[0] == self.name

    async def follow_tasks(self, exchange: Exchange, task_ids: list[str]) -> FollowedTasks:
        """Those that the server has."""
        own = [str(marked[1]) for task_id in task_ids if (marked := unmarked(task_id))]
        return await self._calls.follow_tasks(exchange, self.server, own)

    async def versions(self, exchange: Exchange, uris: frozenset[str]) -> dict[str, str]:
        """All of them: only the server knows more."""
        return dict.fromkeys(uris, "")

    def changes(self, seen: Mapping[str, str]) -> AsyncIterator[News]:
        """What the server says of its lists, and of its resources `seen`."""
        return self._watching.changes(self.server, self._principal, frozenset(seen))


class ServerProviders:
    """The servers that a caller sees; one that is alone in its profile shows its names without a prefix."""

    def __init__(self, servers: Servers, listings: Listings, calls: ServerCalls, watching: Watching) -> None:
        self._servers = servers
        self._listings = listings
        self._calls = calls
        self._watching = watching

    async def all(self, principal: Principal, profile: Profile) -> list[Provider]:
        """Each that the profile shows. Raises `AgentNetError`."""
        shown = [server for server in await self._servers.visible(principal) if profile.shows_server(server.name)]
        return [self._offer(server, principal, profile) for server in shown]

    async def one(self, principal: Principal, profile: Profile, name: str) -> Provider | None:
        """That with this name, if it is there. Raises `AgentNetError`."""
        server = await self._servers.find(principal, name)
        return None if server is None else self._offer(server, principal, profile)

    def _offer(self, server: UpstreamServer, principal: Principal, profile: Profile) -> ServerProvider:
        prefix = "" if len(profile.servers or ()) == 1 else server.name
        return ServerProvider(server, principal, prefix, self._listings, self._calls, self._watching)
