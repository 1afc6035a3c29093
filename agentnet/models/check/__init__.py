"""Whether an endpoint and its model are what settings say, found out by asking: for `doctor`, `up` and `models`.

May import `agentnet.http` (server-sent events) and `agentnet.models.endpoints`; no SDK, so that it is there at once.
Start with `check`.
"""
