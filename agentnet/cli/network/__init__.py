"""Commands that start, try and extend a network: up, demo, doctor, new, check.

May import `command`, `gateway`, `show` and `tasks` beside it, and `agentnet.process`, which starts the services. Start
with `up`.
"""
