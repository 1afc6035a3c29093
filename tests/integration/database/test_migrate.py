"""Migrations: of several processes at once, and beside those that work."""

import asyncio

import asyncpg
import pytest

from agentnet.database.migrate import migrate

pytestmark = pytest.mark.anyio

SEEN = "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'tasks'::regclass AND indisvalid ORDER BY 1"
COLUMNS = "SELECT pg_get_indexdef('tasks_list'::regclass)"


async def test_several_processes_may_migrate_at_once_and_indexes_are_built_beside_a_writer(new_database: str) -> None:
    connection = await asyncpg.connect(new_database)
    indexes = await connection.fetch(SEEN)
    await asyncio.to_thread(downgrade, new_database, "0009")
    assert "state" not in await connection.fetchval(COLUMNS)
    # What a build that was killed leaves behind.
    await connection.execute("CREATE INDEX tasks_list_new ON tasks (tenant)")
    writer = connection.transaction()
    await writer.start()
    await connection.execute("INSERT INTO retention_turns (id, at) VALUES (1, now())")
    both = [asyncio.to_thread(migrate, new_database) for _ in range(2)]
    running = asyncio.gather(*both)
    await writer.commit()
    await running
    assert await connection.fetch(SEEN) == indexes
    assert "state" in await connection.fetchval(COLUMNS)
    await connection.close()


def downgrade(url: str, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    from agentnet.database.migrate import MIGRATIONS

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    command.downgrade(config, revision)
