"""The network as one MCP server: its tool servers and its agents, in both eras of the protocol, on any replica.

May import all of its folders, and `gateway.http`; of these none imports it. Start with `entrance` (what is built), then
`door` (a request's way).
"""

from gateway.mcp.door import Door

__all__ = ["Door"]
