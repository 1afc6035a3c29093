"""Tables: files and the task log, asked with SQL on DuckDB, summarized and drawn.

May import `mcp_servers.hosting`, `agentnet.database`, `agentnet.files` and `agentnet.process`. Start with `server`; the
`sandbox` runs `worker` as a process of its own.
"""
