"""A registry of 100,000 agents with 140 words each: searches, names that are not there, pages, and heartbeats."""

import json
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from agentnet.discovery.directory import AUDIENCE
from agentnet.identity import Principal
from agentnet.identity.admin import DEFAULT_TENANT
from agentnet.process.runtime import Runtime
from agentnet.settings import Settings
from bench.meter import Usage, metered
from bench.plain_http import Loop, loop, plain
from bench.plan import Plan
from bench.processes import Server
from bench.report import Bars, Cell, Result, Table, Verdict
from bench.servers import OURS, REGISTRY
from bench.statistics import Spread, percentile

CONCURRENCY = 20
FEWER = (10, 5)
"""Searches at once besides: their p99 tells what of it is waiting for others."""
SEARCHES = {"three words": 3, "sentences of twelve": 12}
UNKNOWN = "an unknown name"
SEARCHES_A_SECOND = 400.0
SEARCH_MS = 30.0
UNKNOWN_MS = 2.0
HEARTBEATS_A_SECOND = 1000.0
HEARTBEAT_CORES = 0.2
HEARTBEAT_BYTES = 300_000.0
"""Of write-ahead log a second, at a thousand heartbeats."""
INSTANCES = 5000
"""That send heartbeats."""
WORDS = 140
VOCABULARY = 4000
NUMBERS = 1_000_000
"""More than the searches that are sent in one go."""

# Words are drawn so that the commonest are in nine entries of ten and the rarest in one of a hundred; ten words are the
# description, and each name has two of them.
FILL = f"""
WITH made AS (
    SELECT i, array_agg('word' || floor({VOCABULARY} * power(
        (hashtextextended(i || '/' || n, 7) & 1048575) / 1048576.0, 2))::int) AS words
    FROM generate_series(1, $1::int) AS i, generate_series(1, {WORDS}) AS n GROUP BY i
), texts AS (
    SELECT i, words[1] || '-' || words[2] || '-' || i AS name, array_to_string(words[1:10], ' ') AS description,
           array_to_string(words, ' ') AS words
    FROM made
), stored AS (
    INSERT INTO registry_entries
        (kind, name, instance, tenant, url, description, skills, document, labels, search, lease)
    SELECT 'agent', name, 'one', '*', 'http://127.0.0.1:9/' || name, description, '["answer"]',
           jsonb_build_object('name', name, 'description', description), ARRAY['answer'],
           setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', description), 'B')
               || to_tsvector('english', words) || array_to_tsvector(ARRAY['agent/*'] || ARRAY(
                   SELECT 'n/' || word FROM unnest(tsvector_to_array(to_tsvector('english', name))) AS word
                   UNION SELECT 'd/' || word FROM unnest(tsvector_to_array(to_tsvector('english', description))) AS word
               )),
           gen_random_uuid()
    FROM texts RETURNING lease
)
INSERT INTO registry_leases (digest, seconds, lease_until) SELECT lease, 3600, now() + interval '1 day' FROM stored
"""


@dataclass(frozen=True, slots=True)
class Read:
    """A kind of request, so many at once, and what it brought and used."""

    name: str
    at_once: int
    loop: Loop
    usage: Usage

    def ms(self, share: float) -> float:
        """The latency below which that share is."""
        return percentile(self.loop.latencies, share) * 1000

    def row(self) -> tuple[Cell, ...]:
        """Of the table."""
        usage, answers = self.usage, len(self.loop.latencies)
        spent = (each / answers * 1000 for each in (usage.database, usage.server, usage.load))
        return (self.name, self.at_once, self.loop.rate, *map(self.ms, (0.5, 0.95, 0.99)), *spent)


async def run(plan: Plan) -> Result:
    """Fill the registry, then each kind of request in turn.

    PostgreSQL and the registry have all cores: kept on the load generator's, they would share it while others are idle.
    """
    entries, seconds = plan.pick(100_000, 10_000), float(plan.pick(15, 5))
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(plan.bed.serving(REGISTRY, core=None))
        settings = Settings(home=plan.bed.home, database_url=await plan.bed.database(OURS))
        runtime = await stack.enter_async_context(Runtime.open(settings))
        await plan.bed.run(OURS, FILL, entries)
        await plan.bed.run(OURS, "VACUUM ANALYZE registry_entries, registry_leases")
        # What the fill has left to write would be written amid the first searches, and by them.
        await plan.bed.run(OURS, "CHECKPOINT")
        plan.bed.spread()
        plan.say(f"  {entries:,} entries are stored")
        key = runtime.tokens.mint(Principal(DEFAULT_TENANT, "key:bench"), AUDIENCE)

        async def read(name: str, at_once: int, requests: Awaitable[Loop]) -> Read:
            with metered(plan.bed, registry) as usage:
                found = Read(name, at_once, await requests, usage)
            plan.say(f"  {name}, {at_once} at once: {found.loop.rate:.0f}/s, p99 {found.ms(0.99):.1f} ms")
            return found

        reads = [
            await read(name, at_once, _searches(registry, key, words, at_once, seconds))
            for name, words in SEARCHES.items()
            for at_once in (CONCURRENCY, *FEWER)
        ]
        reads.append(await read(UNKNOWN, 1, _unknown(registry, key, plan.pick(500, 200))))
        reads.append(await read("a page of 100", 1, _pages(registry, key, plan.pick(200, 50))))
        beats, wal, share = await _heartbeats(plan, registry, runtime, seconds)
        cores = beats.usage.database / beats.usage.seconds
        plan.say(f"  heartbeats: {beats.loop.rate:.0f}/s, {cores:.2f} cores of PostgreSQL")
    return _result(entries, reads, beats, wal, share)


