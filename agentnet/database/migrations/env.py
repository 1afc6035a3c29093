"""Alembic's entry: one asyncpg connection, one advisory lock, one transaction."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from agentnet.database import tables, tables_mcp, tables_upstreams
from agentnet.database.migrate import LOCK_KEY

assert tables and tables_mcp and tables_upstreams  # imported so that their tables are in SQLModel.metadata


def _run(connection: Connection) -> None:
    # Of the transaction: it is gone with the process that held it, also through a pooler.
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    context.configure(connection=connection, target_metadata=SQLModel.metadata)
    context.run_migrations()


async def _main() -> None:
    url = context.config.attributes["url"].replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_run)
    finally:
        await engine.dispose()


asyncio.run(_main())
