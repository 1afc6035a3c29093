"""Sessions of legacy clients (before 2026-07-28) as rows in PostgreSQL, questions to them, and calls that they cancel.

May import `gateway.mcp.messages`, and what all may import. Start with `sessions`.
"""
