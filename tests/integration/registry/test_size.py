"""A registry with many entries: the right candidates among few, names and pages by index, cheap heartbeats."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import anyio
import asyncpg
import pytest

from agentnet.database import Database
from agentnet.errors import BusyError, NotFoundError
from agentnet.identity import Principal
from agentnet.settings import Settings
from registry import sql
from registry.entries import Entries, Need, Registration, digest_of
from registry.search import CONNECTIONS, FEWEST, SMALL, WALKED, Search
from tests.databases import Databases
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

MANY = 3000
CHOSEN = {
    "translator": "Translates contracts into Portuguese.",
    "heat-pump-advisor": "Compares heat pumps for old houses.",
    "tax-return-helper": "Fills in the forms of a tax return.",
    "bird-spotter": "Names birds by their song.",
    "chess-coach": "Explains openings and endgames.",
    "recipe-finder": "Suggests what to cook with leftovers.",
}
FILL = """
WITH texts AS (
    SELECT 'service-' || lpad(i::text, 5, '0') AS name, 'Works with data and reports number ' || i AS description,
           'common words that everybody has: data report service tool '
               || CASE WHEN i % 3 = 0 THEN 'chart' ELSE '' END || CASE WHEN i % 5 = 0 THEN ' forecast' ELSE '' END
               || CASE WHEN i % 7 = 0 THEN ' budget' ELSE '' END AS words
    FROM generate_series(1, $1::int) AS i
), stored AS (
    INSERT INTO registry_entries
        (kind, name, instance, tenant, url, description, skills, document, labels, search, lease)
    SELECT 'agent', name, 'one', '*', 'http://one.test', description, '[]', '{}', '{}',
           to_tsvector('english', name || ' ' || description || ' ' || words) || array_to_tsvector(ARRAY['agent/*']),
           gen_random_uuid()
    FROM texts RETURNING lease
)
INSERT INTO registry_leases (digest, seconds, lease_until) SELECT lease, 60, now() + interval '1 day' FROM stored
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def own_url(databases: Databases) -> Iterator[str]:
    with databases.copied() as url:
        yield url


@pytest.fixture(scope="module")
async def database(own_url: str) -> AsyncIterator[Database]:
    database = await Database.open(Settings(database_url=own_url, _env_file=None))
    await database.pool.execute(FILL, MANY)
    entries = await Entries.open(database)
    for name, description in CHOSEN.items():
        await entries.register(service(name), registration(name, description=description))
    await database.pool.execute("ANALYZE registry_entries, registry_leases")
    yield database
    await database.close()


@pytest.fixture(scope="module")
async def entries(database: Database) -> Entries:
    return await Entries.open(database)


def service(name: str) -> Principal:
    return Principal("*", f"service:agent:{name}", frozenset({"service"}))


def registration(name: str, **fields: Any) -> Registration:
    said = {"kind": "agent", "name": name, "instance": "one", "url": "http://one.test", "lease_seconds": 60}
    return Registration.model_validate(said | fields)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("translate a contract into Portuguese", "translator"),
        ("I need a report with data about heat pumps", "heat-pump-advisor"),
        ("tax return forms and common data", "tax-return-helper"),
        ("which birds sing in this report", "bird-spotter"),
        ("chess", "chess-coach"),
        ("recipes for leftovers from the service", "recipe-finder"),
        ("translators", "translator"),
    ],
)
async def test_the_one_that_can_is_first_among_thousands_that_share_common_words(
    entries: Entries, text: str, name: str
) -> None:
    found = await entries.search("acme", Need(text=text))
    assert found[0].name == name
    assert len(found) <= Need().limit


async def test_entries_that_have_all_of_several_common_words_come_before_those_with_some(entries: Entries) -> None:
    found = await entries.search("acme", Need(text="chart forecast budget", limit=10))
    numbers = [int(entry.name.removeprefix("service-")) for entry in found]
    assert numbers
    assert all(number % 105 == 0 for number in numbers)