async def _searches(server: Server, key: str, words: int, at_once: int, seconds: float) -> Loop:
    """No search is asked for twice."""

    def request(number: int) -> bytes:
        text = " ".join(f"word{_word(number * 31 + index)}" for index in range(words))
        return plain(server, "POST", "/v1/search", key, json.dumps({"text": text}).encode())

    await loop(server, request, at_once, count=at_once)
    return await loop(server, lambda number: request(number + at_once * NUMBERS), at_once, seconds=seconds)


def _word(number: int) -> int:
    """Words as often as entries have them."""
    return int(VOCABULARY * (number * 0.6180339887498949 % 1) ** 2)


async def _unknown(server: Server, key: str, count: int) -> Loop:
    return await loop(
        server, lambda number: plain(server, "GET", f"/v1/entries/agent/wrd{number}-x", key), 1, count=count, ok=404
    )


async def _pages(server: Server, key: str, count: int) -> Loop:
    def request(number: int) -> bytes:
        return plain(server, "GET", f"/v1/entries?kind=agent&limit=100&after=word{number % 9 + 1}", key)

    return await loop(server, request, 1, count=count)


async def _heartbeats(plan: Plan, server: Server, runtime: Runtime, seconds: float) -> tuple[Read, float, float]:
    """What is sent and costs, bytes of write-ahead log for each, the share of updates that stay on their page."""
    key = runtime.tokens.for_service("agent:beating", AUDIENCE)
    instances = INSTANCES if not plan.quick else 500

    def request(number: int) -> bytes:
        instance = f"i{number % instances}"
        body: dict[str, Any] = {"kind": "agent", "name": "beating", "instance": instance, "url": "http://127.0.0.1:9"}
        body |= {"description": "Beats.", "words": "beat " * WORDS, "lease_seconds": 3600}
        return plain(server, "PUT", f"/v1/entries/agent/beating/{instance}", key, json.dumps(body).encode())

    # A name has a thousand instances at most: registered under one, sent by all.
    instances = min(instances, 1000)
    await loop(server, request, CONCURRENCY, count=instances)
    await plan.bed.run(OURS, "CHECKPOINT")
    before, wal = await _updates(plan), await plan.bed.wal_bytes()
    with metered(plan.bed, server) as usage:
        beats = await loop(server, request, CONCURRENCY, seconds=seconds)
    wal = await plan.bed.wal_bytes() - wal
    after = await _updates(plan)
    updates, hot = (late - early for late, early in zip(after, before, strict=True))
    sent = Read("heartbeats", CONCURRENCY, beats, usage)
    return sent, wal / len(beats.latencies), hot / updates if updates else 0.0


async def _updates(plan: Plan) -> tuple[int, int]:
    query = """
    SELECT n_tup_upd, n_tup_hot_upd, pg_stat_force_next_flush() FROM pg_stat_user_tables
    WHERE relname = 'registry_leases'"""
    [row] = await plan.bed.fetch(OURS, query)
    return int(row["n_tup_upd"]), int(row["n_tup_hot_upd"])


def _result(entries: int, reads: list[Read], beats: Read, wal: float, share: float) -> Result:
    result = Result("registry", f"The registry with {entries:,} entries of {WORDS} words")
    spent = (f"{who} CPU ms" for who in ("PostgreSQL", "registry", "load"))
    columns = ("request", "at once", "per second", "p50 ms", "p95 ms", "p99 ms", *spent)
    result.tables.append(Table("Requests", columns, tuple(each.row() for each in (*reads, beats))))
    most = [each for each in reads if each.at_once not in FEWER]
    result.bars.append(
        Bars(result.title, "requests/s", tuple((each.name, Spread.of([each.loop.rate])) for each in most))
    )
    for each in most:
        if each.name in SEARCHES:
            target = f"at least {SEARCHES_A_SECOND:g} a second, p99 at most {SEARCH_MS:g} ms"
            reached = each.loop.rate >= SEARCHES_A_SECOND and each.ms(0.99) <= SEARCH_MS
            measured = f"{each.loop.rate:.0f}/s, {each.ms(0.99):.1f} ms"
            what = f"{result.title}, {each.name}, {CONCURRENCY} at once"
            result.verdicts.append(Verdict(what, target, measured, reached))
        elif each.name == UNKNOWN:
            what, target = f"{result.title}, {UNKNOWN}: p50", f"at most {UNKNOWN_MS:g} ms"
            result.verdicts.append(Verdict(what, target, f"{each.ms(0.5):.2f} ms", each.ms(0.5) <= UNKNOWN_MS))
    sent, usage = len(beats.loop.latencies), beats.usage
    cores = usage.database / sent * HEARTBEATS_A_SECOND
    bytes_a_second = wal * HEARTBEATS_A_SECOND
    result.verdicts.append(
        Verdict(
            f"{result.title}, {HEARTBEATS_A_SECOND:,.0f} heartbeats a second: PostgreSQL",
            f"under {HEARTBEAT_CORES:g} cores and {HEARTBEAT_BYTES / 1e6:g} MB/s of write-ahead log",
            f"{cores:.2f} cores, {bytes_a_second / 1e6:.2f} MB/s",
            cores < HEARTBEAT_CORES and bytes_a_second < HEARTBEAT_BYTES,
        )
    )
    result.notes = [
        f"Of {sent:,} heartbeats {share:.0%} stayed on their page (HOT). The registry itself used "
        f"{usage.server / sent * HEARTBEATS_A_SECOND:.2f} cores for a thousand a second."
    ]
    return result
