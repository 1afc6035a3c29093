"""Many streams at once: 100 tasks that each send 50 chunks a second, as 100 models that speak would."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass

from bench.load import Client, Connection, Stream
from bench.meter import metered
from bench.plan import Plan
from bench.processes import Server
from bench.report import Bars, Cell, Result, Table, Verdict
from bench.servers import LABELS, MEMORY, OURS, POSTGRES
from bench.statistics import Spread, percentile

TASKS = 100
CHUNKS_PER_SECOND = 50
CHUNK_BYTES = 64
LATE_SECONDS = 0.1
QUARTER_CORE = 0.25
PATIENCE = 2.0
"""A server may take so many times as long as the streams last; then it is cut off."""
KINDS = (OURS, MEMORY, POSTGRES)


@dataclass(frozen=True, slots=True)
class Sample:
    """One server in one round."""

    p50: float
    p99: float
    worst: float
    server_share: float
    database_share: float
    load_share: float
    received: float
    """Share of the chunks that came before the bench lost patience."""


async def run(plan: Plan) -> Result:
    """Every server in turn, round by round."""
    rounds, seconds = plan.pick(3, 1), plan.pick(10, 5)
    samples: dict[str, list[Sample]] = defaultdict(list)
    for number in range(rounds):
        for kind in KINDS:
            # A server that could not keep up works on when its clients are gone: each gets a process of its own.
            async with plan.bed.serving(kind, concurrency=2 * TASKS) as server:
                await _sample(plan, server, 5, 1)
                sample = await _sample(plan, server, TASKS, seconds)
            samples[kind].append(sample)
            plan.say(
                f"  round {number + 1}, {LABELS[kind]}: late {sample.p50:.1f} ms at p50, {sample.p99:.0f} ms at p99, "
                f"{sample.server_share:.0%} of a core, PostgreSQL {sample.database_share:.0%}, "
                f"{sample.received:.0%} received"
            )
    return _result(samples)


async def _sample(plan: Plan, server: Server, tasks: int, seconds: int) -> Sample:
    client, count = Client(server), CHUNKS_PER_SECOND * seconds
    streams = [Stream() for _ in range(tasks)]
    text = f"paced {count} {CHUNKS_PER_SECOND} {CHUNK_BYTES}"
    async with client.connections(tasks) as connections:
        with metered(plan.bed, server) as usage, suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE * seconds + 1):
                await asyncio.gather(
                    *(
                        _follow(client.message(text, method="SendStreamingMessage"), number, tasks, connection, stream)
                        for number, (connection, stream) in enumerate(zip(connections, streams, strict=True))
                    )
                )
    lateness = [late * 1000 for stream in streams for late in stream.lateness]
    return Sample(
        p50=percentile(lateness, 0.5),
        p99=percentile(lateness, 0.99),
        worst=max(lateness, default=float("nan")),
        server_share=usage.server / usage.seconds,
        database_share=usage.database / usage.seconds,
        load_share=usage.load / usage.seconds,
        received=sum(stream.chunks for stream in streams) / (tasks * count),
    )


async def _follow(request: bytes, number: int, tasks: int, connection: Connection, stream: Stream) -> None:
    await asyncio.sleep(number / tasks / CHUNKS_PER_SECOND * 5)  # models do not speak in step
    await connection.send(request, stream.on_event)


def _result(samples: dict[str, list[Sample]]) -> Result:
    result = Result("streams", f"{TASKS} tasks with {CHUNKS_PER_SECOND} chunks a second each")
    rows: list[tuple[Cell, ...]] = [
        (
            LABELS[kind],
            Spread.of([item.p50 for item in taken]),
            Spread.of([item.p99 for item in taken]),
            Spread.of([item.worst for item in taken]),
            Spread.of([item.server_share * 100 for item in taken]),
            Spread.of([item.database_share * 100 for item in taken]),
            Spread.of([item.load_share * 100 for item in taken]),
            Spread.of([item.received * 100 for item in taken]),
        )
        for kind, taken in samples.items()
    ]
    columns = ("server", "late p50 ms", "p99 ms", "worst ms", "server %", "PostgreSQL %", "load %", "received %")
    result.tables.append(Table("Lateness against the moment at which the chunk was due", columns, tuple(rows)))
    values = tuple((LABELS[kind], Spread.of([item.p99 for item in taken])) for kind, taken in samples.items())
    result.bars.append(Bars(f"{TASKS} tasks streaming: lateness at p99", "ms", values))
    late = Spread.of([item.p99 for item in samples[OURS]])
    share = Spread.of([item.database_share for item in samples[OURS]])
    result.verdicts = [
        Verdict(f"{result.title}: lateness at p99", "at most 100 ms", f"{late} ms", late.median <= LATE_SECONDS * 1000),
        Verdict(
            f"{result.title}: CPU of PostgreSQL", "below a quarter core", f"{share} cores", share.median < QUARTER_CORE
        ),
    ]
    result.notes = [
        "Percentages are of one core. Lateness counts from the moment at which a chunk was due, so a server that falls "
        f"behind cannot hide it; one that needs {PATIENCE:g} times as long as the streams last is cut off."
    ]
    return result
