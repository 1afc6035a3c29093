"""Time to the first event: from the request sent to the first data line of its stream."""

import time
from collections import defaultdict
from contextlib import AsyncExitStack

from bench.load import Client, LoadError, Stream
from bench.plan import Plan
from bench.processes import Server
from bench.report import Bars, Result, Table, Verdict
from bench.servers import LABELS, MEMORY, OURS, POSTGRES
from bench.statistics import Spread, percentile, ratios

KINDS = (OURS, MEMORY, POSTGRES)


async def run(plan: Plan) -> Result:
    """Every server in turn, round by round; one stream at a time on a connection that is kept."""
    rounds, streams = plan.pick(8, 4), plan.pick(100, 40)
    first: dict[str, list[list[float]]] = defaultdict(list)
    last: dict[str, list[list[float]]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(plan.bed.serving(kind)) for kind in KINDS]
        for server in servers:
            await _sample(server, 20)
        for _ in range(rounds):
            for server in servers:
                one, other = await _sample(server, streams)
                first[server.kind].append(one)
                last[server.kind].append(other)
    for kind in KINDS:
        plan.say(f"  {LABELS[kind]}: first event after {_spread(first[kind], 0.5)} ms at p50")
    return _result(first, last)


async def _sample(server: Server, streams: int) -> tuple[list[float], list[float]]:
    """Milliseconds to the first and to the last event of each stream."""
    client, first, last = Client(server), list[float](), list[float]()
    async with client.connections(1) as (connection,):
        for _ in range(streams):
            stream, request = Stream(), client.message("echo hello world", method="SendStreamingMessage")
            sent = time.monotonic()
            await connection.send(request, stream.on_event)
            if not stream.completed:
                raise LoadError(f"{server.kind}: the stream did not end with a completed task.")
            first.append((stream.moments[0] - sent) * 1000)
            last.append((stream.moments[-1] - sent) * 1000)
    return first, last


def _spread(rounds: list[list[float]], share: float) -> Spread:
    return Spread.of([percentile(values, share) for values in rounds])


def _result(first: dict[str, list[list[float]]], last: dict[str, list[list[float]]]) -> Result:
    result = Result("first_event", "Time to first event")
    columns = ("server", "first p50 ms", "first p99 ms", "last p50 ms", "last p99 ms")
    rows = tuple(
        (
            LABELS[kind],
            _spread(first[kind], 0.5),
            _spread(first[kind], 0.99),
            _spread(last[kind], 0.5),
            _spread(last[kind], 0.99),
        )
        for kind in KINDS
    )
    result.tables.append(Table("One stream at a time", columns, rows))
    result.bars.append(
        Bars("Time to first event, p50", "ms", tuple((LABELS[kind], _spread(first[kind], 0.5)) for kind in KINDS))
    )
    ratio = ratios(*([percentile(values, 0.5) for values in first[kind]] for kind in (OURS, MEMORY)))
    result.verdicts = [
        Verdict(f"time to first event at p50 against {LABELS[MEMORY]}", "below it", f"{ratio} times", ratio.median < 1)
    ]
    return result
