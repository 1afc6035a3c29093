"""Who is out there, as the registry tells: the client of the registry's API.

May import `agentnet.identity`. Start with `directory`.
"""
