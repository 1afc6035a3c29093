"""`Mcp-Param-*` headers of calls to servers whose lists pass the gateway unread."""

from contextlib import suppress
from typing import Any

from cachetools import LRUCache

from agentnet.errors import AgentNetError
from agentnet.identity import Principal
from gateway.http.transport import Headers
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.parameters import MAX_KEPT, PARAM_PREFIX, ParameterError, Parameters
from gateway.mcp.upstream.listings import Listings
from gateway.mcp.upstream.server import Kind, Listing, UpstreamServer


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
