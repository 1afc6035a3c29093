"""`Mcp-Param-*` headers beside the arguments that they repeat (2026-07-28, custom headers from tool parameters)."""

from typing import Any

from cachetools import LRUCache
from mcp.shared.inbound import find_invalid_x_mcp_header, validate_mcp_param_headers, x_mcp_header_map
from mcp_types.jsonrpc import HEADER_MISMATCH

from gateway.http.transport import Headers
from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.jsonrpc import object_or_empty

PARAM_PREFIX = b"mcp-param-"
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
        if not self.wants_headers(schema):
            return
        lines = [(name.decode("latin-1"), value) for name, value in headers if name.startswith(PARAM_PREFIX)]
        folded = {name: value.strip().decode("latin-1") for name, value in lines}
        if len(folded) < len(lines):
            raise ParameterError("An Mcp-Param header appears more than once.")
        # The sentinel is there for all else (2026-07-28, transports): what proxies do with other bytes nobody knows.
        if not all(value.isascii() for value in folded.values()):
            raise ParameterError("An Mcp-Param header holds more than ASCII; it must be base64 in =?base64?...?=.")
        rejection = validate_mcp_param_headers(schema, object_or_empty(arguments), folded)
        if rejection is not None:
            raise ParameterError(rejection.message)

    def wants_headers(self, schema: Any) -> bool:
        """Whether a call of a tool with this schema says some of its arguments in headers too."""
        known = self._known.get(id(schema))
        # The id may be that of another object by now.
        if known is not None and known[0] is schema:
            return known[1]
        wants = find_invalid_x_mcp_header(schema) is None and bool(x_mcp_header_map(schema))
        self._known[id(schema)] = (schema, wants)
        return wants
