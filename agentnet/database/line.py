"""A connection of its own for statements that follow one another: nothing is acquired, and plans suit small batches."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from agentnet.database.retry import DATABASE_AWAY

CONNECT_TIMEOUT_SECONDS = 10.0
COMMAND_TIMEOUT_SECONDS = 30.0
PLANNING = """
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off
"""
"""Each statement is planned once, and by index: planned on an empty table, it would read the whole table ever after."""


class Line:
    """One statement at a time. What breaks the connection is raised; the next statement makes a new one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def fetch(self, statement: str, *arguments: Any) -> Sequence[asyncpg.Record]:
        """The rows of a prepared statement. Raises what asyncpg raises."""
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = self._connection = await self._connect()
        try:
            rows: Sequence[asyncpg.Record] = await connection.fetch(statement, *arguments)
        except DATABASE_AWAY:
            self._drop()
            raise
        return rows

    async def close(self) -> None:
        """Close the connection; a later statement would open it anew."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(timeout=CONNECT_TIMEOUT_SECONDS)

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        connection = await asyncpg.connect(
            self._url, timeout=CONNECT_TIMEOUT_SECONDS, command_timeout=COMMAND_TIMEOUT_SECONDS
        )
        await connection.execute(PLANNING)
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
