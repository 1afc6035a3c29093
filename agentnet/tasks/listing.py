"""Lists of tasks: those with the latest status first, by any filters, in pages whose cost is that of their rows.

Each statement is made of constants for the filters that are there, once, and planned once: a condition like
`$3 IS NULL OR agent = $3` would keep a plan that is made for every caller off the indexes. The indexes hold
(agent, state) before the time, so that each of these groups is sorted by itself; a page is the best of the first rows
of each group, and to find the groups takes one step in the index for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg
from a2a.utils.task import ListTasksCursor, decode_list_tasks_cursor, encode_list_tasks_cursor

from agentnet.database.retry import retried

MOST_COUNTED = 1000
"""Up to here a total is exact; one more says that there are more."""
STATES = "ARRAY[1, 2, 3, 4, 5, 6, 7, 8]::smallint[]"
LATEST = "ORDER BY status_at DESC, id DESC LIMIT"

STORED = "t.id, t.status_at, t.snapshot, t.snapshot_seq, t.last_seq"
"""What is needed to make an A2A task of a row."""
VIEW = "t.id, t.agent, t.state, t.created_at, t.status_at, t.parent_id, t.root_id, t.context_id, t.chain, t.attempt"
"""What operators are shown of a row."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which tasks; what is None does not filter."""

    tenant: str
    agent: str | None = None
    context_id: str | None = None
    state: int | None = None
    since: datetime | None = None
    """The least time of the status."""
    root_id: UUID | None = None
    """The task at the top of those that were delegated."""
    parent_id: UUID | None = None
    """The task that delegated."""

    def given(self) -> dict[str, Any]:
        """The filters that filter, with their values."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not None}


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a list: behind the task with this status time and id."""

    status_at: datetime
    id: UUID

    @classmethod
    def read(cls, token: str) -> "Place":
        """The place that a page token names. Raises `ValueError` for one that is not ours."""
        cursor = decode_list_tasks_cursor(token)
        if cursor is None or cursor.timestamp_ns is None:
            raise ValueError(token)
        try:
            return cls(datetime.fromtimestamp(cursor.timestamp_ns / 1e9, UTC), UUID(cursor.task_id))
        except OverflowError as error:
            raise ValueError(token) from error

    def token(self) -> str:
        """The place as a page token."""
        nanoseconds = round(self.status_at.timestamp() * 1_000_000) * 1000
        return encode_list_tasks_cursor(ListTasksCursor(nanoseconds, str(self.id)))


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a list, and the token of those that follow; empty where none do."""

    rows: Sequence[asyncpg.Record]
    next_token: str


async def page_of(pool: "asyncpg.Pool[asyncpg.Record]", filters: Filters, columns: str, size: int, token: str) -> Page:
    """A page of `columns`, which is `STORED` or `VIEW`, behind the place that `token` names: the first for none.

    Raises `ValueError` for a token that is not ours.
    """
    values = filters.given()
    if token:
        place = Place.read(token)
        values |= {"place_at": place.status_at, "place_id": place.id}
    statement = page_statement(tuple(values), columns)
    # One more than a page: whether there is another is known without a count of what follows.
    rows = await retried(lambda: pool.fetch(statement, *values.values(), size + 1))
    last = rows[size - 1] if len(rows) > size else None
    return Page(rows[:size], Place(last["status_at"], last["id"]).token() if last else "")


async def total_of(pool: "asyncpg.Pool[asyncpg.Record]", filters: Filters) -> int:
    """How many tasks there are; `MOST_COUNTED` + 1 means more than `MOST_COUNTED`."""
    values = filters.given()
    statement = count_statement(tuple(values))
    return int(await retried(lambda: pool.fetchval(statement, *values.values(), MOST_COUNTED + 1)))


@cache
def page_statement(given: tuple[str, ...], columns: str) -> str:
    """A page: $n are the values in the order of `given`, the last is how many rows."""
    at, limit = _numbers(given), f"${len(given) + 1}"
    groups, found = _groups(given, at)
    # The heads of the groups first: no more groups than rows can be on the page, however many agents there are.
    return f"""
