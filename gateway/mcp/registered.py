"""The MCP servers of the registry: our own kind, which take a service token and nothing else."""

from agentnet.directory import Directory
from agentnet.identity import Principal
from agentnet.identity.tokens import Tokens
from gateway.cache import Cache
from gateway.mcp.provider import UpstreamServer
from gateway.transport import Headers

FRESH_SECONDS = 1.0
GRACE_SECONDS = 30.0


class RegisteredServers:
    """A `Source`: what the registry said last serves for a while when it is away."""

    def __init__(self, directory: Directory, tokens: Tokens) -> None:
        self._directory = directory
        self._tokens = tokens
        self._lists: Cache[str, list[UpstreamServer]] = Cache(FRESH_SECONDS, grace_seconds=GRACE_SECONDS)

    async def servers(self, principal: Principal) -> list[UpstreamServer]:
        """All live servers that the tenant sees."""

        async def load() -> list[UpstreamServer]:
            entries = await self._directory.list(principal, "mcp")
            return [
                UpstreamServer(
                    name=entry.name,
                    urls=tuple(sorted(entry.urls or [entry.url])),
                    tenant=entry.tenant,
                    source=self,
                    description=entry.description,
                    document=entry.document,
                )
                for entry in entries
            ]

        return await self._lists.get(principal.tenant, load)

    async def credential(self, server: UpstreamServer, principal: Principal) -> Headers:
        """A token that no other server takes, with the caller's tenant and subject."""
        return [(b"authorization", f"Bearer {self._tokens.mint(principal, f'mcp:{server.name}')}".encode())]

    async def refused(self, server: UpstreamServer, principal: Principal) -> bool:
        """Tokens are minted anew when they are due: another one would be the same."""
        return False
