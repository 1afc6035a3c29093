"""Calls between a client of one era and a server that speaks only the other.

May import `gateway.mcp.messages`, `upstream`, `sessions` and `resumption`, and `gateway.http`. Start with `to_legacy`
and `long_calls`.
"""
