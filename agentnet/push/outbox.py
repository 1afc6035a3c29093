"""The outbox: claims of configs, the deliveries to them in order, and what became of each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

import asyncpg

from agentnet.database import Database
from agentnet.errors import ConflictError, NotFoundError
from agentnet.push import sql
from agentnet.tasks.push_config import VERSION_0_3

LEASE_SECONDS = 60.0
"""How long a claim holds without a result; more than one try may take."""
PAGE = 50
"""Deliveries to one config before others have their turn."""
YOUNG_SECONDS = 60.0
"""How long a statement that began before a config was made could still write for it."""
YOUNG_POLL_SECONDS = 2.0
KEEP_SECONDS = 86_400.0
"""How long what arrived is kept."""
KEEP_DEAD_SECONDS = 30 * 86_400.0
"""How long what was given up can be listed and retried."""
PRUNED_AT_ONCE = 1000

State = Literal["pending", "delivered", "dead"]


@dataclass(slots=True)
class Claim:
    """The right to deliver to a config."""

    task_id: UUID
    config_id: str
    version: str
    """Protocol version to say it in."""
    sealed: bytes
    """The config."""
    fence: int
    wakes: int
    failures: int
    """Failed tries in a row up to now; kept up to date by what is recorded."""
    due_at: datetime
    """Since when it was due; another moment now tells that a try at once was asked for since."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way."""

    id: UUID
    seq: int
    attempts: int
    """Tries up to now."""
    kind: int
    body: bytes
    """StreamResponse (protobuf)."""


class LostClaimError(Exception):
    """The claim ran out and another process has it, or the config is gone."""


class Outbox:
    """The outbox of the network."""

    def __init__(self, database: Database, lease_seconds: float = LEASE_SECONDS) -> None:
        self._pool = database.pool
        self._lease_seconds = lease_seconds

    async def claim(self, limit: int) -> list[Claim]:
        """Claim up to `limit` configs that have something to deliver."""
        rows = await self._pool.fetch(sql.CLAIM, limit, self._lease_seconds)
        return [Claim(*row.values()) for row in rows]

    async def pending(self, claim: Claim) -> list[Delivery]:
        """What is to be delivered next, in order, at most `PAGE`.

        Artifact updates on their way to a client of 0.3 are forgotten: it gets them with the task at the next status.
        """
        without_artifacts = claim.version == VERSION_0_3
        if without_artifacts:
            await self._pool.execute(sql.SKIP_ARTIFACTS, claim.task_id, claim.config_id)
        rows = await self._pool.fetch(sql.PENDING, claim.task_id, claim.config_id, PAGE, without_artifacts)
        return [Delivery(*row.values()) for row in rows]

    async def delivered(self, claim: Claim, delivery: Delivery) -> None:
        """It arrived. Raises `LostClaimError`."""
        await self._record(claim, delivery, "delivered", None, self._lease_seconds)

    async def failed(self, claim: Claim, delivery: Delivery, error: str, pause: float) -> None:
        """It is due again after `pause` seconds; the claim is given back. Raises `LostClaimError`."""
        await self._record(claim, delivery, "pending", error, pause)

    async def dead(self, claim: Claim, delivery: Delivery, error: str) -> None:
        """It is given up. Raises `LostClaimError`."""
        await self._record(claim, delivery, "dead", error, self._lease_seconds)

    async def release(self, claim: Claim, *, more: bool) -> None:
        """Give a claim back; `more` tells that there is something to deliver at once."""
        await self._pool.execute(
            sql.RELEASE,
            claim.task_id,
            claim.config_id,
            claim.fence,
            claim.wakes,
            more,
            YOUNG_SECONDS,
            YOUNG_POLL_SECONDS,
        )

    async def list(
        self, tenant: str, state: State | None, limit: int, after: UUID | None = None
    ) -> list[asyncpg.Record]:
        """Deliveries of a tenant, the latest first, behind the delivery `after`."""
        states = [state] if state else list(get_args(State))
        if after is None:
            return await self._pool.fetch(sql.LIST_DELIVERIES, tenant, states, limit)
        return await self._pool.fetch(sql.LIST_DELIVERIES_BEHIND, tenant, states, limit, after)

    async def retry(self, tenant: str, delivery_id: UUID) -> None:
        """Let a dead delivery be tried again. Raises `NotFoundError`, `ConflictError` for one that is not dead."""
        if await self._pool.fetchval(sql.RETRY, tenant, delivery_id) is not None:
            return
        state = await self._pool.fetchval(sql.STATE, tenant, delivery_id)
        if state is None:
            raise NotFoundError(f"There is no delivery {delivery_id}.", hint="`agentnet push list` shows them.")
        raise ConflictError(f"Delivery {delivery_id} is {state}; only dead ones can be retried.")

    async def prune(self) -> None:
        """Forget some of what arrived or was given up long ago."""
        await self._pool.execute(sql.PRUNE, KEEP_SECONDS, KEEP_DEAD_SECONDS, PRUNED_AT_ONCE)

    async def _record(self, claim: Claim, delivery: Delivery, state: State, error: str | None, seconds: float) -> None:
        failures = await self._pool.fetchval(
            sql.RECORD,
            claim.task_id,
            claim.config_id,
            claim.fence,
            delivery.seq,
            state,
            error,
            seconds,
            claim.due_at,
        )
        if failures is None:  # the fence has risen, or the config is gone: the statement has written nothing
            raise LostClaimError
        claim.failures = failures
