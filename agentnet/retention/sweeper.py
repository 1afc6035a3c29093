"""The sweeper: forgets ended tasks by their tenants' rules. Every process may have one; they take turns."""

import asyncio
import logging
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from agentnet.database import Database
from agentnet.database.retry import DATABASE_AWAY
from agentnet.retention import sql
from agentnet.retention.rules import STATES, Rule, Rules

logger = logging.getLogger(__name__)

TURN_SECONDS = 600.0
"""From one sweep of the network to the next."""
GRACE_SECONDS = 3600.0
"""However small a rule's numbers are: an answer stays so long, for clients that come back for it."""
PAGE_TREES = 500
BATCH_EVENTS = 5000
"""Events that one transaction deletes at most; a tree that has more goes alone."""
PAUSE_SECONDS = 0.1
"""Between two batches, in which the database is others'."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DATABASE_ERRORS: tuple[type[Exception], ...] = (*DATABASE_AWAY, asyncpg.PostgresError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Tree:
    """A root that may go, with all that it delegated."""

    root: UUID
    ended_at: datetime
    tasks: list[UUID]
    events: int
    shut: bool
    """Whether all of its tasks have ended."""


class Sweeper:
    """Open it to sweep every `turn_seconds`, whichever process's turn it is."""

    def __init__(
        self,
        database: Database,
        rules: Rules,
        *,
        turn_seconds: float = TURN_SECONDS,
        grace_seconds: float = GRACE_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
        batch_events: int = BATCH_EVENTS,
    ) -> None:
        self._pool = database.pool
        self._rules = rules
        self._turn_seconds = turn_seconds
        self._grace_seconds = grace_seconds
        self._pause_seconds = pause_seconds
        self._batch_events = batch_events
        self._loop: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to sweep."""
        self._loop = asyncio.create_task(self._forever(), name="retention")

    async def close(self) -> None:
        """Stop; a batch under way is undone, and another process goes on in its turn."""
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
            self._loop = None

    async def _forever(self) -> None:
        while True:
            try:
                if await self._rules.any() and await self._pool.fetchval(sql.TAKE_TURN, self._turn_seconds):
                    gone = await self.sweep()
                    logger.log(logging.INFO if gone else logging.DEBUG, "retention: %d tasks forgotten", gone)
            except DATABASE_ERRORS as error:
                logger.warning("retention: database: %s: %s", type(error).__name__, error)
            await asyncio.sleep(self._turn_seconds * random.uniform(0.5, 1.0))  # noqa: S311

    async def sweep(self) -> int:
        """Forget all that is to go now; answers how many tasks that were."""
        gone = 0
        for tenant, agent in await self._pool.fetch(sql.AGENTS):
            for state, held in (await self._rules.of(tenant)).items():
                if not held.rule.keeps_all:
                    gone += await self._sweep_state(tenant, agent, STATES[state], held.rule)
        return gone

    async def _sweep_state(self, tenant: str, agent: str, state: int, rule: Rule) -> int:
        cutoff = await self._pool.fetchval(sql.CUTOFF, tenant, agent, state, rule.days, rule.count, self._grace_seconds)
        gone, ended_at, root = 0, EPOCH, UUID(int=0)
        while cutoff is not None:
            rows = await self._pool.fetch(sql.TREES, tenant, agent, state, cutoff, ended_at, root, PAGE_TREES)
            trees = [Tree(*row.values()) for row in rows]
            for batch in batches([tree for tree in trees if tree.shut], self._batch_events):
                gone += await self._forget(batch)
                await asyncio.sleep(self._pause_seconds)
            if len(trees) < PAGE_TREES:
                break
            ended_at, root = trees[-1].ended_at, trees[-1].root
        return gone

    async def _forget(self, tasks: list[UUID]) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            # What somebody else has locked just now is left for the next turn.
            locked = [row["id"] for row in await connection.fetch(sql.LOCK, tasks)]
            await connection.execute(sql.FORGET, locked, self._grace_seconds)
        return len(locked)


def batches(trees: Sequence[Tree], most: int) -> list[list[UUID]]:
    """The tasks of `trees` in batches of whole trees with at most so many events, or of one tree that has more."""
    found: list[list[UUID]] = []
    events = 0
    for tree in trees:
        if not found or events + tree.events > most:
            found.append([])
            events = 0
        found[-1] += tree.tasks
        events += tree.events
    return found
