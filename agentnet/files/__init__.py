"""Files that tasks work with, stored in PostgreSQL and named by a URI.

May import `agentnet.database`. Start with `store`.
"""
