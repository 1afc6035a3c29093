"""Tasks: the event log, leases, live feeds and the A2A request handler that stands on them."""
