"""`requestState` of servers that ask (MRTR, 2026-07-28): what one replica sealed any takes, for the same caller."""

import json
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer, RequestStateSecurity
from mcp.server.request_state import RequestStateBoundary

from agentnet.identity.sealing import Seal
from mcp_servers.hosting.caller import caller_of

PURPOSE = b"agentnet: requestState of MCP servers, v1"
STATE_SECONDS = 3600.0
"""How long a caller may take to answer; the gateway gives its own questions as long."""


def share_state(server: MCPServer[Any], seal: Seal) -> None:
    """Have `server` seal under the network's key, in place of one that only this process has."""
    security = RequestStateSecurity(keys=[seal.key(PURPOSE)], ttl=STATE_SECONDS, bind_principal=_caller)
    shared = RequestStateBoundary(security, default_audience=server.name)
    # The SDK puts its own boundary in, with a key that this process alone has: a retry at another replica would be
    # refused.
    server.middleware[:] = [shared if isinstance(layer, RequestStateBoundary) else layer for layer in server.middleware]


def _caller(context: ServerRequestContext[Any, Any]) -> str:
    principal = caller_of(context)
    return json.dumps([principal.tenant, principal.subject])
