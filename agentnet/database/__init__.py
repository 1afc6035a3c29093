"""PostgreSQL: the embedded server, the connections of a process, the tables and their migrations."""

from agentnet.database.connections import Database

__all__ = ["Database"]
