"""Commands around the MCP door: the stdio bridge for hosts, profiles, upstream servers.

May import `command`, `gateway` and `show` beside it. Start with `commands`; `bridge` is the one that stays.
"""
