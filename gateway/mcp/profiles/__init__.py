"""Profiles: which servers, agents and tools an endpoint `/mcp/{profile}` shows, declared in a file or stored.

May import `gateway.mcp.messages` and `gateway.http`. Start with `profiles`.
"""
