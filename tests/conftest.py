"""One PostgreSQL for the session: a new database on the server of `DATABASE_URL`, or else an embedded server."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from agentnet.database.embedded import EmbeddedPostgres
from agentnet.database.migrate import migrate

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def database_of_our_own() -> Iterator[str | None]:
    """Where `DATABASE_URL` is set, it leads to a new database from here on: tests leave no trace in the user's."""
    server = os.environ.get("DATABASE_URL")
    if not server:
        yield None
        return
    name = f"agentnet_test_{uuid4().hex}"
    asyncio.run(_execute(server, f"CREATE DATABASE {name}"))
    os.environ["DATABASE_URL"] = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    yield os.environ["DATABASE_URL"]
    os.environ["DATABASE_URL"] = server
    asyncio.run(_execute(server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def database_url(database_of_our_own: str | None) -> Iterator[str]:
    if database_of_our_own:
        migrate(database_of_our_own)
        yield database_of_our_own
        return
    with _embedded() as url:
        migrate(url)
        yield url


@contextmanager
def _embedded() -> Iterator[str]:
    # Not pytest's own directory: PostgreSQL runs as its own user and cannot reach below a private one.
    with tempfile.TemporaryDirectory(prefix="agentnet-test-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        embedded = EmbeddedPostgres(Path(home))
        yield embedded.start()
        embedded.stop()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
