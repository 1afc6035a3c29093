"""Runs of an agent: three turns of its model and two calls of tools, as a task of a specialist and as a plain `Runner`.

Both sides have the same scripted model, which costs next to nothing, the same instructions, and the same tool server of
the network, with event streams off, in a process of its own. Ours is a replica as `agentnet serve agent` runs it, asked
with a blocking SendMessage over HTTP: it checks a key, stores the task, each step and the answer in PostgreSQL, keeps a
lease, streams the model's words, and tells of its steps. The plain side is `Runner.run` of the OpenAI Agents SDK in a
process without any of this, not even HTTP: its runs begin in a loop in the same process. It runs through the SDK's own
MCP client, connected once, whose list of tools is kept. So all that the network adds is in the difference.
`Runner.run_streamed`, which is what streams a model's words, is shown beside it and decides nothing.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bench.load import Client, closed_loop
from bench.meter import metered
from bench.plain_runner import MESSAGE
from bench.plan import Plan
from bench.processes import LOAD_CORE, Server, child
from bench.report import Bars, Cell, Result, Table, Verdict
from bench.servers import REGISTRY, TOOL_USER, TOOLBOX
from bench.statistics import Spread, percentile, ratios

OURS, PLAIN, STREAMED = "ours", "run", "streamed"
LABELS = {OURS: "agentnet", PLAIN: "Runner.run", STREAMED: "Runner.run_streamed"}
CONCURRENCIES = (8, 1)
WARM_SECONDS = 2.0
TURN_SECONDS = 1.0
MOST_ADDED_MS = 6.0
LEAST_SHARE = 0.8

Loop = Callable[[int, float], Awaitable[tuple[list[float], float]]]
"""Runs in a closed loop, so many at once for so many seconds: their latencies in seconds, and how long it took."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of those that are compared."""

    kind: str
    server: Server
    loop: Loop


@dataclass(frozen=True, slots=True)
class Sample:
    """One side in one round."""

    rate: float
    p50: float
    p99: float
    server_ms: float
    database_ms: float


async def run(plan: Plan) -> Result:
    """Every side in turn, round by round."""
    samples: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    async with _sides(plan) as sides:
        for side in sides:
            await side.loop(max(CONCURRENCIES), WARM_SECONDS)
        for number in range(plan.pick(20, 8)):
            for concurrency in CONCURRENCIES:
                for side in sides:
                    sample = await _sample(plan, side, concurrency)
                    samples[side.kind, concurrency].append(sample)
                    plan.say(
                        f"  round {number + 1}, {concurrency} at once, {LABELS[side.kind]}: {sample.rate:.0f} runs/s, "
                        f"p50 {sample.p50:.1f} ms, {sample.server_ms:.2f} ms CPU"
                    )
    return _result(samples)


@asynccontextmanager
async def _sides(plan: Plan) -> AsyncIterator[list[Side]]:
    bed = plan.bed
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(bed.serving(REGISTRY, core=LOAD_CORE))
        registry_url = f"http://127.0.0.1:{registry.port}"
        tools = await stack.enter_async_context(bed.serving(TOOLBOX, core=LOAD_CORE, registry_url=registry_url))
        ours = await stack.enter_async_context(bed.serving(TOOL_USER, registry_url=registry_url))
        arguments = ("--home", str(bed.home), "--tools", f"http://127.0.0.1:{tools.port}/mcp")
        plain = await stack.enter_async_context(child(PLAIN, "bench.plain_runner", *arguments))
        client = Client(ours)
        yield [
            Side(OURS, ours, lambda concurrency, seconds: closed_loop(client, MESSAGE, concurrency, seconds)),
            Side(PLAIN, plain, _plain(plain, PLAIN)),
            Side(STREAMED, plain, _plain(plain, STREAMED)),
        ]


def _plain(server: Server, kind: str) -> Loop:
    async def loop(concurrency: int, seconds: float) -> tuple[list[float], float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 20)
        try:
            writer.write(f"{concurrency} {seconds} {kind}\n".encode())
            answer = json.loads(await reader.readline())
        finally:
            writer.close()
        return answer["latencies"], answer["took"]

    return loop


async def _sample(plan: Plan, side: Side, concurrency: int) -> Sample:
    with metered(plan.bed, side.server) as usage:
        latencies, took = await side.loop(concurrency, TURN_SECONDS)
    count = len(latencies)
    return Sample(
        rate=count / took,
        p50=percentile(latencies, 0.5) * 1000,
        p99=percentile(latencies, 0.99) * 1000,
        server_ms=usage.server / count * 1000,
        database_ms=usage.database / count * 1000,
    )


def _result(samples: dict[tuple[str, int], list[Sample]]) -> Result:
    result = Result("agent_runs", "Runs of an agent: 3 turns, 2 tools")
    for concurrency in CONCURRENCIES:
        result.tables.append(_table(concurrency, {kind: samples[kind, concurrency] for kind in LABELS}))
    rates = tuple((LABELS[kind], Spread.of([item.rate for item in samples[kind, 8]])) for kind in LABELS)
    result.bars.append(Bars("Runs of 3 turns and 2 tools, 8 at once", "runs a second", rates))
    result.verdicts = _verdicts(samples)
    result.notes = [
        "CPU is that of the process that runs the agent; the tool server's is the same for all. The plain runs are "
        "made in a loop in their process, without HTTP, and store nothing; ours streams the model's words, as "
        "Runner.run_streamed does and Runner.run does not."
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
                ratios([item.rate for item in ours], [item.rate for item in taken]) if kind != OURS else None,
            )
        )
    columns = ("runs by", "runs/s", "p50 ms", "p99 ms", "CPU ms", "PostgreSQL CPU ms", "our rate is … times")
    return Table(f"{concurrency} at once", columns, tuple(rows))


def _verdicts(samples: dict[tuple[str, int], list[Sample]]) -> list[Verdict]:
    alone, plain = samples[OURS, 1], samples[PLAIN, 1]
    added = Spread.of([one.p50 - other.p50 for one, other in zip(alone, plain, strict=True)])
    ours, theirs = samples[OURS, 8], samples[PLAIN, 8]
    share = ratios([item.rate for item in ours], [item.rate for item in theirs])
    cpu = ratios([item.server_ms for item in theirs], [item.server_ms for item in ours])
    what = "a run of 3 turns and 2 tools"
    return [
        Verdict(
            f"{what}, one client: p50 over {LABELS[PLAIN]}",
            f"at most {MOST_ADDED_MS:g} ms more",
            f"{added} ms more",
            added.median <= MOST_ADDED_MS,
        ),
        Verdict(
            f"{what}, 8 at once: rate against {LABELS[PLAIN]}",
            f"at least {LEAST_SHARE:g} of it",
            f"{share} (by CPU {cpu})",
            share.median >= LEAST_SHARE,
        ),
    ]
