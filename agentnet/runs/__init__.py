"""Runs of specialists: the OpenAI Agents SDK on a task, with tools over MCP, delegations over A2A, and a journal."""
