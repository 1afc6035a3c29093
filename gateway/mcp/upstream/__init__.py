"""Upstream MCP servers: where they come from, how they are reached and asked, what they list, and their answers.

May import `gateway.mcp.messages` and `gateway.http`. Start with `server` (one of them), `http` (one request), `client`
(the gateway's own requests).
"""
