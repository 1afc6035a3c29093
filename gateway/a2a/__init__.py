"""The A2A side of the door: requests go to a live instance of an agent as bytes, and cards lead back here.

May import `gateway.http`, and of `agentnet` what tells of agents and callers. Start with `relay`; `catalog` knows the
agents, `upstream` chooses the instance.
"""
