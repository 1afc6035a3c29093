"""Takeover: a replica is killed with its tasks under way; how long until the other has brought all of them to rest."""

import asyncio
import time
from dataclasses import dataclass

from bench.load import Client
from bench.plan import Plan
from bench.report import Bars, Result, Table, Verdict
from bench.servers import OURS
from bench.statistics import Spread, percentile

LEASES = (2.0, 10.0)
TASKS = 50
WORK_SECONDS = 1.0
KILLED_AFTER_SECONDS = 0.4
GRACE_SECONDS = 2.0
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """One kill."""

    resting: float
    """Seconds from the kill until every task rested."""
    begun: tuple[float, ...]
    """Seconds from the kill until each task was begun again."""
    completed: int


async def run(plan: Plan) -> Result:
    """Kill one of two replicas, some times for each lease."""
    samples = {lease: [await _kill(plan, lease) for _ in range(plan.pick(4, 2))] for lease in LEASES}
    result = Result("takeover", "Takeover after kill -9")
    rows = tuple(
        (
            lease,
            Spread.of([percentile(item.begun, 0.5) for item in taken]),
            Spread.of([max(item.begun) for item in taken]),
            Spread.of([item.resting for item in taken]),
            f"{sum(item.completed for item in taken)} of {TASKS * len(taken)}",
        )
        for lease, taken in samples.items()
    )
    columns = ("lease s", "begun again, p50 s", "begun again, last s", "all at rest s", "completed")
    result.tables.append(Table(f"{TASKS} tasks of {WORK_SECONDS:g} s on the killed replica", columns, rows))
    for lease, taken in samples.items():
        resting = Spread.of([item.resting for item in taken])
        result.verdicts.append(
            Verdict(
                f"all tasks at rest after kill -9, lease {lease:g} s",
                f"within {lease + GRACE_SECONDS:g} s",
                f"{resting} s, {sum(item.completed for item in taken)} of {TASKS * len(taken)} completed",
                resting.high <= lease + GRACE_SECONDS and all(item.completed == TASKS for item in taken),
            )
        )
    values = tuple(
        (f"agentnet, lease {lease:g} s", Spread.of([item.resting for item in taken]))
        for lease, taken in samples.items()
    )
    result.bars.append(Bars("From kill -9 to all tasks at rest", "s", values))
    result.notes = [
        f"The time includes the {WORK_SECONDS:g} s that a task takes when it is begun again. The verdict is about the "
        "slowest kill. A plain a2a-sdk server has no takeover: its tasks stay working for ever."
    ]
    return result


async def _kill(plan: Plan, lease: float) -> Sample:
    async with (
        plan.bed.serving(OURS, lease_seconds=lease) as doomed,
        plan.bed.serving(OURS, lease_seconds=lease) as survivor,
    ):
        client = Client(doomed)
        async with client.connections(TASKS) as connections:
            requests = [client.message(f"work {WORK_SECONDS}", at_once=True) for _ in connections]
            answers = await asyncio.gather(
                *(client.call(connection, request) for connection, request in zip(connections, requests, strict=True))
            )
            await asyncio.sleep(KILLED_AFTER_SECONDS)
            await doomed.kill()
        killed = time.monotonic()
        task_ids = [str(answer["task"]["id"]) for answer in answers]
        sample = await _watch(plan, task_ids, killed)
        assert survivor.process.returncode is None
    plan.say(f"  lease {lease:g} s: all at rest after {sample.resting:.2f} s, {sample.completed} of {TASKS} completed")
    return sample


async def _watch(plan: Plan, task_ids: list[str], killed: float) -> Sample:
    """Look at the tasks' rows until all rest."""
    chosen = ", ".join(f"'{task_id}'" for task_id in task_ids)
    begun: dict[str, float] = {}
    while True:
        rows = await plan.bed.fetch(OURS, f"SELECT id::text, state, epoch FROM tasks WHERE id IN ({chosen})")
        now = time.monotonic() - killed
        for row in rows:
            if row["epoch"] > 1:
                begun.setdefault(row["id"], now)
        if now > PATIENCE_SECONDS or not any(row["state"] in (1, 2) for row in rows):
            completed = sum(row["state"] == 3 for row in rows)
            return Sample(now, tuple(begun.values()) or (float("nan"),), completed)
        await asyncio.sleep(POLL_SECONDS)
