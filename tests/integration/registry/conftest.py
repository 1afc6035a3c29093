"""One embedded PostgreSQL for the session; every test gets its own runtime and an empty registry."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agentnet.database.embedded import EmbeddedPostgres
from agentnet.runtime import Runtime
from agentnet.settings import Settings


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    # Not pytest's own directory: PostgreSQL runs as its own user and cannot reach below a private one.
    with tempfile.TemporaryDirectory(prefix="agentnet-test-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        embedded = EmbeddedPostgres(Path(home))
        url = embedded.start()
        yield url
        embedded.stop()


@pytest.fixture
async def runtime(database_url: str, tmp_path: Path) -> AsyncIterator[Runtime]:
    settings = Settings(home=tmp_path, database_url=database_url, registry_port=0)
    async with Runtime.open(settings) as runtime:
        database = await runtime.database()
        await database.pool.execute("TRUNCATE registry_entries")
        yield runtime
