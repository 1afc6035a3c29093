"""What changes for a caller: lists, subscribed resources, tasks; and the streams that tell of it.

May import `gateway.mcp.messages`, `upstream` and `aggregate`, and `gateway.http`. Start with `feed`.
"""
