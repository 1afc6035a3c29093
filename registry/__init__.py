"""Who is out there: agents and MCP servers register under a lease, and are found by name or by what they can do.

May import `agentnet`, never another service. Start with `service`, then `entries`.
"""
