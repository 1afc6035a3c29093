"""Agents as MCP tools, with their life: progress, questions, cancel, tasks, and their resources and prompts."""

from gateway.mcp.agents.provider import Agents, Means

__all__ = ["Agents", "Means"]
