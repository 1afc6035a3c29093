"""Streamed chunks: what a chunk costs when its task has 100, 1,000 and 10,000 of them."""

import asyncio
import time
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.load import Client, LoadError, Stream
from bench.meter import metered
from bench.plan import Plan
from bench.processes import Server
from bench.report import Bars, Cell, Result, Table, Verdict
from bench.servers import LABELS, MEMORY, OURS, POSTGRES
from bench.statistics import Spread, ratios

CHUNK_BYTES = 200
CHUNKS = (100, 1_000, 10_000)
REPEATS = {100: 10, 1_000: 2, 10_000: 1}
"""Streams in one sample: CPU is counted in hundredths of a second."""
CAP_SECONDS = {True: 15.0, False: 120.0}
"""For one sample; a server that needs longer is judged by the chunks that it sent until then."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One server in one round, with streams of one length."""

    chunks: int
    ms: float
    server_ms: float
    database_ms: float
    whole: bool


async def run(plan: Plan) -> Result:
    """Every server and length in turn, round by round."""
    rounds = plan.pick(3, 2)
    samples: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(plan.bed.serving(kind)) for kind in (OURS, MEMORY, POSTGRES)]
        for server in servers:
            await _sample(plan, server, 20, 1)
        for number in range(rounds):
            for chunks in CHUNKS:
                for server in servers:
                    if number and samples[server.kind, chunks][0].whole is False:
                        continue  # what was cut off once would be again
                    sample = await _sample(plan, server, chunks, REPEATS[chunks])
                    samples[server.kind, chunks].append(sample)
                    plan.say(
                        f"  round {number + 1}, {chunks} chunks, {LABELS[server.kind]}: {sample.ms:.3f} ms and"
                        f" {sample.server_ms:.3f} ms CPU a chunk{'' if sample.whole else ', cut off'}"
                    )
    return _result(samples)


async def _sample(plan: Plan, server: Server, chunks: int, repeats: int) -> Sample:
    client, received, whole = Client(server), 0, True
    with metered(plan.bed, server) as usage:
        until = time.monotonic() + CAP_SECONDS[plan.quick]
        for _ in range(repeats):
            stream = Stream()
            async with client.connections(1) as (connection,):
                text = f"stream {chunks} {CHUNK_BYTES}"
                request = client.message(text, method="SendStreamingMessage")
                try:
                    async with asyncio.timeout_at(asyncio.get_running_loop().time() + until - time.monotonic()):
                        answer = await connection.send(request, stream.on_event)
                except TimeoutError:
                    whole = False
                else:
                    whole = whole and stream.completed
                    if answer.body:
                        raise LoadError(f"{server.kind}: HTTP {answer.status}: {answer.body[:300]!r}")
            received += stream.chunks
            if not whole:
                break
    if not received:
        raise LoadError(f"{server.kind} sent no chunk.")
    per = 1000 / received
    return Sample(received, usage.seconds * per, usage.server * per, usage.database * per, whole)


def _result(samples: dict[tuple[str, int], list[Sample]]) -> Result:
    result = Result("chunks", f"Streamed chunks of {CHUNK_BYTES} bytes")
    for chunks in CHUNKS:
        rows: list[tuple[Cell, ...]] = []
        ours = samples[OURS, chunks]
        for kind in (OURS, MEMORY, POSTGRES):
            taken = samples[kind, chunks]
            rows.append(
                (
                    LABELS[kind],
                    Spread.of([item.ms for item in taken]),
                    Spread.of([item.server_ms for item in taken]),
                    Spread.of([item.database_ms for item in taken]),
                    ratios([item.ms for item in taken], [item.ms for item in ours]) if kind != OURS else None,
                    "yes" if all(item.whole for item in taken) else f"cut off at {taken[0].chunks:,}",
                )
            )
        columns = ("server", "ms a chunk", "server CPU ms", "PostgreSQL CPU ms", "ours is … times as fast", "whole")
        result.tables.append(Table(f"One task of {chunks:,} chunks", columns, tuple(rows)))
        values = tuple(
            (LABELS[kind], Spread.of([s.ms for s in samples[kind, chunks]]))
            for kind in LABELS
            if (kind, chunks) in samples
        )
        result.bars.append(Bars(f"One task of {chunks:,} chunks", "ms a chunk", values))
    result.verdicts = _verdicts(samples)
    result.notes = [
        f"A sample of more than {CAP_SECONDS[False]:.0f} s ({CAP_SECONDS[True]:.0f} s when quick) is cut off and "
        "judged by the chunks that came until then, which flatters a server whose cost grows. The SDK drops a reader "
        "that is 1,024 events behind; such a stream counts as cut off too."
    ]
    return result


def _verdicts(samples: dict[tuple[str, int], list[Sample]]) -> list[Verdict]:
    faster = ratios([s.ms for s in samples[POSTGRES, 1_000]], [s.ms for s in samples[OURS, 1_000]])
    growth = ratios([s.server_ms for s in samples[OURS, 10_000]], [s.server_ms for s in samples[OURS, 100]])
    slower = ratios([s.ms for s in samples[OURS, 10_000]], [s.ms for s in samples[OURS, 100]])
    return [
        Verdict(
            f"1,000 streamed chunks against {LABELS[POSTGRES]}",
            "at least 20 times its speed",
            f"{faster} times",
            faster.median >= 20,
        ),
        Verdict(
            "cost of a chunk at 10,000 against that at 100",
            "within 1.2 times",
            f"{slower} times the time, {growth} times the server's CPU",
            growth.median <= 1.2 and slower.median <= 1.2,
        ),
    ]
