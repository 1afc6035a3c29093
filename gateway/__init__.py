"""The one public door: the A2A relay, the MCP endpoint, the REST views, and who may pass."""

__all__: list[str] = []