WITH RECURSIVE {groups}, heads AS (
    SELECT groups.* FROM groups CROSS JOIN LATERAL (SELECT status_at, id FROM tasks WHERE {found} {LATEST} 1) head
    {LATEST} {limit}
), page AS (
    SELECT each.id, each.status_at FROM heads AS groups
    CROSS JOIN LATERAL (SELECT id, status_at FROM tasks WHERE {found} {LATEST} {limit}) each
    {LATEST} {limit}
)
SELECT {columns} FROM page CROSS JOIN LATERAL (SELECT * FROM tasks WHERE id = page.id LIMIT 1) t
ORDER BY page.status_at DESC, page.id DESC
"""  # noqa: S608 - made of constants


@cache
def count_statement(given: tuple[str, ...]) -> str:
    """How many there are, up to the last value."""
    at, limit = _numbers(given), f"${len(given) + 1}"
    groups, found = _groups(given, at)
    # In their order, though it counts for nothing: without it, all rows of a group would be gathered before the first.
    rows = f"SELECT FROM tasks WHERE {found} {LATEST} {limit}"
    each = f"SELECT FROM groups CROSS JOIN LATERAL ({rows}) each LIMIT {limit}"
    return f"WITH RECURSIVE {groups} SELECT count(*) FROM ({each}) counted"  # noqa: S608 - made of constants


def _numbers(given: Sequence[str]) -> dict[str, str]:
    return {name: f"${number}" for number, name in enumerate(given, start=1)}


def _groups(given: Sequence[str], at: dict[str, str]) -> tuple[str, str]:
    """The groups (agent, state) that the filters leave as a table, and the condition of the rows of one of them."""
    tree = [name for name in ("root_id", "parent_id") if name in at]
    if tree:
        return "groups AS (SELECT 1)", " AND ".join(_in_tree(given, at))
    within = [f"{name} = {at[name]}" for name in ("tenant", "context_id") if name in at]
    found = [*within, "agent = groups.agent", "state = groups.state", *_in_time(at)]
    return f"groups AS ({_keys(within, at)})", " AND ".join(found)


def _keys(within: Sequence[str], at: dict[str, str]) -> str:
    if "agent" in at:
        states = f"ARRAY[{at['state']}::smallint]" if "state" in at else STATES
        return f"SELECT {at['agent']}::varchar AS agent, state FROM unnest({states}) AS state"  # noqa: S608 - made of constants
    prefix = " AND ".join(within)
    steps = f"""
        WITH RECURSIVE steps AS (
            (SELECT agent, state FROM tasks WHERE {prefix} ORDER BY agent, state LIMIT 1)
            UNION ALL
            SELECT next.agent, next.state FROM steps CROSS JOIN LATERAL (
                SELECT agent, state FROM tasks WHERE {prefix} AND (agent, state) > (steps.agent, steps.state)
                ORDER BY agent, state LIMIT 1
            ) next
        )
        SELECT agent, state FROM steps"""  # noqa: S608 - made of constants
    return steps + (f" WHERE state = {at['state']}::smallint" if "state" in at else "")


def _in_time(at: dict[str, str]) -> list[str]:
    since = [f"status_at >= {at['since']}::timestamptz"] if "since" in at else []
    place = f"(status_at, id) < ({at.get('place_at')}::timestamptz, {at.get('place_id')}::uuid)"
    return [*since, *([place] if "place_at" in at else [])]


def _in_tree(given: Sequence[str], at: dict[str, str]) -> list[str]:
    """Rows below a root, which are few: they are found by the index of trees and sorted."""
    plain = [
        f"{name} = {at[name]}"
        for name in ("tenant", "agent", "context_id", "state", "root_id", "parent_id")
        if name in at
    ]
    above = f"root_id = (SELECT root_id FROM tasks WHERE tenant = {at['tenant']} AND id = {at.get('parent_id')})"  # noqa: S608
    return [*plain, "parent_id IS NOT NULL", *([above] if "parent_id" in at else []), *_in_time(at)]
