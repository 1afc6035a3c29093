"""The task engine: the event log in PostgreSQL, leases, the worker that runs tasks, and live feeds.

May import `agentnet.database` and `agentnet.signals`, and knows nothing of HTTP. Start with `store`, then `worker`,
`run` and `feed`.
"""
