"""Pauses: p99 against p50 with one client, and what the garbage collector has to do with it."""

from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.load import Client, closed_loop
from bench.plan import Plan
from bench.report import Bars, Result, Table, Verdict
from bench.servers import LABELS, MEMORY, OURS
from bench.statistics import Spread, percentile

MESSAGE = "echo hello world"
TIMES = 5
SERVERS = (
    (OURS, "default"),
    (OURS, "freeze"),
    (OURS, "threshold"),
    (OURS, "both"),
    (OURS, "off"),
    (MEMORY, "default"),
    (MEMORY, "off"),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One server in one round, milliseconds."""

    p50: float
    p99: float
    worst: float


async def run(plan: Plan) -> Result:
    """Every server and collector setting in turn, round by round."""
    chosen = [SERVERS[0], SERVERS[3], SERVERS[4], SERVERS[5]] if plan.quick else list(SERVERS)
    rounds, seconds = plan.pick(4, 2), float(plan.pick(4, 3))
    samples: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        servers = [
            (mode, await stack.enter_async_context(plan.bed.serving(kind, gc_mode=mode))) for kind, mode in chosen
        ]
        for _, server in servers:
            await closed_loop(Client(server), MESSAGE, 4, 1.0)
        for _ in range(rounds):
            for mode, server in servers:
                latencies, _ = await closed_loop(Client(server), MESSAGE, 1, seconds)
                milliseconds = [latency * 1000 for latency in latencies]
                samples[server.kind, mode].append(
                    Sample(percentile(milliseconds, 0.5), percentile(milliseconds, 0.99), max(milliseconds))
                )
    return _result(plan, samples)


def _result(plan: Plan, samples: dict[tuple[str, str], list[Sample]]) -> Result:
    result = Result("pauses", "Pauses: p99 with one client")
    times = {key: Spread.of([item.p99 / item.p50 for item in taken]) for key, taken in samples.items()}
    rows = tuple(
        (
            LABELS[kind],
            mode,
            Spread.of([item.p50 for item in taken]),
            Spread.of([item.p99 for item in taken]),
            Spread.of([item.worst for item in taken]),
            times[kind, mode],
        )
        for (kind, mode), taken in samples.items()
    )
    columns = ("server", "garbage collection", "p50 ms", "p99 ms", "worst ms", "p99 over p50")
    result.tables.append(Table("Blocking SendMessage, one client", columns, rows))
    result.bars.append(
        Bars(
            "p99 over p50, one client",
            "times",
            tuple((f"{LABELS[kind]}, {mode}", spread) for (kind, mode), spread in times.items()),
        )
    )
    own = times[OURS, "default"]
    result.verdicts = [Verdict("p99 at one client", f"under {TIMES} times p50", f"{own} times", own.median < TIMES)]
    result.notes = [
        "`freeze` is `gc.freeze()` once the server answers, `threshold` is `gc.set_threshold(50_000, 20, 100)`, "
        "`both` is both, `off` collects nothing: the floor, not a proposal."
    ]
    for (kind, mode), spread in times.items():
        plan.say(f"  {LABELS[kind]}, collector {mode}: p99 is {spread} times p50")
    return result
