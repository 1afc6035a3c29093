"""Profiles: which servers, agents and tools an endpoint `/mcp/{profile}` shows, declared in a file or stored.

May import `gateway.mcp.messages`, `gateway.admin`, `gateway.a2a` and `gateway.http`. Start with `profiles`.
"""
