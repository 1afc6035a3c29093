"""The command line's way to a gateway: requests, A2A calls, lists.

May import `command` and `show` beside it, and of `agentnet` what reads answers. Start with `client`, then `a2a`.
"""
