"""The source of servers outside the network: stored by tenants' admins, or declared in the operator's file."""

from contextvars import ContextVar

from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import UnavailableError
from agentnet.http.ssrf import checked_addresses, resolve
from agentnet.identity import Principal
from agentnet.upstreams.authorization import Header
from agentnet.upstreams.server import OutsideServer
from agentnet.upstreams.upstreams import Upstreams
from gateway.http.http1 import Addresses, Http1Transport
from gateway.http.transport import IDLE_SECONDS, Headers
from gateway.mcp.upstream.server import UpstreamServer

OUTSIDE = "outside"
"""Where a server of this source keeps what its credential is made of."""

_sent: ContextVar[tuple[Header, ...]] = ContextVar("sent to the upstream server", default=())
"""What this request showed: another request's refusal must not cost the token that was fetched since."""


class OutsideServers:
    """A `Source`. The SSRF guard stands before each connection to its servers."""

    def __init__(self, upstreams: Upstreams, idle_seconds: float = IDLE_SECONDS) -> None:
        self._upstreams = upstreams
        self._transports = {
            private: Http1Transport(self._addresses(private), idle_seconds) for private in (False, True)
        }
        """By whether a server may be at a private address."""

    async def servers(self, principal: Principal) -> list[UpstreamServer]:
        """Those that are switched on, by name."""
        try:
            visible = await self._upstreams.visible(principal.tenant)
        except DATABASE_AWAY as error:
            raise UnavailableError("The stored MCP servers cannot be read now.") from error
        return [self._shown(server) for server in visible if server.enabled]

    async def credential(self, server: UpstreamServer, principal: Principal) -> Headers:
        """The server's own credential as headers. Raises `UnavailableError` when a token cannot be had."""
        headers = await self._upstreams.authorization.headers(_outside(server))
        _sent.set(tuple(headers))
        return [(name.encode(), value.encode()) for name, value in headers]

    async def refused(self, server: UpstreamServer, principal: Principal) -> bool:
        """Forget the token that the server refused; True when there can be another."""
        return self._upstreams.authorization.refused(_outside(server), [*_sent.get()])

    async def close(self) -> None:
        """Close every connection."""
        for transport in self._transports.values():
            await transport.close()

    def _addresses(self, private: bool) -> Addresses:
        async def addresses(host: str, port: int) -> tuple[str, ...]:
            # Connected to as they were checked: a name that leads elsewhere the next time is no way round the guard.
            return await checked_addresses(host, port, private or self._upstreams.allow_private, resolve)

        return addresses

    def _shown(self, server: OutsideServer) -> UpstreamServer:
        return UpstreamServer(
            name=server.name,
            urls=(server.url,),
            tenant=server.tenant,
            source=self,
            description=server.description,
            document={OUTSIDE: server},
            revision=server.url,
            transport=self._transports[server.allow_private],
            timeouts=server.limits,
        )


def _outside(server: UpstreamServer) -> OutsideServer:
    found: OutsideServer = server.document[OUTSIDE]
    return found
