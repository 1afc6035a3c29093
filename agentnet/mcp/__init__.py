"""What this network's own MCP clients, specialists and adapters, have to do with servers of others: connections, what
they send, and how they say that a session is gone. Imports no other folder. Start with `connection`.
"""
