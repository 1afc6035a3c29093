"""Servers that do not speak streamable HTTP, presented as MCP servers of the network: commands, HTTP+SSE, OpenAPI.

May import `hosting` beside it, and of `agentnet` what connects to servers. Start with `adapted`, then
`command` or `sse`.
"""
