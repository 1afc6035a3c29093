"""The connection that a stream of statements keeps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from agentnet.database import Database
from agentnet.database.retry import DATABASE_AWAY
from agentnet.settings import Settings
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(Settings(home=tmp_path, database_url=database_url))
    yield database
    await database.close()


async def test_a_statement_after_a_broken_connection_finds_a_new_one(database: Database) -> None:
    line = database.line()
    [first] = await line.fetch("SELECT pg_backend_pid() AS pid")
    await database.pool.execute("SELECT pg_terminate_backend($1)", first["pid"])
    pid = first["pid"]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while pid == first["pid"]:  # the server ends it a moment later, in a statement or between two
            with suppress(*DATABASE_AWAY):
                [(pid,)] = await line.fetch("SELECT pg_backend_pid() AS pid")


async def test_a_wrong_statement_does_not_cost_the_connection(database: Database) -> None:
    line = database.line()
    [first] = await line.fetch("SELECT pg_backend_pid() AS pid")
    with pytest.raises(asyncpg.UndefinedTableError):
        await line.fetch("SELECT * FROM nothing_of_that_name")
    [second] = await line.fetch("SELECT pg_backend_pid() AS pid")
    assert second["pid"] == first["pid"]


async def test_a_statement_planned_on_an_empty_table_reads_by_index_when_it_is_full(database: Database) -> None:
    line = database.line()
    await line.fetch("CREATE TEMP TABLE full_soon (id int PRIMARY KEY, value int)")
    [(before,)] = await line.fetch(COUNT_SCANS)
    await line.fetch("INSERT INTO full_soon SELECT n, 0 FROM generate_series(1, 5000) AS n")
    update = "UPDATE full_soon SET value = 1 FROM unnest($1::int[]) AS w(id) WHERE full_soon.id = w.id RETURNING w.id"
    assert len(await line.fetch(update, [7, 11])) == 2
    assert [after for (after,) in await line.fetch(COUNT_SCANS)] == [before]


COUNT_SCANS = "SELECT pg_stat_get_xact_numscans('full_soon'::regclass) + pg_stat_get_numscans('full_soon'::regclass)"
