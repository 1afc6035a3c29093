"""The one A2A client: an agent asked and followed, over whatever brings bytes to it.

Delegations, the MCP endpoint and the command line use it, each with its own transport and its own errors around it. May
import `agentnet.http` and `agentnet.tasks`. Start with `agent`.
"""
