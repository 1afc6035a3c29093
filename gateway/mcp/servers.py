"""All upstream servers that a caller sees, from all sources."""

from agentnet.errors import NotFoundError
from agentnet.identity import Principal
from gateway.mcp.provider import Source, UpstreamServer


class Servers:
    """Where two sources have a server of one name, the source that was named first wins."""

    def __init__(self, sources: list[Source]) -> None:
        self._sources = sources

    async def visible(self, principal: Principal) -> list[UpstreamServer]:
        """All of them, by name. Raises `AgentNetError` when a source has nothing to say."""
        if len(self._sources) == 1:
            return await self._sources[0].servers(principal)
        found: dict[str, UpstreamServer] = {}
        for source in self._sources:
            for server in await source.servers(principal):
                found.setdefault(server.name, server)
        return [found[name] for name in sorted(found)]

    async def get(self, principal: Principal, name: str) -> UpstreamServer:
        """The server of that name. Raises `NotFoundError`."""
        for server in await self.visible(principal):
            if server.name == name:
                return server
        raise NotFoundError(f"There is no MCP server {name!r} here.")
