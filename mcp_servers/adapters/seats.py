"""One connection for each key, opened when it is needed: what a server keeps for one is not another's to see."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import mcp

from agentnet.errors import BusyError, UnavailableError
from agentnet.mcp.connection import McpConnection, Open
from mcp_servers.adapters.audience import Key

MAX_SEATS = 32
IDLE_SECONDS = 600.0
SWEEP_SECONDS = 30.0
CONNECT_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
PATIENCE_SECONDS = 2.0
"""A pause that ends so soon is waited for; a longer one refuses the call."""
STEADY_SECONDS = 10.0
"""A connection that lived so long was a good one: the next pause is the first again."""

logger = logging.getLogger(__name__)


class _Seat:
    """A connection, and how the ones before it fared."""

    def __init__(self) -> None:
        self.connection: McpConnection | None = None
        self.uses = 0
        self._opening = asyncio.Lock()
        self.used_at = time.monotonic()
        self._opened_at = 0.0
        self._failures = 0
        self._not_before = 0.0

    async def open(self, label: str, open_client: Open) -> McpConnection:
        """The connection, made anew if it broke. Raises `UnavailableError` while a restart is put off."""
        async with self._opening:
            if self.connection is not None and self.connection.broken:
                await self.fail()
            if self.connection is None:
                await self._wait(label)
                self._opened_at = time.monotonic()
                self.connection = McpConnection(label, open_client, connect_seconds=CONNECT_SECONDS)
            return self.connection

    async def _wait(self, label: str) -> None:
        wait = self._not_before - time.monotonic()
        # A command that dies at once would else be started with every call.
        if wait > PATIENCE_SECONDS:
            raise UnavailableError(f"{label} broke and is started again in {wait:.1f} s.", retry_after=wait)
        await asyncio.sleep(max(0.0, wait))

    async def fail(self) -> None:
        """The connection is of no use: put the next one off, longer each time."""
        broken, self.connection = self.connection, None
        if broken is None:
            return
        now = time.monotonic()
        self._failures = 0 if now - self._opened_at > STEADY_SECONDS else self._failures + 1
        if self._failures > 1:
            pause = FIRST_PAUSE_SECONDS * 2 ** min(self._failures - 2, 20)
            self._not_before = now + min(pause, LONGEST_PAUSE_SECONDS)
        await broken.close()

    async def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            await connection.close()


class Seats:
    """The connections to one server. An idle one is closed unless it is `wanted`. Runs within `running()`."""

    def __init__(
        self, label: str, open_for: Callable[[Key], Open], wanted: Callable[[Key], bool], *, limit: int = MAX_SEATS
    ) -> None:
        self._label = label
        self._open_for = open_for
        self._wanted = wanted
        self._limit = limit
        self._seats: dict[Key, _Seat] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Close idle connections meanwhile, and all of them at the end."""
        sweeper = asyncio.create_task(self._sweep_forever(), name=f"sweep {self._label}")
        try:
            yield
        finally:
            sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await sweeper
            await asyncio.gather(*(seat.close() for seat in self._seats.values()))

    @asynccontextmanager
    async def client(self, key: Key) -> AsyncIterator[tuple[mcp.Client, McpConnection]]:
        """The client for one call, and its connection. Raises `UnavailableError`, and `BusyError` when all seats are
        taken."""
        seat, evicted = self._take(key)
        try:
            if evicted is not None:
                await evicted.close()
            connection = await seat.open(self._label, self._open_for(key))
            try:
                client = await connection.client()
            except UnavailableError:
                # Another call may have seen it first, and made a new one.
                if seat.connection is connection:
                    await seat.fail()
                raise
            yield client, connection
        finally:
            seat.uses -= 1
            seat.used_at = time.monotonic()

    async def close(self, key: Key) -> None:
        """Close a connection that nobody will use any more."""
        if seat := self._seats.pop(key, None):
            await seat.close()

    def _take(self, key: Key) -> tuple[_Seat, _Seat | None]:
        """The seat, in use from now on, and the one that had to go for it."""
        evicted = None
        if key not in self._seats:
            if len(self._seats) >= self._limit:
                evicted = self._seats.pop(self._longest_idle())
            self._seats[key] = _Seat()
        self._seats[key].uses += 1
        return self._seats[key], evicted

    def _longest_idle(self) -> Key:
        idle = [(seat.used_at, key) for key, seat in self._seats.items() if not seat.uses]
        if not idle:
            raise BusyError(f"{self._label} has {self._limit} connections in use.", retry_after=SWEEP_SECONDS)
        return min(idle)[1]

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            limit = time.monotonic() - IDLE_SECONDS
            for key, seat in list(self._seats.items()):
                if not seat.uses and seat.used_at < limit and not self._wanted(key):
                    logger.info("closing the idle connection of %s", self._label)
                    await self.close(key)
