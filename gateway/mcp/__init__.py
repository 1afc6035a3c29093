"""The network as one MCP server: its tool servers and its agents, in both eras of the protocol, on any replica."""

from gateway.mcp.door import Door

__all__ = ["Door"]
