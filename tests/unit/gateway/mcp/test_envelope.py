"""What a request in a version that is not served is told."""

from typing import Any

import pytest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from gateway.mcp.messages.envelope import check_modern, check_modern_notification
from gateway.mcp.messages.errors import McpError

FUTURE = "2030-01-01"
EVERY = [*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS]
META = {"io.modelcontextprotocol/protocolVersion": FUTURE, "io.modelcontextprotocol/clientCapabilities": {}}


@pytest.mark.parametrize(
    ("params", "supported"), [({}, EVERY), (None, EVERY), ({"_meta": META}, [*MODERN_PROTOCOL_VERSIONS])]
)
def test_it_is_told_the_version_and_those_that_are_served(params: Any, supported: list[str]) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params}
    headers = [(b"mcp-protocol-version", FUTURE.encode()), (b"mcp-method", b"tools/list")]
    with pytest.raises(McpError) as refused:
        check_modern(message, headers)
    assert (refused.value.code, refused.value.status_code) == (-32022, 400)
    assert refused.value.detail == {"supported": supported, "requested": FUTURE}
    assert all(version in refused.value.message for version in [FUTURE, *EVERY])


def test_a_notification_is_told_the_same() -> None:
    with pytest.raises(McpError, match=f"{FUTURE}.*2025-11-25"):
        check_modern_notification(FUTURE)


@pytest.mark.parametrize("params", [{}, {"_meta": 7}, {"_meta": {}}])
def test_a_modern_request_without_its_envelope_is_told_what_is_missing(params: Any) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params}
    with pytest.raises(McpError, match="_meta") as refused:
        check_modern(message, [(b"mcp-protocol-version", MODERN_PROTOCOL_VERSIONS[0].encode())])
    assert refused.value.code == -32602
