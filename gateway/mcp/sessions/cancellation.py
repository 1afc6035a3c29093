"""Calls of legacy sessions that run now, so that a client can cancel one through any replica.

A cancellation is stored for the replica that serves the call, and a signal tells of it; without the signal it is found
a little later.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

from agentnet.database import Database
from agentnet.database.retry import DATABASE_AWAY
from agentnet.signals import LOOK_SECONDS, Signal, Signals, Topic
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.jsonrpc import write
from gateway.mcp.messages.session import Session
from gateway.mcp.sessions import sql

logger = logging.getLogger(__name__)

KEPT_SECONDS = 60.0
"""How long a cancellation stays for the replica that serves the call."""
MAX_CANCELS = 256
"""Of one session that are kept."""
REQUEST_CANCELLED = -32800
"""As the SDKs end the stream of a legacy call that its client cancelled."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One that this process serves."""

    exchange: Exchange
    session: str
    task: "asyncio.Task[object]"

    def cancel(self) -> None:
        """End it: its client wants no answer any more."""
        self.exchange.is_cancelled = True
        self.task.cancel()


class Running:
    """Knows the calls of this process; hears of cancellations in all."""

    def __init__(self, database: Database, signals: Signals) -> None:
        self._pool = database.pool
        self._signals = signals
        self._calls: dict[str, Call] = {}
        self._looking: asyncio.Task[None] | None = None
        signals.listen(Topic.MCP_CANCELLED, self._heard)

    @contextmanager
    def call(self, exchange: Exchange) -> Iterator[None]:
        """The current task serves `exchange` while the block runs."""
        task = asyncio.current_task()
        if exchange.session is None or task is None:
            yield
            return
        key = _key(exchange.session, exchange.id)
        entry = self._calls[key] = Call(exchange, exchange.session.id, task)
        if self._looking is None:
            self._looking = asyncio.create_task(self._keep_looking(), name="mcp cancellations")
        try:
            yield
        finally:
            if self._calls.get(key) is entry:  # a call that is resumed here has taken its place
                del self._calls[key]

    async def cancel(self, session: Session, identifier: str | int) -> None:
        """The client cancels its request, wherever it runs."""
        key = _key(session, identifier)
        try:
            await self._pool.execute(sql.PUT_CANCEL, session.id, key, KEPT_SECONDS, MAX_CANCELS)
        except DATABASE_AWAY as error:
            logger.info("a cancellation is told by signal only: %r", error)
        self._signals.publish(Signal(Topic.MCP_CANCELLED, key))

    async def stop(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except DATABASE_AWAY as error:
                logger.info("cancellations are not looked for: %r", error)
            except Exception:  # the boundary of a task that nobody awaits
                logger.exception("cancellations are not looked for")

    async def _look(self) -> None:
        """Cancel what was cancelled since it came: a client may use the id of an ended call again."""
        if not self._calls:
            return
        sessions = list({call.session for call in self._calls.values()})
        asked = time.monotonic()  # an answer that comes late makes no call older than a cancellation before it
        for row in await self._pool.fetch(sql.GET_CANCELS, sessions):
            call = self._calls.get(row["call"])
            if call is not None and asked - call.exchange.arrived > row["age"]:
                call.cancel()

    def _heard(self, key: str) -> None:
        found = self._calls.get(key)
        if found is not None:
            found.cancel()


def _key(session: Session, identifier: str | int) -> str:
    """Short whatever id the client made, for signals and indexes have limits; JSON keeps numbers and texts apart."""
    return f"{session.id} {sha256(write(identifier)).hexdigest()}"
