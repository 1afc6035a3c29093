"""The frame that every service has: who may pass (authentication), and whether it lives.

May import `agentnet.identity` and `agentnet.http`. Start with `authentication`.
"""
