"""Public web pages, fetched behind the SSRF guard and read as Markdown.

May import `mcp_servers.hosting`, `agentnet.http` and `agentnet.process`.
"""
