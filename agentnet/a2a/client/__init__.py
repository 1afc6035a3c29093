"""The network's own A2A client: one agent, asked and followed over HTTP.

May import `agentnet.tasks` (events, projection) and `agentnet.http`.
"""
