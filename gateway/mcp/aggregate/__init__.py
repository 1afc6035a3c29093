"""Many providers as one MCP server: lists are merged, names made unique, calls go to the provider of the item.

May import `gateway.mcp.messages` and `upstream`; knows of no provider. Start with `aggregate`.
"""
