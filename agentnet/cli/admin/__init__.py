"""Commands of admins and operators: keys, tenants, push, retention, partitions.

May import `command`, `gateway` and `show` beside it, and the parts of `agentnet` that it sets. Start with `keys`.
"""
