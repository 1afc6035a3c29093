"""What a modern request says of itself besides its method, checked before anything is done; names of headers.

The checks are the specification's ladder (2026-07-28, transports and basic): envelope, headers that must agree
with the body, version. Header values are compared without white space around them.
"""

from collections.abc import Mapping
from typing import Any

from mcp.shared.inbound import (
    InboundLadderRejection,
    InboundModernRoute,
    classify_inbound_request,
    decode_header_value,
    find_duplicated_routing_header,
    unsupported_protocol_version_rejection,
)
from mcp_types.jsonrpc import HEADER_MISMATCH, INVALID_PARAMS, UNSUPPORTED_PROTOCOL_VERSION
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from gateway.http.transport import Headers
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.jsonrpc import object_or_empty

VERSION_HEADER = b"mcp-protocol-version"
SESSION_HEADER = b"mcp-session-id"
# The one revision with batches, which its receivers must take.
BATCH_VERSION = "2025-03-26"
SERVED = (*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS)
LISTEN = "subscriptions/listen"
TASK_METHODS = frozenset({"tasks/get", "tasks/update", "tasks/cancel"})


def check_modern(message: Document, headers: Headers) -> InboundModernRoute:
    """The envelope of a modern request. Raises `McpError`: -32602, -32020 or -32022."""
    # uvicorn with httptools leaves spaces behind a value, h11 does not; they are no part of it (RFC 9110 section 5.5).
    lines = [(name.decode("latin-1"), value.strip().decode("latin-1")) for name, value in headers]
    twice = find_duplicated_routing_header(lines)
    if twice is not None:
        raise McpError(HEADER_MISMATCH, f"The header {twice} appears more than once.")
    folded = dict(lines)
    route = classify_inbound_request(message, headers=folded)
    if isinstance(route, InboundLadderRejection):
        raise _refused(route, message, folded)
    if message["method"] in TASK_METHODS:
        _check_task_name(message["params"], folded)
    return route


def check_modern_notification(version: str) -> None:
    """Raises `McpError` for a version that is not served."""
    rejection = unsupported_protocol_version_rejection(version)
    if rejection is not None:
        raise _unsupported(version, rejection.data)


def _refused(rejection: InboundLadderRejection, message: Document, headers: Mapping[str, str]) -> McpError:
    version = headers.get(VERSION_HEADER.decode(), "")
    unsupported = unsupported_protocol_version_rejection(version)
    if (
        rejection.code == INVALID_PARAMS
        and unsupported is not None
        and "_meta" not in object_or_empty(message.get("params"))
    ):
        # A client in a session: nothing is wrong with its parameters, and it may take a version of the handshake.
        return _unsupported(version, {"supported": [*SERVED], "requested": version})
    if rejection.code == UNSUPPORTED_PROTOCOL_VERSION:
        return _unsupported(version, rejection.data)
    return McpError(rejection.code, rejection.message, detail=rejection.data)


def _unsupported(version: str, detail: Any) -> McpError:
    said = f"The protocol version {version[:40]!r} is not served; those that are: {', '.join(SERVED)}."
    return McpError(UNSUPPORTED_PROTOCOL_VERSION, said, detail=detail)


def _check_task_name(params: Document, headers: Mapping[str, str]) -> None:
    """`Mcp-Name` of tasks/* is the task's id (SEP-2663); the SDK knows it for the core's methods only."""
    if "mcp-name" in headers and decode_header_value(headers["mcp-name"]) != params.get("taskId"):
        raise McpError(HEADER_MISMATCH, "mcp-name header does not match the request body's 'taskId' parameter")
