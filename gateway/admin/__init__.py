"""What an admin sets over HTTP (`/v1/...`): keys, servers, retention, push; and the views of stored tasks.

May import `gateway.http`. Each module is one group of routes; `sql` has their queries.
"""
