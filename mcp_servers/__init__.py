"""Tool servers of the network: one sub-package each, over streamable HTTP.

May import `agentnet`, never another service. Start with `service`, then `offer`.
"""
