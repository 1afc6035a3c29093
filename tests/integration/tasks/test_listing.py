"""Lists of tasks: whatever they are filtered by, whole and in order, and read by index however many there are."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from agentnet.database import Database
from agentnet.settings import Settings
from agentnet.tasks.listing import (
    MOST_COUNTED,
    STORED,
    VIEW,
    Filters,
    count_statement,
    page_of,
    page_statement,
    total_of,
)
from tests.databases import Databases

pytestmark = pytest.mark.anyio

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TASKS = 6000
ROOT = UUID(int=4)

FILL = """
INSERT INTO tasks (id, tenant, agent, context_id, principal, message_id, parent_id, root_id, chain, budget, definition,
                   state, status_at, last_seq, snapshot, snapshot_seq)
SELECT lpad(to_hex(i), 32, '0')::uuid,
       CASE WHEN i % 10 = 0 THEN 'rare' ELSE 'acme' END, 'agent' || i / 3 % 5,
       CASE WHEN i % 4 = 0 THEN 'large' ELSE 'context' || i / 50 END, 'key:k', i::text,
       CASE WHEN i % 1000 BETWEEN 5 AND 20 THEN lpad(to_hex(i - i % 1000 + 4), 32, '0')::uuid END,
       CASE WHEN i % 1000 BETWEEN 5 AND 20 THEN lpad(to_hex(i - i % 1000 + 4), 32, '0')
            ELSE lpad(to_hex(i), 32, '0') END::uuid,
       '[]', '{}', '1', CASE WHEN i % 997 = 0 THEN 6 WHEN i % 7 = 0 THEN 4 ELSE 3 END,
       $1::timestamptz + i / 3 * interval '1 s', 1, '', 1
FROM generate_series(1, $2::int) AS i
"""
"""Three tasks of each moment, so that their ids decide."""

ALL = {
    "an agent": Filters("acme", "agent3"),
    "an agent and a state": Filters("acme", "agent1", state=4),
    "a state that is rare": Filters("acme", "agent2", state=6),
    "a state that nothing has": Filters("acme", "agent2", state=2),
    "a time": Filters("acme", "agent4", since=BEGIN + timedelta(seconds=900)),
    "a time to come": Filters("acme", "agent4", since=BEGIN + timedelta(days=900)),
    "a small context": Filters("acme", "agent0", "context51"),
    "a large context": Filters("acme", "agent0", "large"),
    "a state in a large context": Filters("acme", "agent0", "large", state=4),
    "all at once": Filters("acme", "agent0", "large", 3, BEGIN + timedelta(seconds=500)),
    "nothing but the tenant": Filters("acme"),
    "a tenant with few": Filters("rare"),
    "a tenant with none": Filters("nobody"),
    "an agent that is not there": Filters("acme", "agent9"),
    "a state of all agents": Filters("acme", state=6),
    "a large context of all agents": Filters("acme", context_id="large"),
    "a time of all agents": Filters("acme", state=4, since=BEGIN + timedelta(seconds=1500)),
    "a root": Filters("acme", root_id=ROOT),
    "a parent": Filters("acme", parent_id=ROOT),
    "an agent below a root": Filters("acme", "agent4", root_id=ROOT),
    "a root of nobody's": Filters("rare", root_id=UUID(int=7)),
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def own_url(databases: Databases) -> Iterator[str]:
    with databases.copied() as url:
        yield url


@pytest.fixture(scope="module")
async def database(own_url: str) -> AsyncIterator[Database]:
    async with opened(own_url) as database:
        await database.pool.execute(FILL, BEGIN, TASKS)
        await database.pool.execute("ANALYZE tasks")
        yield database


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = await Database.open(Settings(database_url=url, _env_file=None))
    yield database
    await database.close()


async def expected(database: Database, filters: Filters) -> list[UUID]:
    rows = await database.pool.fetch("SELECT * FROM tasks WHERE tenant = $1", filters.tenant)
    wanted = filters.given()
    since = wanted.pop("since", BEGIN)
    found = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    found = [row for row in found if row["status_at"] >= since]
    if filters.root_id:
        found = [row for row in found if row["parent_id"]]
    return [row["id"] for row in sorted(found, key=lambda row: (row["status_at"], row["id"]), reverse=True)]


@pytest.mark.parametrize("name", ALL)
async def test_the_pages_of_a_list_are_whole_and_in_order(database: Database, name: str) -> None:
    filters, token, seen = ALL[name], "", list[UUID]()
    size = 7 if filters.root_id or filters.parent_id or filters.state else 400
    while True:
        page = await page_of(database.pool, filters, VIEW, size, token)
        assert len(page.rows) <= size
        seen += [row["id"] for row in page.rows]
        if not (token := page.next_token):
            break
    wanted = await expected(database, filters)
    assert seen == wanted
    assert await total_of(database.pool, filters) == min(len(wanted), MOST_COUNTED + 1)


@pytest.mark.parametrize("name", ALL)
async def test_a_page_and_a_count_read_what_they_show_and_no_more(database: Database, name: str) -> None:
    filters = ALL[name]
    values = filters.given()
    behind = values | {"place_at": BEGIN + timedelta(seconds=1000), "place_id": UUID(int=0)}
    most = 51 * 20
    assert await most_rows(database, page_statement(tuple(values), STORED), *values.values(), 51) <= most
    assert await most_rows(database, page_statement(tuple(behind), VIEW), *behind.values(), 51) <= most
    assert await most_rows(database, count_statement(tuple(values)), *values.values(), MOST_COUNTED + 1) <= 2 * (
        MOST_COUNTED + 1
    )


async def most_rows(database: Database, statement: str, *values: Any) -> int:
    """The most rows that a step of the plan brings, thrown away ones too. No step reads the whole table."""
    plan = json.loads(await database.pool.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *values))
    steps = list(below(plan[0]["Plan"]))
    assert not any(step["Node Type"] == "Seq Scan" for step in steps)
    return max(
        int((step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]) for step in steps
    )


def below(step: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield step
    for each in step.get("Plans", ()):
        yield from below(each)


@pytest.mark.parametrize("token", ["nonsense", "e30=", "ey", "\x00", "9" * 300, "eyJhIjoxfQ=="])
async def test_a_page_token_that_is_not_ours_is_refused(database: Database, token: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        await page_of(database.pool, Filters("acme"), VIEW, 5, token)
