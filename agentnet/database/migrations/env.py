"""Alembic's entry: one advisory lock for all migrations, a transaction for each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from agentnet.database import tables, tables_mcp, tables_upstreams
from agentnet.database.migrate import LOCK_KEY

assert tables and tables_mcp and tables_upstreams  # imported so that their tables are in SQLModel.metadata


LOOK_SECONDS = 0.2
END_OF_STATEMENT = "SELECT 1"
"""A simple query drops the one before it, which with its parameters would stay open, and its snapshot with it."""


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=SQLModel.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


@asynccontextmanager
async def _turn(url: str) -> AsyncIterator[None]:
    """Hold the advisory lock on a connection of its own: an index that is built while others write, by a migration,
    can be in no transaction, and waits for everyone who has a snapshot.

    So who waits here asks time and again, and not within a statement, and who holds the lock has ended its own. The
    lock is of a transaction: it is gone with the process that held it, also through a pooler.
    """
    holder = await asyncpg.connect(url)
    try:
        async with holder.transaction():
            while not await holder.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK_KEY):
                await holder.execute(END_OF_STATEMENT)
                await asyncio.sleep(LOOK_SECONDS)
            await holder.execute(END_OF_STATEMENT)
            yield
    finally:
        await holder.close()


async def _main() -> None:
    url = context.config.attributes["url"]
    async with _turn(url):
        engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool)
        async with engine.connect() as connection:
            await connection.run_sync(_run)
            await connection.commit()
        await engine.dispose()


asyncio.run(_main())
