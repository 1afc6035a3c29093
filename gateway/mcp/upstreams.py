"""The upstream servers as the door meets them: one that a profile is all about, or many behind the aggregate."""

from agentnet.identity import Principal
from agentnet.identity.sealing import Seal
from gateway.mcp.eras import Eras
from gateway.mcp.inbound import Inbound
from gateway.mcp.link import Links
from gateway.mcp.profile import Profile
from gateway.mcp.provider import Provider, Source, UpstreamServer
from gateway.mcp.servers import Servers
from gateway.mcp.straight import Straight
from gateway.mcp.talk import Talk
from gateway.transport import Transport


class Upstreams:
    """Over one pool of connections."""

    def __init__(self, sources: list[Source], transport: Transport, seal: Seal) -> None:
        links = Links(transport)
        self.relay = Straight(links, seal)
        self._servers = Servers(sources)
        self._eras = Eras(Talk(links))

    async def straight(self, inbound: Inbound) -> UpstreamServer | None:
        """The server that the request is relayed to unchanged, or None where that will not do.

        Raises `NotFoundError`, `UnavailableError`.
        """
        if not inbound.profile.is_straight or not inbound.profile.servers:
            return None
        server = await self._servers.get(inbound.principal, inbound.profile.servers[0])
        return server if inbound.era in await self._eras.of(server, inbound.principal) else None

    async def providers(self, principal: Principal, profile: Profile) -> list[Provider]:
        """Each server that the profile shows."""
        return []
