import asyncio
from pathlib import Path

import pytest

from agentnet.errors import TooLargeError
from mcp_servers.data.models import Job, Query
from mcp_servers.data.sandbox import Sandbox

pytestmark = pytest.mark.anyio


def job(sql, seconds=5.0, megabytes=64):
    return Job(tables=(), request=Query(sql=sql, limit=5), seconds=seconds, memory_bytes=megabytes << 20)


@pytest.fixture
async def sandbox():
    sandbox = Sandbox()
    yield sandbox
    await sandbox.close()


async def test_more_jobs_than_workers_are_all_done(sandbox):
    outcomes = await asyncio.gather(*(sandbox.run(job(f"SELECT {number}")) for number in range(8)))
    assert [outcome.grid.rows[0][0] for outcome in outcomes] == list(range(8))


async def test_memory_that_the_database_does_not_count_ends_the_worker_and_nothing_else(sandbox):
    with pytest.raises(TooLargeError):
        await sandbox.run(job("SELECT length(repeat('x', 1000000000)) FROM range(10)"))
    assert (await sandbox.run(job("SELECT 1"))).grid.rows == [[1]]


async def test_a_worker_inherits_no_secret(sandbox, monkeypatch):
    start, started = asyncio.create_subprocess_exec, asyncio.get_running_loop().create_future()

    async def noted(*command, **how):
        started.set_result(await start(*command, **how))
        return await started

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/db")
    sandbox.prepare()
    process = await started
    assert b"secret" not in Path(f"/proc/{process.pid}/environ").read_bytes()
