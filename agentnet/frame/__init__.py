"""The frame that every service has: who may pass (authentication, access), how errors are said, whether it lives.

May import `agentnet.identity` and `agentnet.http`. Start with `frame`.
"""
