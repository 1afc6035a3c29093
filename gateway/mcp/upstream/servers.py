"""All upstream servers that a caller sees, from all sources."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from cachetools import LRUCache

from agentnet.errors import AgentNetError, NotFoundError
from agentnet.identity import Principal
from agentnet.upstreams.server import is_reserved
from gateway.http.cache import MAX_KEYS, Cache, peek
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


@dataclass(frozen=True, slots=True)
class _Merged:
    """The servers of a tenant, and what the sources said for it."""

    listed: list[list[UpstreamServer]]
    servers: Mapping[str, UpstreamServer]


class Servers:
    """Where two sources have a server of one name, the source that was named first wins."""

    def __init__(self, sources: list[Source]) -> None:
        self._sources = sources
        self._failing: set[int] = set()
        """Sources that had nothing to say the last time: that is warned of once."""
        self._lists: Cache[tuple[int, str], list[UpstreamServer]] = Cache(FRESH_SECONDS, grace_seconds=GRACE_SECONDS)
        self._merged: LRUCache[str, _Merged] = LRUCache(MAX_KEYS)

    async def visible(self, principal: Principal) -> list[UpstreamServer]:
        """All of them, by name. Raises `AgentNetError` when a source has nothing to say."""
        return [*(await self._of(principal)).values()]

    async def find(self, principal: Principal, name: str) -> UpstreamServer | None:
        """The server of that name, if there is one. Raises `AgentNetError`."""
        return (await self._of(principal)).get(name)

    async def get(self, principal: Principal, name: str) -> UpstreamServer:
        """The server of that name. Raises `NotFoundError`."""
        found = await self.find(principal, name)
        if found is None:
            raise NotFoundError(f"There is no MCP server {name!r} here.")
        return found

    async def _of(self, principal: Principal) -> Mapping[str, UpstreamServer]:
        """Those that the caller sees, by name: merged anew only where a source said something new."""
        merged = peek(self._merged, principal.tenant)
        if merged is not None and all(
            self._lists.at_hand((number, principal.tenant)) is listed for number, listed in enumerate(merged.listed)
        ):
            return merged.servers
        listed, failure = await self._listed(principal)
        if failure is not None and not listed:
            raise failure
        servers = _merge(listed)
        if failure is None:
            self._merged[principal.tenant] = _Merged(listed, servers)
        return servers

    async def _listed(self, principal: Principal) -> tuple[list[list[UpstreamServer]], AgentNetError | None]:
        """What each source has to say; and why the first that has nothing to say has not."""
        listed: list[list[UpstreamServer]] = []
        failure: AgentNetError | None = None
        for number, source in enumerate(self._sources):
            try:
                listed.append(await self._lists.get((number, principal.tenant), _asking(source, principal)))
                self._failing.discard(number)
            except AgentNetError as error:
                level = logging.DEBUG if number in self._failing else logging.WARNING
                self._failing.add(number)
                logger.log(level, "%s are left out: %s", type(source).__name__, error)
                failure = failure or error
        return listed, failure


def _merge(listed: list[list[UpstreamServer]]) -> dict[str, UpstreamServer]:
    """By name, in order. The network's own go before stored ones: nobody takes the place of one by its name."""
    found: dict[str, UpstreamServer] = {}
    for servers in listed:
        for server in servers:
            found.setdefault(server.name, server)
    return {name: found[name] for name in sorted(found)}


def _asking(source: Source, principal: Principal) -> Callable[[], Awaitable[list[UpstreamServer]]]:
    async def ask() -> list[UpstreamServer]:
        return admitted(await source.servers(principal))

    return ask
