"""Agents as MCP tools, with their life: progress, questions, cancel, tasks, and their resources and prompts.

May import `aggregate`, `changes`, `messages`, `resumption` and `upstream` beside it, `gateway.agents`, `gateway.a2a`
and `cards`. Start with `provider`, then `call`.
"""

from gateway.mcp.agents.provider import AgentProviders, Means

__all__ = ["AgentProviders", "Means"]
