"""What an admin sets over HTTP (`/v1/...`): keys, servers, retention, push; and the views of stored tasks.

Of `agentnet` it may import the parts that it sets. Each module is one group of routes; `sql` has their
queries. Start with `keys`.
"""
