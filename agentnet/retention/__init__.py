"""Retention: how long tasks that have ended are kept, for each tenant, and the sweep that forgets them.

May import `agentnet.database`. Start with `rules`, then `sweeper`.
"""
