"""The wire of model endpoints: what they send is repaired here, before the SDK reads it, and what they refuse is left
out of what they are sent. May import `agentnet.http` and `agentnet.models.endpoints`. Start with `client`, then `body`
and `chat`; `quirks` lists what is repaired, `refused` what is left out.
"""
