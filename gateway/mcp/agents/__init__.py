"""Agents as MCP tools, with their life: progress, questions, cancel, tasks, and their resources and prompts."""

from gateway.mcp.agents.provider import AgentProviders, Means

__all__ = ["AgentProviders", "Means"]
