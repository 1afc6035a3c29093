"""MCP servers outside the network: which there are for a tenant, and how the network proves itself to each of them.

May import `agentnet.database`, `http`, `identity` and `manifests`. Start with `upstreams`; `server` is one of them.
"""
