"""Runs of specialists: the OpenAI Agents SDK on a task, with tools over MCP, delegations over A2A, and a journal.

May import `agentnet.tasks`, `a2a.client`, `arguments`, `discovery`, `files`, `identity`, `manifests`, `mcp`, `models`,
`prompts`, `telemetry` and `upstreams`. Start with `executor`.
"""
