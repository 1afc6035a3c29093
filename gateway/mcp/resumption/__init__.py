"""Calls that outlive the connection of a legacy client: what is kept of them, so that any replica goes on.

May import `gateway.mcp.messages`, `sessions` and `upstream`. Start with `log`.
"""
