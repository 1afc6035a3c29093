"""What one caller sees, looked at again and again while a stream of changes is held open."""

from gateway.mcp.aggregate.aggregate import Aggregate
from gateway.mcp.aggregate.merge import Merged
from gateway.mcp.aggregate.provider import Provider
from gateway.mcp.changes.watched import Watched
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.upstream.server import Kind


class View:
    """Of the caller of one exchange."""

    def __init__(self, exchange: Exchange, aggregate: Aggregate) -> None:
        self._exchange = exchange
        self._aggregate = aggregate

    async def providers(self) -> list[Provider]:
        """Those that are there now. Raises `AgentNetError`."""
        return await self._aggregate.providers(self._exchange)

    def follows(self, provider: Provider) -> bool:
        """Whether the caller hears of what `provider` says of its lists.

        Another network does not where that may be another network's word: in a circle it would never come to rest. It
        hears of lists that come out different.
        """
        return not (provider.is_outside and self._exchange.networks)

    async def merged(self, kind: Kind, providers: list[Provider]) -> Merged:
        """The list of `kind`."""
        return await self._aggregate.merged(self._exchange, kind, providers)

    async def watched(self, uris: list[str]) -> list[Watched]:
        """Those of the client's `uris` that are there for it. Raises `McpError` for too many."""
        if not uris:
            return []
        providers = await self.providers()
        owned: dict[str, dict[str, list[str]]] = {}
        owners = await self._aggregate.owners(self._exchange, dict.fromkeys(uris), providers)
        for uri, (provider, own) in owners.items():
            owned.setdefault(provider.name, {}).setdefault(own, []).append(uri)
        found: list[Watched] = []
        for provider in (each for each in providers if each.name in owned):
            names = owned[provider.name]
            versions = await provider.versions(self._exchange, frozenset(names))
            found += [Watched(provider.name, own, uri, versions[own]) for own in versions for uri in names[own]]
        return found