@pytest.mark.parametrize("text", ["chess", "sing about birds", "translate contracts into Portuguese", "heat pumps"])
async def test_candidates_hold_what_a_rank_of_all_puts_first(
    database: Database, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await database.pool_apart(1, 5)
    assert MANY > SMALL
    first, _ = (await Search(pool).find("acme", text, "agent", 5))[0]
    monkeypatch.setattr("registry.search.SMALL", 10 * MANY)
    monkeypatch.setattr("registry.search.ALL", 10 * MANY)
    of_all, _ = (await Search(pool).find("acme", text, "agent", 5))[0]
    assert first["name"] == of_all["name"]


class Watched:
    """A pool that keeps what it was asked for."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as connection:

            async def fetch(statement: str, *values: Any) -> list[asyncpg.Record]:
                self.asked.append((statement, values))
                return await connection.fetch(statement, *values)

            yield SimpleNamespace(fetch=fetch, fetchval=connection.fetchval, fetchrow=connection.fetchrow)

    async def steps(self) -> list[dict[str, Any]]:
        """What PostgreSQL does for the last search of candidates."""
        searches = (sql.CANDIDATES, sql.CANDIDATES_AND_WALK)
        statement, values = [each for each in self.asked if each[0] in searches][-1]
        plan = json.loads(await self._pool.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *values))
        return list(below(plan[0]["Plan"]))


@pytest.mark.parametrize(
    "text",
    [
        "data report tool service",
        "data",
        "chart forecast budget data",
        "translate a report with data about charts for a budget in words that everybody has",
        "unheard words",
    ],
)
async def test_a_search_reads_and_ranks_few_however_many_have_its_words(
    database: Database, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.search.COMMON", 700)
    watched = Watched(await database.pool_apart(1, 5))
    await Search(watched).find("acme", text, "agent", 5)  # type: ignore[arg-type]
    steps = await watched.steps()
    assert not any(step["Node Type"] == "Seq Scan" for step in steps)
    assert max(read(step) for step in steps if step["Node Type"] == "Bitmap Index Scan") <= 700
    assert max(read(step) for step in steps if step["Node Type"] == "Index Scan") <= WALKED
    assert [read(step) <= 4 * FEWEST for step in steps if step["Node Type"] == "Unique"] == [True]


async def test_searches_that_come_at_once_at_the_start_rank_few_as_well(database: Database) -> None:
    watched = Watched(await database.pool_apart(4, 5))
    search = Search(watched)  # type: ignore[arg-type]
    await asyncio.gather(*(search.find("acme", "data report", "agent", 5) for _ in range(4)))
    enough = [values[4] for statement, values in watched.asked if statement == sql.CANDIDATES]
    assert enough == [4 * FEWEST] * 4


async def test_searches_are_made_in_the_order_in_which_they_came(database: Database) -> None:
    watched = Watched(await database.pool_apart(CONNECTIONS, 5))
    search = Search(watched)  # type: ignore[arg-type]
    await asyncio.gather(*(search.find("acme", "chess", "agent", 5) for _ in range(CONNECTIONS)))
    came: list[list[str]] = []

    async def one(client: int) -> None:
        # Whoever is answered asks again at once, amid those that wait.
        for number in range(8):
            word = f"unheard{client}of{number}"
            came.append([word])
            await search.find("acme", word, "agent", 5)

    await asyncio.gather(*(one(client) for client in range(4 * CONNECTIONS)))
    assert [values[0] for statement, values in watched.asked if statement == sql.LEXEMES][1:] == came


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("translater", "translator"),
        ("ranslator", "translator"),
        ("Translator", "translator"),
        ("heat-pump-adviser", "heat-pump-advisor"),
        ("head-pump-advisor", "heat-pump-advisor"),
        ("chess_coach", "chess-coach"),
        ("birdspotter", "bird-spotter"),
        ("service-00042x", "service-00042"),
    ],
)
async def test_an_unknown_name_brings_the_nearest_ones(entries: Entries, wrong: str, right: str) -> None:
    error = await entries.unknown("acme", "agent", wrong)
    assert right in str(error.data.get("nearest")).split(", ")


@pytest.mark.parametrize("name", ["", "\x00", "a" * 5000, "ÄÖÜ", "'; --", "%"])
async def test_a_name_that_can_be_none_is_unknown_and_nothing_else(entries: Entries, name: str) -> None:
    assert isinstance(await entries.unknown("acme", "agent", name), NotFoundError)


async def test_names_are_found_and_listed_by_index_and_pages_read_what_they_show(database: Database) -> None:
    for statement, values, most in (
        (sql.NEAR, ("agent", "acme", "service-01500x", 8), 200),
        (sql.GET, ("agent", "acme", "service-01500"), 10),
        (sql.LIST, ("agent", "acme", "service-01500", 20), 200),
    ):
        plan = json.loads(await database.pool.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *values))
        steps = list(below(plan[0]["Plan"]))
        assert not any(step["Node Type"] == "Seq Scan" for step in steps)
        assert max(map(read, steps)) <= most, statement


def read(step: dict[str, Any]) -> float:
    """Rows that a step of a plan reads."""
    return float(step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * float(step["Actual Loops"])


def below(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield step
    for each in step.get("Plans", ()):
        yield from below(each)


async def test_pages_of_a_list_are_whole_and_in_order(entries: Entries) -> None:
    seen: list[str] = []
    while page := await entries.live("acme", "agent", 500, seen[-1] if seen else ""):
        seen += [entry.name for entry in page]
    assert len(seen) == MANY + len(CHOSEN)
    assert len(set(seen)) == len(seen)


async def test_heartbeats_go_together_and_stay_on_their_page(database: Database, entries: Entries) -> None:
    registered = [registration(f"beats-{number}") for number in range(40)]
    digests = [digest_of(each.name, each.model_dump_json().encode()) for each in registered]
    for each, digest in zip(registered, digests, strict=True):
        await entries.register(service(each.name), each, digest)
    before = await updates(database)
    for _ in range(3):
        beats = (
            entries.renewed(service(each.name), "agent", each.name, digest)
            for each, digest in zip(registered, digests, strict=True)
        )
        assert all(await asyncio.gather(*beats))
    with anyio.fail_after(PATIENCE_SECONDS):
        while (after := await updates(database))[0] < before[0] + 120:
            await anyio.sleep(0.05)
    assert after[1] - before[1] == after[0] - before[0]
    assert await entries.renewed(service("beats-0"), "agent", "beats-0", digest_of(b"something else")) is None


async def updates(database: Database) -> tuple[int, int]:
    query = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'registry_leases'"
    async with database.pool.acquire() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        row = await connection.fetchrow(query)
    assert row is not None
    return int(row["n_tup_upd"]), int(row["n_tup_hot_upd"])


async def test_a_search_that_takes_too_long_is_ended_and_told(database: Database) -> None:
    pool = await database.pool_apart(1, 0.05)
    blocker = await database.pool.acquire()
    try:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE registry_entries IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(BusyError, match="took too long"):
                await Search(pool).find("acme", "anything", "agent", 5)
    finally:
        await database.pool.release(blocker)
