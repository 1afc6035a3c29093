"""Commands that give the network work and follow it: ask, chat, watch, cancel.

May import `command`, `gateway` and `show` beside it, and `agentnet.process` for a network of its own. Start with `ask`.
"""
