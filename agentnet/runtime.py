"""What the services of one process share: settings, tokens, one HTTP pool, the database, the directory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from agentnet.database import Database
from agentnet.directory import Directory
from agentnet.identity.keys import Keys
from agentnet.identity.secret import signing_secret
from agentnet.identity.tokens import Tokens
from agentnet.settings import Settings

CONNECT_SECONDS = 5.0
IDLE_READ_SECONDS = 300.0
POOL_CONNECTIONS = 512


class Runtime:
    """Open with `Runtime.open`. The database is opened by the first service that asks for it."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        self.settings = settings
        self.http = http
        self.tokens = Tokens(signing_secret(settings))
        self._database: Database | None = None
        self._keys: Keys | None = None
        self._opening = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["Runtime"]:
        """A runtime that is closed with the block."""
        limits = httpx.Limits(max_connections=POOL_CONNECTIONS, max_keepalive_connections=POOL_CONNECTIONS)
        timeout = httpx.Timeout(IDLE_READ_SECONDS, connect=CONNECT_SECONDS)
        async with httpx.AsyncClient(limits=limits, timeout=timeout, trust_env=False) as http:
            runtime = cls(settings, http)
            try:
                yield runtime
            finally:
                await runtime.close()

    async def database(self) -> Database:
        """The database of this process. Raises `UnavailableError` when it does not answer."""
        async with self._opening:
            if self._database is None:
                self._database = await Database.open(self.settings)
            return self._database

    async def keys(self) -> Keys:
        """The API keys, with one cache for the process."""
        database = await self.database()
        if self._keys is None:
            self._keys = Keys(database)
        return self._keys

    def directory(self, service: str) -> Directory:
        """The registry's client for the service of that name."""
        return Directory(self.settings.registry_base_url, self.http, self.tokens, service)

    async def close(self) -> None:
        """Close what was opened."""
        if self._database is not None:
            database, self._database = self._database, None
            await database.close()
