"""The frame that every service has: who may pass (authentication), and whether it lives.

May import `agentnet.identity`. Start with `authentication`.
"""
