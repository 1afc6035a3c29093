"""Every test gets its own runtime and an empty registry."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentnet.process.runtime import Runtime
from agentnet.settings import Settings


@pytest.fixture
async def runtime(database_url: str, tmp_path: Path) -> AsyncIterator[Runtime]:
    settings = Settings(home=tmp_path, database_url=database_url, registry_port=0)
    async with Runtime.open(settings) as runtime:
        database = await runtime.database()
        await database.pool.execute("TRUNCATE registry_entries, registry_leases, registry_known")
        yield runtime
