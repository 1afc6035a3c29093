"""The network as one MCP server: every agent is a tool. Both eras of the protocol, stateless, on any replica."""

from gateway.mcp.endpoint import McpEndpoint

__all__ = ["McpEndpoint"]
