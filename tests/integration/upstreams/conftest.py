"""A database with the tables, for the store."""

from collections.abc import AsyncIterator

import pytest

from agentnet.database import Database
from agentnet.settings import Settings


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(Settings(database_url=database_url, _env_file=None))
    yield opened
    await opened.close()
