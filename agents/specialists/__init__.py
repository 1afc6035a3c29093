"""The bundled specialists, one folder each, and the service that runs a specialist's folder.

May import `agentnet` and `cards`, never another service. Start with `service`.
"""
