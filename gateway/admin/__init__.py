"""What an admin sets over HTTP (`/v1/...`): keys, servers, retention, push; and the views of stored tasks.

May import `gateway.a2a`, and of `agentnet` the parts that it sets. Each module is one group of routes; `sql` has their
queries. Start with `keys`.
"""
