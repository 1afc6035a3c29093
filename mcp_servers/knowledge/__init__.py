"""Documents: ingested, searched by PostgreSQL full text, cited by source and line.

May import `mcp_servers.hosting`, `agentnet.database` and `agentnet.process`. Start with `server`, then `library`.
"""
