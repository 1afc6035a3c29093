"""Agents as MCP tools, with their life: progress, questions, cancel, tasks, and their resources and prompts."""
