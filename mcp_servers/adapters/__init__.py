"""Servers that do not speak streamable HTTP, presented as MCP servers of the network: commands, HTTP+SSE, OpenAPI."""
