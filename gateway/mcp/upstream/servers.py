"""All upstream servers that a caller sees, from all sources."""

import logging

from agentnet.errors import AgentNetError, NotFoundError
from agentnet.identity import Principal
from gateway.mcp.upstream.server import Source, UpstreamServer

logger = logging.getLogger(__name__)


class Servers:
    """Where two sources have a server of one name, the source that was named first wins."""

    def __init__(self, sources: list[Source]) -> None:
        self._sources = sources

    async def visible(self, principal: Principal) -> list[UpstreamServer]:
        """All of them, by name. Raises `AgentNetError` when a source has nothing to say."""
        found: dict[str, UpstreamServer] = {}
        failures: list[AgentNetError] = []
        for source in self._sources:
            try:
                for server in await source.servers(principal):
                    found.setdefault(server.name, server)
            except AgentNetError as error:
                logger.warning("%s are left out: %s", type(source).__name__, error)
                failures.append(error)
        if len(failures) == len(self._sources):
            raise failures[0]
        return [found[name] for name in sorted(found)]

    async def get(self, principal: Principal, name: str) -> UpstreamServer:
        """The server of that name. Raises `NotFoundError`."""
        for server in await self.visible(principal):
            if server.name == name:
                return server
        raise NotFoundError(f"There is no MCP server {name!r} here.")
