"""What a tool server is told of its caller and of the service that hosts it.

May import `agentnet.database`, `agentnet.identity` and `agentnet.upstreams`, and no server. Start with `tool_server`.
"""
