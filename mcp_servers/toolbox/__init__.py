"""Tools of every day: time, arithmetic, units and dates.

May import `mcp_servers.hosting` and `agentnet.process`. Start with `server`.
"""
