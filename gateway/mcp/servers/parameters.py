"""`Mcp-Param-*` headers of calls to servers whose lists pass the gateway unread."""

from contextlib import suppress
from typing import Any

from agentnet.database.bounded import Bounded
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
        self._schemas: Bounded[int, tuple[Listing, dict[str, Any]]] = Bounded(MAX_KEPT)

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
        self._parameters.check(self._schemas_of(listing).get(str(params.get("name"))), params.get("arguments"), headers)

    def _schemas_of(self, listing: Listing) -> dict[str, Any]:
        known = self._schemas.get(id(listing))
        if known is not None:
            return known[1]
        schemas = {str(item.get("name")): item.get("inputSchema") for item in listing.items}
        self._schemas[id(listing)] = (listing, schemas)
        return schemas
