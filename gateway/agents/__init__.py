"""The conversation with an agent on behalf of somebody at the gateway: send, follow, questions, files.

May import `gateway.a2a`, and of `agentnet` the A2A client and what its events add up to. Start with
`contact`, then `following`.
"""
