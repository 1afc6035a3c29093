"""Sessions of legacy clients (before 2026-07-28) as rows in PostgreSQL, questions to them, and calls that they cancel.

May import `gateway.mcp.messages`, and `agentnet.tasks` for commits in groups. Start with `sessions`.
"""
