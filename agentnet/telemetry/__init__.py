"""What a process says of itself: logs.

May import `agentnet.settings` only.
"""
