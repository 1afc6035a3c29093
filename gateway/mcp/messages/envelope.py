"""What a request says of itself besides its method: era, version, capabilities, trace. Checked before anything is done.

The modern checks are the specification's ladder (2026-07-28, transports and basic): envelope, headers that must agree
with the body, version. Header values are compared without white space around them.
"""

import re
from collections.abc import Mapping

from mcp.shared.inbound import (
    InboundLadderRejection,
    InboundModernRoute,
    classify_inbound_request,
    decode_header_value,
    find_duplicated_routing_header,
    unsupported_protocol_version_rejection,
)
from mcp_types.jsonrpc import HEADER_MISMATCH
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from gateway.http.headers import header_of
from gateway.http.transport import Headers
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.jsonrpc import object_or_empty

VERSION_HEADER = b"mcp-protocol-version"
SESSION_HEADER = b"mcp-session-id"
UNSAID_VERSION = "2025-03-26"
"""What a request without a version header speaks (2025-11-25, transports: protocol version header)."""
BATCH_VERSION = "2025-03-26"
TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
TASK_METHODS = frozenset({"tasks/get", "tasks/update", "tasks/cancel"})


def version_of(headers: Headers) -> str:
    """The version that the header names, or the one that its absence means."""
    return header_of(headers, VERSION_HEADER).strip().decode("latin-1") or UNSAID_VERSION


def era_of(version: str) -> Era:
    """Versions of the handshake are legacy; all others, unknown ones too, are asked to be modern."""
    return Era.LEGACY if version in HANDSHAKE_PROTOCOL_VERSIONS else Era.MODERN


def check_modern(message: Document, headers: Headers) -> InboundModernRoute:
    """The envelope of a modern request. Raises `McpError`: -32602, -32020 or -32022."""
    lines = [(name.decode("latin-1"), value.strip().decode("latin-1")) for name, value in headers]
    twice = find_duplicated_routing_header(lines)
    if twice is not None:
        raise McpError(HEADER_MISMATCH, f"The header {twice} appears more than once.")
    folded = dict(lines)
    route = classify_inbound_request(message, headers=folded)
    if isinstance(route, InboundLadderRejection):
        raise McpError(route.code, route.message, detail=route.data)
    if message["method"] in TASK_METHODS:
        _check_task_name(message["params"], folded)
    return route


def check_modern_notification(version: str) -> None:
    """Raises `McpError` for a version that is not served."""
    rejection = unsupported_protocol_version_rejection(version)
    if rejection is not None:
        raise McpError(rejection.code, rejection.message, detail=rejection.data)


def trace_of(params: Document, headers: Headers) -> Headers:
    """The client's trace, from the request's `_meta` or its header."""
    said = object_or_empty(params.get("_meta")).get("traceparent")
    value = said.encode("utf-8", "replace") if isinstance(said, str) else header_of(headers, b"traceparent")
    return [(b"traceparent", value)] if TRACEPARENT.fullmatch(value) else []


def _check_task_name(params: Document, headers: Mapping[str, str]) -> None:
    """`Mcp-Name` of tasks/* is the task's id (SEP-2663); the SDK knows it for the core's methods only."""
    if "mcp-name" in headers and decode_header_value(headers["mcp-name"]) != params.get("taskId"):
        raise McpError(HEADER_MISMATCH, "mcp-name header does not match the request body's 'taskId' parameter")
