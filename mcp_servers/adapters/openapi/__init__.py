"""An HTTP API with an OpenAPI 3 document, presented as an MCP server: each operation is a tool.

May import `mcp_servers.hosting`, `agentnet.http`, `agentnet.mcp` and `agentnet.upstreams`. Start with `server`, then
`document`.
"""
