"""PostgreSQL: the embedded server, the connections of a process, the tables and their migrations.

Imports no other folder. Start with `connections`; `tables` is what is stored.
"""

from agentnet.database.connections import Database

__all__ = ["Database"]
