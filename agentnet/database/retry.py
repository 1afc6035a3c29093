"""What it looks like when PostgreSQL is away for a moment, and how to wait for it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import asyncpg

from agentnet.errors import DatabaseAwayError

logger = logging.getLogger(__name__)

DATABASE_AWAY: tuple[type[Exception], ...] = (
    OSError,  # refused, reset, timed out
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, crashed
    asyncpg.InsufficientResourcesError,  # too many connections for now
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    asyncpg.ReadOnlySQLTransactionError,  # a standby that is being promoted
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a query raises when PostgreSQL is away or made room for another, and not the query wrong."""

STARTING: tuple[type[Exception], ...] = (
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
    ConnectionResetError,
)
"""What a connection meets while PostgreSQL starts, recovers or shuts down; refused means that nobody is there."""

SHORT_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between tries while a client waits."""
LONG_PAUSES = (*SHORT_PAUSES, *(2.0 for _ in range(15)))
"""Seconds between tries of what a run in progress needs: a restart or a failover is waited for."""

Answer = TypeVar("Answer")


async def retried(call: Callable[[], Awaitable[Answer]], pauses: Sequence[float] = SHORT_PAUSES) -> Answer:
    """`call`, again while PostgreSQL is away. Only for what may be done twice. Raises `DatabaseAwayError`."""
    for pause in pauses:
        try:
            return await call()
        except DATABASE_AWAY as error:
            logger.info("database: trying again in %.2f s: %s: %s", pause, type(error).__name__, error)
            await asyncio.sleep(pause)
    return await once(call)


async def once(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """`call`, with PostgreSQL's absence said in our words. Raises `DatabaseAwayError`: it may have been done or not."""
    try:
        return await call()
    except DATABASE_AWAY as error:
        raise away() from error


def away() -> DatabaseAwayError:
    """What callers are told."""
    return DatabaseAwayError("The database does not answer; try again in a moment.")
