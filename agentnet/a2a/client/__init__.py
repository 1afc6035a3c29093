"""The network's own A2A client: one agent, asked and followed over HTTP.

May import `agentnet.http`. Start with `peers`.
"""
