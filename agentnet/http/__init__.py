"""HTTP that every service shares: the SSRF guard, server-sent events, errors as responses, values of headers.

May import `agentnet.errors` and `agentnet.database` (its errors). Start with `errors`.
"""
