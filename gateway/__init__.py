"""The one public door: the A2A relay, the MCP endpoint, the REST views, and who may pass.

May import `agentnet` and `cards`, never another service. Start with `service`: what is built, and its routes.
"""

__all__: list[str] = []
