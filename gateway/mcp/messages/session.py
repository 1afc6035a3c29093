"""A legacy session: what a client said of itself once, and the sessions that it has at upstream servers."""

from dataclasses import dataclass, field
from typing import Any

from gateway.mcp.messages.errors import Document


@dataclass(frozen=True, slots=True)
class UpstreamSession:
    """A session at one instance of an upstream server."""

    url: str
    id: str
    """`Mcp-Session-Id` there; empty for a server that keeps no sessions."""
    version: str


@dataclass(frozen=True, slots=True)
class Session:
    """As it is stored; any replica serves it."""

    id: str
    version: str
    capabilities: Document = field(default_factory=dict[str, Any])
    client_info: Document = field(default_factory=dict[str, Any])
    upstreams: dict[str, UpstreamSession] = field(default_factory=dict[str, UpstreamSession])
    """By the server's name, opened when they are needed."""
    log_level: str | None = None
    """Set with logging/setLevel."""
