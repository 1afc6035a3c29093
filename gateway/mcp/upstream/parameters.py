"""`Mcp-Param-*` headers beside the arguments that they repeat (2026-07-28, custom headers from tool parameters)."""

from contextlib import suppress
from typing import Any

from cachetools import LRUCache
from mcp.shared.inbound import find_invalid_x_mcp_header, validate_mcp_param_headers, x_mcp_header_map
from mcp_types.jsonrpc import HEADER_MISMATCH

from agentnet.errors import AgentNetError
from agentnet.identity import Principal
from gateway.http.transport import Headers
from gateway.mcp.messages.envelope import object_or_empty
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.upstream.http import PARAM_PREFIX
from gateway.mcp.upstream.listings import Listings
from gateway.mcp.upstream.provider import Kind, Listing, UpstreamServer

MAX_KEPT = 4096


class ParameterError(McpError):
    """A header and its argument disagree."""

    def __init__(self, message: str) -> None:
        super().__init__(HEADER_MISMATCH, message)


class Parameters:
    """Checks calls against schemas. Whether a schema asks for headers at all is found out once."""

    def __init__(self) -> None:
        self._known: LRUCache[int, tuple[Any, bool]] = LRUCache(MAX_KEPT)

    def check(self, schema: Any, arguments: Any, headers: Headers) -> None:
        """Raises `ParameterError` when a header that the schema wants is missing, wrong, double or not to be read."""
        if not self._wants_headers(schema):
            return
        lines = [(name.decode("latin-1"), value) for name, value in headers if name.startswith(PARAM_PREFIX)]
        folded = {name: value.strip().decode("latin-1") for name, value in lines}
        if len(folded) < len(lines):
            raise ParameterError("An Mcp-Param header appears more than once.")
        if not all(value.isascii() for value in folded.values()):
            raise ParameterError("An Mcp-Param header holds more than ASCII; it must be base64 in =?base64?...?=.")
        rejection = validate_mcp_param_headers(schema, object_or_empty(arguments), folded)
        if rejection is not None:
            raise ParameterError(rejection.message)

    def _wants_headers(self, schema: Any) -> bool:
        known = self._known.get(id(schema))
        if known is not None and known[0] is schema:
            return known[1]
        wants = find_invalid_x_mcp_header(schema) is None and bool(x_mcp_header_map(schema))
        self._known[id(schema)] = (schema, wants)
        return wants


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
        self._parameters.check(self._schemas_of(listing).get(str(params.get("name"))), params.get("arguments"), headers)

    def _schemas_of(self, listing: Listing) -> dict[str, Any]:
        known = self._schemas.get(id(listing))
        if known is not None:
            return known[1]
        schemas = {str(item.get("name")): item.get("inputSchema") for item in listing.items}
        self._schemas[id(listing)] = (listing, schemas)
        return schemas
