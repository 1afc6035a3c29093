"""All upstream servers that a caller sees, from all sources."""

import logging
from collections.abc import Awaitable, Callable

from agentnet.errors import AgentNetError, NotFoundError
from agentnet.identity import Principal
from agentnet.upstreams.server import is_reserved
from gateway.http.cache import Cache
from gateway.mcp.upstream.server import Source, UpstreamServer

logger = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
"""How long a replica may offer a server that was removed, or switched off, through another."""
GRACE_SECONDS = 30.0
"""What a source said last serves for so long while it is away."""


def admitted(servers: list[UpstreamServer]) -> list[UpstreamServer]:
    """Those whose names are not the network's own."""
    reserved = [server.name for server in servers if is_reserved(server.name)]
    if reserved:
        logger.warning("left out are servers of reserved names: %s", ", ".join(reserved))
    return [server for server in servers if not is_reserved(server.name)]


class Servers:
    """Where two sources have a server of one name, the source that was named first wins."""

    def __init__(self, sources: list[Source]) -> None:
        self._sources = sources
        self._failing: set[int] = set()
        """Sources that had nothing to say the last time: that is warned of once."""
        self._lists: Cache[tuple[int, str], list[UpstreamServer]] = Cache(FRESH_SECONDS, grace_seconds=GRACE_SECONDS)

    async def visible(self, principal: Principal) -> list[UpstreamServer]:
        """All of them, by name. Raises `AgentNetError` when a source has nothing to say."""
        found: dict[str, UpstreamServer] = {}
        failures: list[AgentNetError] = []
        for number, source in enumerate(self._sources):
            try:
                for server in await self._lists.get((number, principal.tenant), _asking(source, principal)):
                    # The network's own go before stored ones: nobody takes the place of one by its name.
                    found.setdefault(server.name, server)
                self._failing.discard(number)
            except AgentNetError as error:
                level = logging.DEBUG if number in self._failing else logging.WARNING
                self._failing.add(number)
                logger.log(level, "%s are left out: %s", type(source).__name__, error)
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


def _asking(source: Source, principal: Principal) -> Callable[[], Awaitable[list[UpstreamServer]]]:
    async def ask() -> list[UpstreamServer]:
        return admitted(await source.servers(principal))

    return ask
