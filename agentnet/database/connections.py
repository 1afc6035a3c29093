"""The connections of one process: an asyncpg pool, and those that some statements have for themselves."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import asyncpg

from agentnet.database.address import POSTGRES, check_address, safe_url, unreadable
from agentnet.database.embedded import EmbeddedPostgres
from agentnet.database.line import COMMAND_TIMEOUT_SECONDS, CONNECT_TIMEOUT_SECONDS, Line
from agentnet.database.migrate import applied, migrate, newest
from agentnet.database.retry import STARTING
from agentnet.errors import UnavailableError
from agentnet.settings import Settings

logger = logging.getLogger(__name__)

STARTING_SECONDS = 60.0
"""How long a server that says that it is starting is waited for."""
STARTING_PAUSE_SECONDS = 0.5


class Database:
    """Open with `Database.open`; `pool` is asyncpg's, of connections that are all prepared alike.

    `line()` is a connection kept for statements that follow one another.
    """

    def __init__(self, url: str, pool: "asyncpg.Pool[asyncpg.Record]", embedded: EmbeddedPostgres | None) -> None:
        self.url = url
        self.pool = pool
        self._embedded = embedded
        self._lines: list[Line] = []
        self._apart: list[asyncpg.Pool[asyncpg.Record]] = []

    @classmethod
    async def open(cls, settings: Settings, *, migrating: bool = True) -> "Database":
        """Connect, starting the embedded server when no URL is set, and bring the tables up to date if `migrating`.

        A server that is starting or recovering is waited for. Raises `UnavailableError` when it does not answer.
        """
        embedded = None if settings.database_url else EmbeddedPostgres(settings.home)
        if settings.database_url:
            check_address(settings.database_url, POSTGRES)
        url = await asyncio.to_thread(embedded.start) if embedded else str(settings.database_url)
        # The one form that asyncpg and the migrations both read.
        url = f"postgresql://{url.partition('://')[2]}"
        try:
            pool = await _when_started(lambda: _connected(url, settings.database_pool, migrating))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            if embedded:
                await asyncio.to_thread(embedded.stop)
            raise UnavailableError(
                f"PostgreSQL at {safe_url(url)} cannot be used: {_reason(error)}.",
                hint="Check DATABASE_URL, or unset it to use the embedded PostgreSQL.",
            ) from error
        except (
            ValueError,
            TypeError,
        ) as error:  # what a library has against the address it says in words that may hold it
            raise unreadable(error, POSTGRES) from None
        return cls(url, pool, embedded)

    def line(self) -> Line:
        """A connection of its own, made at its first use and closed with the database."""
        line = Line(self.url)
        self._lines.append(line)
        return line

    async def pool_apart(self, size: int, statement_seconds: float) -> "asyncpg.Pool[asyncpg.Record]":
        """A pool of its own, closed with the database, for statements that may be slow: they take nobody's place.

        The server ends each after so many seconds, which raises `asyncpg.QueryCanceledError`.
        """
        pool = await _pool(self.url, 1, size, {"statement_timeout": f"{statement_seconds * 1000:.0f}"})
        self._apart.append(pool)
        return pool

    async def close(self) -> None:
        """Close every connection, then stop the embedded server if this process was its last user."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                await asyncio.gather(*(line.close() for line in self._lines))
                await asyncio.gather(*(pool.close() for pool in (self.pool, *self._apart)))
        except TimeoutError:
            for pool in (self.pool, *self._apart):
                pool.terminate()  # `close` waits for every statement, also on a server that does not answer any more
        if self._embedded is not None:
            await asyncio.to_thread(self._embedded.stop)


async def _when_started(
    connect: Callable[[], Awaitable["asyncpg.Pool[asyncpg.Record]"]],
) -> "asyncpg.Pool[asyncpg.Record]":
    """What `connect` makes, once PostgreSQL has started, recovered, or taken longer than we wait."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + STARTING_SECONDS
    while True:
        try:
            return await connect()
        except STARTING as error:
            if loop.time() > deadline:
                raise
            logger.warning("database: waiting for it to start: %s", _reason(error))
            await asyncio.sleep(STARTING_PAUSE_SECONDS)


async def _connected(url: str, size: int, migrating: bool) -> "asyncpg.Pool[asyncpg.Record]":
    pool = await _pool(url, 2, size, {})
    try:
        if migrating and await applied(pool) != newest():
            await asyncio.to_thread(migrate, url)
    except BaseException:
        pool.terminate()
        raise
    return pool


async def _pool(url: str, least: int, most: int, settings: dict[str, str]) -> "asyncpg.Pool[asyncpg.Record]":
    return await asyncpg.create_pool(
        url,
        min_size=least,
        max_size=most,
        server_settings=settings,
        timeout=CONNECT_TIMEOUT_SECONDS,
        command_timeout=COMMAND_TIMEOUT_SECONDS,
        max_inactive_connection_lifetime=0,  # kept: a new connection costs more than all that an idle one does
        init=_prepare,
        reset=_keep,
    )


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Plan each prepared statement once: planning one anew for its arrays takes longer than running it.

    By index, where there is one: planned on a table that is small today, it would read all of a large one later.
    And as it is: to compile a plan takes longer than our statements do.
    """
    await connection.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off")


async def _keep(_connection: object) -> None:
    """No reset between uses: we set no session state, and a reset is a round trip."""


def _reason(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
