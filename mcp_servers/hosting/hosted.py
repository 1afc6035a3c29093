"""What `mcp_servers.service` needs to know of a server to serve it, whatever it is made of."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.mcpserver import MCPServer
from mcp_types import Tool

from agentnet.ids import EVERYONE
from agentnet.upstreams.timeouts import Timed
from mcp_servers.hosting.tool_server import Ready, always_ready


@dataclass(frozen=True, slots=True)
class Hosted:
    """A server and how to ask it."""

    server: MCPServer[Any] | Server[Any]
    list_tools: Callable[[], Awaitable[list[Tool]]]
    ready: Ready = always_ready
    tenant: str = EVERYONE
    """Who may use it; `*` means every tenant."""
    streams: bool = False
    """Whether it tells of its progress: then answers may be streams."""
    sessions: bool = False
    """Whether it asks its host and tells of changes: then it is served in sessions, of the revisions before
    2026-07-28; else each request stands alone, in any revision."""
    limits: Timed = field(default_factory=Timed)
    """How long its calls may take, for the gateway."""
