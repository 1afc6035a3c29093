"""What the services of one process share: settings, tokens, one HTTP pool, the database, the directory."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import UUID

import httpx

from agentnet.database import Database
from agentnet.database.address import REDIS, check_address, unreadable
from agentnet.discovery.directory import Directory
from agentnet.identity.keys import Keys
from agentnet.identity.sealing import Seal
from agentnet.identity.secret import signing_secret
from agentnet.identity.tokens import Tokens
from agentnet.settings import Settings
from agentnet.signals import Signals, Topic

if TYPE_CHECKING:
    from agentnet.models import Models
    from agentnet.push.service import Push
    from agentnet.retention.sweeper import Sweeper
    from agentnet.tasks.store import TaskStore
    from agentnet.upstreams.upstreams import Upstreams

CONNECT_SECONDS = 5.0
IDLE_READ_SECONDS = 300.0
POOL_CONNECTIONS = 512

Stop = Callable[[], Awaitable[None]]


class Runtime:
    """Open with `Runtime.open`. The database is opened by the first service that asks for it."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        self.settings = settings
        self.http = http
        secret = signing_secret(settings)
        self.tokens = Tokens(secret)
        self.seal = Seal(secret)
        self._database: Database | None = None
        self._keys: Keys | None = None
        self._tasks: TaskStore | None = None
        self._signals: Signals | None = None
        self._models: Models | None = None
        self._push: Push | None = None
        self._retention: Sweeper | None = None
        self._upstreams: Upstreams | None = None
        self._stops: list[Stop] = []
        self._opening = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["Runtime"]:
        """A runtime that is closed with the block."""
        limits = httpx.Limits(max_connections=POOL_CONNECTIONS, max_keepalive_connections=POOL_CONNECTIONS)
        timeout = httpx.Timeout(IDLE_READ_SECONDS, connect=CONNECT_SECONDS)
        # One for the process: a client costs 30 to 55 ms to make. Services are not called through the user's proxy.
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

    async def signals(self) -> Signals:
        """The signals between this process and the others of the network."""
        database = await self.database()
        if self._signals is None:
            self._signals = _signals(self.settings, database.url)
            await self._signals.start()
        return self._signals

    async def tasks(self) -> "TaskStore":
        """The task store of this process: one for all its agents, so that their writes go out together."""
        database, signals = await self.database(), await self.signals()
        if self._tasks is None:
            from agentnet.tasks.store import TaskStore

            # New at every start: a process that came back under an old name would take that one's leases for its own.
            owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
            store = self._tasks = TaskStore(database, owner, self.settings.lease_seconds)

            signals.listen(Topic.TASK, lambda task_id: store.feeds.signal(UUID(task_id)))
        return self._tasks

    async def push(self) -> "Push":
        """Push notifications of this process: one deliverer for all its agents."""
        database, store = await self.database(), await self.tasks()
        if self._push is None:
            from agentnet.push.service import Push

            self._push = Push(database, store, self.settings, self.seal)
            await self._push.open()
            self.before_stop(self._push.close)
        return self._push

    async def retention(self) -> "Sweeper":
        """The sweeper of this process."""
        database = await self.database()
        if self._retention is None:
            from agentnet.retention.rules import Rules
            from agentnet.retention.sweeper import Sweeper

            self._retention = Sweeper(database, Rules(database, self.settings))
            await self._retention.open()
            self.before_stop(self._retention.close)
        return self._retention

    async def upstreams(self) -> "Upstreams":
        """The upstream MCP servers, with one cache of tokens for the process. Raises `ConfigurationError`."""
        database = await self.database()
        if self._upstreams is None:
            from agentnet.upstreams.upstreams import Upstreams

            self._upstreams = Upstreams(database, self.seal, self.settings)
        return self._upstreams

    def models(self) -> "Models":
        """The models of this process, over one HTTP client."""
        if self._models is None:
            from agentnet.models import model_provider

            self._models = model_provider(self.settings)
        return self._models

    def before_stop(self, stop: Stop) -> None:
        """Call `stop` as soon as this process begins to stop, before connections are waited for."""
        self._stops.append(stop)

    async def stop(self) -> None:
        """Give back what others could go on with. Once; further calls do nothing."""
        stops, self._stops = self._stops, []
        if self._tasks is not None:
            self._tasks.feeds.close_all()
        # Whatever one of them fails of, the others give back what they hold.
        await asyncio.gather(*(stop() for stop in stops), return_exceptions=True)

    def directory(self, service: str) -> Directory:
        """The registry's client for the service of that name."""
        return Directory(self.settings.registry_base_url, self.http, self.tokens, service)

    async def close(self) -> None:
        """Close what was opened."""
        await self.stop()
        if self._push is not None:
            await self._push.close()
        if self._upstreams is not None:
            await self._upstreams.close()
        if self._models is not None:
            await self._models.aclose()
        if self._signals is not None:
            await self._signals.close()
        if self._database is not None:
            database, self._database = self._database, None
            await database.close()


def _signals(settings: Settings, database_url: str) -> Signals:
    from agentnet.signals.postgres import PostgresSignals

    origin = secrets.token_hex(8)
    over_postgres = PostgresSignals(database_url, origin)
    if not settings.redis_url:
        return over_postgres
    from agentnet.signals.redis import RedisSignals  # its library is 20 MB and half a second

    check_address(settings.redis_url, REDIS)
    try:
        return RedisSignals(settings.redis_url, origin, over_postgres)
    except ValueError as error:  # in words that may repeat the address
        raise unreadable(error, REDIS) from None
