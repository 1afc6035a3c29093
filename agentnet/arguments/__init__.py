"""The arguments of tools: told to models in the one form that all of them take, and what models give read, put right
and held against the tool's own schema. May import `agentnet.mcp`, and knows no SDK. Start with `form`.
"""
