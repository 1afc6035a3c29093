"""Idle subscribers: what each costs in memory and CPU, and how far apart one event reaches 500 of them."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bench.load import Client, LoadError, Stream
from bench.meter import metered
from bench.plan import Plan
from bench.processes import Server
from bench.report import Bars, Cell, Result, Table, Verdict
from bench.servers import CLUSTER, LABELS, MEMORY, OURS
from bench.statistics import Spread, number

FAN_OUT = 500
IDLE = 2_000
EVENTS = 8
PAUSE_SECONDS = 0.4
WARM = 20
KIB_EACH = 25
IDLE_SHARE = 0.02
SPREAD_MS = 50
EVENT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One replica with its subscribers. `spread` is from the first to the last of 500, `late` from the event on."""

    where: str
    kind: str
    subscribers: int
    kib_each: float
    idle_share: float
    database_share: float
    spread: Spread
    late: Spread


async def run(plan: Plan) -> Result:
    """Subscribers where the task runs, and on another replica."""
    samples: list[Sample] = []
    for kind, count, elsewhere in [
        (OURS, IDLE, False),
        (OURS, IDLE, True),
        (MEMORY, FAN_OUT, False),
        *([] if plan.quick else [(CLUSTER, FAN_OUT, True)]),
    ]:
        sample = await _sample(plan, kind, count, elsewhere=elsewhere)
        samples.append(sample)
        plan.say(
            f"  {LABELS[kind]}, {sample.where}: {sample.kib_each:.1f} KiB each of {count}, idle "
            f"{sample.idle_share:.1%} of a core, one event to {FAN_OUT} within {sample.spread} ms"
        )
    return _result(samples)


async def _sample(plan: Plan, kind: str, count: int, *, elsewhere: bool) -> Sample:
    async with AsyncExitStack() as stack:
        owner = await stack.enter_async_context(plan.bed.serving(kind))
        other = await stack.enter_async_context(plan.bed.serving(kind)) if elsewhere else owner
        task_id = await _begin(owner)
        client = Client(other)
        async with _subscribed(client, task_id, WARM):
            pass
        await asyncio.sleep(0.5)
        before = other.rss_bytes()
        async with _subscribed(client, task_id, FAN_OUT) as streams:
            spreads, lates = await _fan_out(owner, streams)
            async with _subscribed(client, task_id, count - FAN_OUT):
                await asyncio.sleep(1.0)
                grown = other.rss_bytes() - before
                with metered(plan.bed, other) as usage:
                    await asyncio.sleep(plan.pick(10, 4))
        return Sample(
            "on another replica" if elsewhere else "where the task runs",
            kind,
            count,
            grown / 1024 / count,
            usage.server / usage.seconds,
            usage.database / usage.seconds,
            Spread.of(spreads),
            Spread.of(lates),
        )


async def _begin(owner: Server) -> str:
    """A task that runs and says something at every SIGUSR1; its id."""
    client = Client(owner)
    async with client.connections(1) as (connection,):
        result = await client.call(connection, client.message("signal 1000", at_once=True))
    await asyncio.sleep(0.3)
    return str(result["task"]["id"])


@asynccontextmanager
async def _subscribed(client: Client, task_id: str, count: int) -> AsyncIterator[list[Stream]]:
    """Subscribers that have all got the task."""
    streams = [Stream() for _ in range(count)]
    async with client.connections(count) as connections:
        request = client.request("SubscribeToTask", {"id": task_id})
        for connection, stream in zip(connections, streams, strict=True):
            connection.send(request, stream.on_event)
        await _until(lambda: all(stream.moments for stream in streams), "the task")
        yield streams


async def _fan_out(owner: Server, streams: list[Stream]) -> tuple[list[float], list[float]]:
    """Let the task say something, some times; milliseconds from first to last, and from the event to the last."""
    spreads, lates = list[float](), list[float]()
    for _ in range(EVENTS):
        await asyncio.sleep(PAUSE_SECONDS)
        heard = len(streams[0].lateness)
        owner.signal(signal.SIGUSR1)
        await _until(_heard(streams, heard + 1), "an event")
        moments = [stream.moments[-1] for stream in streams]
        spreads.append((max(moments) - min(moments)) * 1000)
        lates.append(max(stream.lateness[-1] for stream in streams) * 1000)
    return spreads, lates


def _heard(streams: list[Stream], count: int) -> Callable[[], bool]:
    return lambda: all(len(stream.lateness) >= count for stream in streams)


async def _until(reached: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + EVENT_SECONDS
    while not reached():
        if time.monotonic() > until:
            raise LoadError(f"Not every subscriber got {what} within {EVENT_SECONDS:g} s.")
        await asyncio.sleep(0.005)


def _result(samples: list[Sample]) -> Result:
    result = Result("subscribers", "Idle subscribers")
    rows: list[tuple[Cell, ...]] = [
        (
            LABELS[item.kind],
            item.where,
            item.subscribers,
            item.kib_each,
            item.idle_share * 100,
            item.database_share * 100,
            item.spread,
            item.late,
        )
        for item in samples
    ]
    columns = ("server", "subscribers are", "subscribers", "KiB each", "idle CPU %", "PostgreSQL idle CPU %")
    fan_out = (f"one event to {FAN_OUT}: first to last ms", "event to last ms")
    result.tables.append(Table("SubscribeToTask of one running task", (*columns, *fan_out), tuple(rows)))
    labels = [f"{LABELS[item.kind]}, {'elsewhere' if 'another' in item.where else 'same'}" for item in samples]
    result.bars += [
        Bars(
            "Memory of an idle subscriber",
            "KiB",
            tuple((label, Spread.of([item.kib_each])) for label, item in zip(labels, samples, strict=True)),
        ),
        Bars(
            f"One event to {FAN_OUT} subscribers, event to last",
            "ms",
            tuple((label, item.late) for label, item in zip(labels, samples, strict=True)),
        ),
    ]
    for item in samples:
        if item.kind == OURS:
            result.verdicts += _verdicts(item)
    result.notes = ["Percentages are of one core, while nothing happens. `same` is the replica that runs the task."]
    return result


def _verdicts(item: Sample) -> list[Verdict]:
    what = f"{item.subscribers:,} idle subscribers {item.where}"
    fits = item.kib_each < KIB_EACH and item.subscribers >= IDLE
    return [
        Verdict(f"{what}: memory", f"under {KIB_EACH} KiB each", f"{number(item.kib_each)} KiB", fits),
        Verdict(f"{what}: CPU", "under 2 % of a core", f"{item.idle_share:.1%}", item.idle_share < IDLE_SHARE),
        Verdict(
            f"one event to {FAN_OUT} subscribers {item.where}",
            f"within {SPREAD_MS} ms",
            f"{item.late} ms",
            item.late.median <= SPREAD_MS,
        ),
    ]
