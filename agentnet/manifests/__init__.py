"""What a folder of a specialist or of a tool server says of it: `agent.yaml`, and the code beside it.

May import `agentnet.errors` only. Start with `manifest`.
"""
