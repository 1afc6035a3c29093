"""Connections of this network's own MCP clients: specialists and adapters that use tools. Imports no other folder."""
