"""Blocking SendMessage: a message in, a completed task out, at 16 and at 1 concurrent."""

from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.load import Client, closed_loop
from bench.meter import metered
from bench.plan import Plan
from bench.processes import Server
from bench.report import Bars, Cell, Result, Table, Verdict
from bench.servers import CLUSTER, LABELS, MEMORY, OURS, POSTGRES
from bench.statistics import Spread, percentile, ratios

CONCURRENCIES = (16, 1)
MESSAGE = "echo hello world"
MOST_P50 = 0.9
WARM_SECONDS = 1.0
TURN_SECONDS = 1.0
"""Short turns and many rounds: what else the machine does hits the servers of a round alike."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One server in one round."""

    rate: float
    p50: float
    p99: float
    server_ms: float
    database_ms: float
    load_share: float
    wal_kib: float


async def run(plan: Plan) -> Result:
    """Every server in turn, round by round."""
    kinds = [OURS, MEMORY, POSTGRES] if plan.quick else [OURS, MEMORY, POSTGRES, CLUSTER]
    rounds = plan.pick(20, 8)
    samples: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(plan.bed.serving(kind)) for kind in kinds]
        for server in servers:
            await closed_loop(Client(server), MESSAGE, 4, WARM_SECONDS)
        for number in range(rounds):
            for concurrency in CONCURRENCIES:
                for server in servers:
                    sample = await _sample(plan, server, concurrency)
                    samples[server.kind, concurrency].append(sample)
                    plan.say(
                        f"  round {number + 1}, {concurrency} concurrent, {LABELS[server.kind]}: "
                        f"{sample.rate:.0f} req/s, p50 {sample.p50:.1f} ms, {sample.server_ms:.2f} ms CPU"
                    )
    return _result(kinds, samples)


async def _sample(plan: Plan, server: Server, concurrency: int) -> Sample:
    written = await plan.bed.wal_bytes()
    with metered(plan.bed, server) as usage:
        latencies, took = await closed_loop(Client(server), MESSAGE, concurrency, TURN_SECONDS)
    written, count = await plan.bed.wal_bytes() - written, len(latencies)
    return Sample(
        rate=count / took,
        p50=percentile(latencies, 0.5) * 1000,
        p99=percentile(latencies, 0.99) * 1000,
        server_ms=usage.server / count * 1000,
        database_ms=usage.database / count * 1000,
        load_share=usage.load / usage.seconds,
        wal_kib=written / count / 1024,
    )


def _result(kinds: list[str], samples: dict[tuple[str, int], list[Sample]]) -> Result:
    result = Result("blocking", "Blocking SendMessage")
    for concurrency in CONCURRENCIES:
        by_kind = {kind: samples[kind, concurrency] for kind in kinds}
        result.tables.append(_table(concurrency, by_kind))
        result.bars.append(
            Bars(
                f"Blocking SendMessage, {concurrency} concurrent",
                "requests a second",
                tuple((LABELS[kind], Spread.of([item.rate for item in taken])) for kind, taken in by_kind.items()),
            )
        )
    result.verdicts = _verdicts(samples)
    result.notes = [
        "CPU and WAL are per request; load is the share of its core that the load generator took. "
        "Ours checks an API key, keeps leases and sends signals; the SDK's servers check nothing."
    ]
    return result


def _table(concurrency: int, by_kind: dict[str, list[Sample]]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for kind, taken in by_kind.items():
        ours = by_kind[OURS]
        rows.append(
            (
                LABELS[kind],
                Spread.of([item.rate for item in taken]),
                Spread.of([item.p50 for item in taken]),
                Spread.of([item.p99 for item in taken]),
                Spread.of([item.server_ms for item in taken]),
                Spread.of([item.database_ms for item in taken]),
                Spread.of([item.wal_kib for item in taken]),
                Spread.of([item.load_share * 100 for item in taken]),
                ratios([item.rate for item in ours], [item.rate for item in taken]) if kind != OURS else None,
                ratios([item.server_ms for item in taken], [item.server_ms for item in ours]) if kind != OURS else None,
            )
        )
    columns = ("server", "req/s", "p50 ms", "p99 ms", "server CPU ms", "PostgreSQL CPU ms", "WAL KiB", "load %")
    return Table(f"{concurrency} concurrent", (*columns, "our rate is … times", "our CPU is a …th of"), tuple(rows))


def _verdicts(samples: dict[tuple[str, int], list[Sample]]) -> list[Verdict]:
    p50 = ratios([item.p50 for item in samples[OURS, 1]], [item.p50 for item in samples[MEMORY, 1]])
    return [
        _by_cpu(samples, POSTGRES, 22),
        _by_rate(samples, MEMORY, 4),
        Verdict(
            f"blocking SendMessage, one client, p50 against {LABELS[MEMORY]}",
            f"at most {MOST_P50:g} of it",
            f"{p50} times",
            p50.median <= MOST_P50,
        ),
    ]


def _by_cpu(samples: dict[tuple[str, int], list[Sample]], kind: str, wanted: float) -> Verdict:
    """The share of its CPU that we need: of PostgreSQL's latency, which both wait for, nothing is in it."""
    cpu, rate = _against(samples, kind)
    what = f"blocking SendMessage, 16 concurrent, against {LABELS[kind]}: CPU"
    return Verdict(what, f"at most a {wanted:g}th of it", f"a {cpu}th (by rate {rate} times)", cpu.median >= wanted)


def _by_rate(samples: dict[tuple[str, int], list[Sample]], kind: str, wanted: float) -> Verdict:
    cpu, rate = _against(samples, kind)
    what = f"blocking SendMessage, 16 concurrent, against {LABELS[kind]}"
    reached = rate.median >= wanted
    return Verdict(what, f"at least {wanted:g} times its rate", f"{rate} times (by CPU {cpu})", reached)


def _against(samples: dict[tuple[str, int], list[Sample]], kind: str) -> tuple[Spread, Spread]:
    """How many times our CPU it needs, and how many times its rate we have."""
    ours, theirs = samples[OURS, 16], samples[kind, 16]
    cpu = ratios([item.server_ms for item in theirs], [item.server_ms for item in ours])
    return cpu, ratios([item.rate for item in ours], [item.rate for item in theirs])
