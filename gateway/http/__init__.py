"""A small HTTP client for relays, and what the gateway's HTTP side shares: bodies that pass through, headers, limits.

May import `agentnet` only. Start with `transport`, the seam; `http1` is the implementation over `connection`.
"""
