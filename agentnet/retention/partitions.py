"""Partitions by month of what holds nearly all bytes: the events and the journals of tasks.

Ids of tasks are UUIDv7, so a range of ids is a range of time. Nothing is copied: the table that is there becomes the
first partition, under a check that is proven while others write, and the swap itself holds its lock for a moment.
Months are made ahead; what none was made for goes into a default partition, so no write ever fails for want of one.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from agentnet.errors import BusyError, ConflictError
from agentnet.retention import sql
from agentnet.retention.sweeper import GRACE_SECONDS

TABLES = ("task_events", "journal")
AHEAD = timedelta(days=7)
"""How far from now the first boundary is at least: until the swap is done, nothing beyond it can be stored."""
SKEW = timedelta(hours=1)
"""How far the clocks of those who begin tasks may be behind: a month is over so long after its end."""
LOCK_TIMEOUT = "2s"
"""How long a change waits for its lock, with all writers behind it; then it lets them pass and tries again."""
LOCK_TRIES = 10
PROVE_SECONDS = 86_400.0
"""For one look at every row, beside all that others do."""
TASKS_AT_ONCE = 500
BOUND = re.compile(r"TO \('([0-9a-f-]{36})'\)")


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of one of `TABLES`."""

    table: str
    name: str
    until: datetime | None
    """Its tasks began before this moment; None for the default partition."""
    size: int
    """Bytes, with indexes."""


class Partitions:
    """Works on one connection, outside of any transaction; may be run again after it was cut off."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]") -> None:
        self._connection = connection

    async def make(self, now: datetime, months: int) -> None:
        """Turn the tables into partitioned ones where they are not yet, and make partitions for `months` ahead.

        What was stored up to the end of this month, or of the next when that is near, becomes the first. Killed amidst
        it leaves a check behind that refuses tasks from that boundary on; the next run takes it away.
        Raises `BusyError` when no lock is to be had.
        """
        boundaries = [month_after(now, number) for number in range(1, months + 2)]
        for table in TABLES:
            if not await self._is_partitioned(table):
                await self._split(table, month_after(now + AHEAD, 1))
            for begin, end in pairwise(boundaries):
                await self._add(table, begin, end)

    async def list(self) -> list[Partition]:
        """What there is, the oldest first; nothing where the tables are whole."""
        rows = await self._connection.fetch(sql.PARTITIONS)
        found = [Partition(table, name, _until(bound), size) for table, name, bound, size in rows]
        latest = datetime.max.replace(tzinfo=UTC)
        return sorted(found, key=lambda each: (each.until or latest, each.name))

    async def drop(self, before: datetime) -> int:
        """Forget every task that began before the last boundary up to `before`; answers how many.

        Whatever rules of retention say, but never what still grows. Raises `ConflictError` while such a task, or one
        that it delegated, has not ended, and where no partition ends by then.
        """
        latest = min(before, datetime.now(UTC) - SKEW)
        old = [each for each in await self.list() if each.until is not None and each.until <= latest]
        if not old:
            raise ConflictError(f"No partition ends before {before:%Y-%m-%d}.", hint="`agentnet partitions list`.")
        boundary = boundary_at(max(each.until for each in old if each.until))
        waiting = await self._connection.fetchval(sql.OPEN_BEFORE, boundary)
        if waiting:
            raise ConflictError(
                f"{waiting} of the tasks that began by then, or what they delegated, have not ended.",
                hint="Cancel or answer them first, or drop less.",
            )
        for each in old:
            await self._patiently(partial(self._connection.execute, f"DROP TABLE {each.name}"))
        return await self._forget_before(boundary)

    async def _forget_before(self, boundary: UUID) -> int:
        gone = 0
        while tasks := [row["id"] for row in await self._connection.fetch(sql.OLDEST, boundary, TASKS_AT_ONCE)]:
            await self._connection.execute(sql.FORGET, tasks, GRACE_SECONDS)
            gone += len(tasks)
        return gone

    async def _is_partitioned(self, table: str) -> bool:
        return bool(await self._connection.fetchval(sql.IS_PARTITIONED, table))

    async def _split(self, table: str, boundary: datetime) -> None:
        check, limit = f"{table}_first_check", boundary_at(boundary)
        drop = f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {check}"
        # In two steps: NOT VALID locks for a moment; VALIDATE reads the whole table, and lets others write meanwhile.
        # With the check proven, ATTACH PARTITION need not read it again under its lock.
        add = f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK (task_id < '{limit}') NOT VALID"
        await self._patiently(partial(self._connection.execute, f"{drop}; {add}"))
        try:
            await self._connection.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {check}", timeout=PROVE_SECONDS)
            await self._patiently(lambda: self._swap(table, check, limit))
        finally:
            await self._patiently(partial(self._connection.execute, drop))

    async def _swap(self, table: str, check: str, limit: UUID) -> None:
        """The table becomes the first partition of a new one of its name, with the same keys and indexes."""
        execute, first = self._connection.execute, f"{table}_first"
        await execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        key, indexes = await self._key_and_indexes(table)
        await execute(f"ALTER TABLE {table} RENAME TO {first}")
        for name in (f"{table}_pkey", *indexes):
            await execute(f"ALTER INDEX {name} RENAME TO {name}_first")
        await execute(f"CREATE TABLE {table} (LIKE {first} INCLUDING DEFAULTS) PARTITION BY RANGE (task_id)")
        await execute(f"ALTER TABLE {table} ADD {key}")
        for definition in indexes.values():
            await execute(definition)
        await execute(f"ALTER TABLE {table} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ('{limit}')")
        await execute(f"ALTER TABLE {first} DROP CONSTRAINT {check}")
        await execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")

    async def _key_and_indexes(self, table: str) -> tuple[str, dict[str, str]]:
        key = await self._connection.fetchval(sql.PRIMARY_KEY, table)
        rows = await self._connection.fetch(sql.OTHER_INDEXES, table)
        return str(key), {row["name"]: row["definition"] for row in rows}

    async def _add(self, table: str, begin: datetime, end: datetime) -> None:
        """A partition for a month, unless there is one or the default has some of it already."""
        name, low, high = f"{table}_{begin:%Y_%m}", boundary_at(begin), boundary_at(end)
        held = any(each.table == table and each.until and each.until >= end for each in await self.list())
        taken = f"SELECT EXISTS (SELECT 1 FROM {table}_default WHERE task_id >= '{low}' AND task_id < '{high}')"  # noqa: S608
        if held or await self._connection.fetchval(taken):
            return
        create = f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{low}') TO ('{high}')"
        await self._patiently(lambda: self._connection.execute(create))

    async def _patiently(self, change: Callable[[], Awaitable[object]]) -> None:
        """`change` in a transaction that lets others pass when its lock is not to be had, and tries again."""
        for _ in range(LOCK_TRIES):
            try:
                async with self._connection.transaction():
                    await self._connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                    await change()
                    return
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                continue
        raise BusyError("The tables are in use for too long at a time; try again later.", retry_after=60.0)


def month_after(moment: datetime, number: int) -> datetime:
    """The beginning of the month that comes `number` months after that of `moment`, in UTC."""
    months = moment.astimezone(UTC).year * 12 + moment.astimezone(UTC).month - 1 + number
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def boundary_at(moment: datetime) -> UUID:
    """The least UUID of version 7 at `moment`."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _until(bound: str) -> datetime | None:
    found = BOUND.search(bound)
    return datetime.fromtimestamp((UUID(found[1]).int >> 80) / 1000, UTC) if found else None
