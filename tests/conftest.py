"""One embedded PostgreSQL for the session."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentnet.database.embedded import EmbeddedPostgres
from agentnet.database.migrate import migrate


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    # Not pytest's own directory: PostgreSQL runs as its own user and cannot reach below a private one.
    with tempfile.TemporaryDirectory(prefix="agentnet-test-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        embedded = EmbeddedPostgres(Path(home))
        url = embedded.start()
        migrate(url)
        yield url
        embedded.stop()
