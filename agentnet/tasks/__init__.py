"""The task engine: the event log in PostgreSQL, leases, the worker that runs tasks, and live feeds.

May import `agentnet.database`, `agentnet.files`, `agentnet.signals` and `agentnet.telemetry`, and knows nothing of
HTTP. Start with `store`, then `worker`, `execution`, `run` and `feed`.
"""
