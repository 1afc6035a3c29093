import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from agentnet.database.migrate import migrate


@pytest.fixture
async def new_database(database_url: str) -> AsyncIterator[str]:
    """The URL of a database with nothing but its tables."""
    name = f"retention_{uuid4().hex[:8]}"
    server = await asyncpg.connect(database_url)
    await server.execute(f"CREATE DATABASE {name}")
    url = urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))
    await asyncio.to_thread(migrate, url)
    yield url
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()
