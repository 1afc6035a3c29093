"""What became of it: the figures of a run, and everything that would be wrong, in words."""

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from a2a.types.a2a_pb2 import StreamResponse, Task, TaskState

from agentnet.tasks.projection import Projection
from tests.chaos.client import Client
from tests.chaos.stage import HELPER, WORKER

COMPLETED, CANCELED = TaskState.TASK_STATE_COMPLETED, TaskState.TASK_STATE_CANCELED

_EVENTS = """
SELECT seq, epoch, body, extract(epoch FROM at)::float8 AS at FROM task_events WHERE task_id = $1 ORDER BY seq
"""


@dataclass(slots=True)
class Verdict:
    """`wrong` is empty if all is well."""

    wrong: list[str] = field(default_factory=list[str])
    tasks: int = 0
    children: int = 0
    lost: int = 0
    stuck: int = 0
    calls: int = 0
    repeated_in_flight: int = 0
    repeated_journaled: int = 0
    takeovers: list[float] = field(default_factory=list[float])
    """Seconds from the fault (or the silence) until the next owner's first event."""

    def report(self, faults: Counter[str], clients: Sequence[Client], seconds: float) -> str:
        """The figures, a line each."""
        durations = sorted(self.takeovers)
        lines = {
            "tasks": f"{self.tasks} and {self.children} delegated, in {seconds:.0f} s",
            "kills (-9)": faults["kill"],
            "pauses beyond the lease": faults["pause"],
            "PostgreSQL restarts": f"{faults['postgres fast']} fast, {faults['postgres immediate']} immediate",
            "Redis kills": faults["redis"],
            "streams opened by clients": sum(client.streams for client in clients),
            "errors that clients rode out": sum(len(client.errors) for client in clients),
            "tool calls": self.calls,
            "repeated in flight": self.repeated_in_flight,
            "repeated though journaled": self.repeated_journaled,
            "takeovers": len(durations),
            "takeover p50 / p99 / max": " / ".join(f"{_quantile(durations, q):.2f} s" for q in (0.5, 0.99, 1.0)),
            "lost": self.lost,
            "stuck": self.stuck,
        }
        return "\n".join(f"  {name:<30} {value}" for name, value in lines.items())


def judge_client(verdict: Verdict, client: Client, stored: Task) -> None:
    """A client has seen what is stored, and that is right."""
    name = f"job {client.job.number} ({client.job.kind}, task {client.task_id})"
    seen = client.seen.task(0)
    del stored.history[:]
    if seen != stored:
        verdict.wrong.append(f"{name}: the client saw\n{seen}\nand stored is\n{stored}")
    state = stored.status.state
    if client.canceled:
        if state != CANCELED:
            verdict.wrong.append(f"{name}: was canceled and is {TaskState.Name(state)}")
        return
    if state != COMPLETED:
        verdict.wrong.append(f"{name}: is {TaskState.Name(state)}: {stored.status.message}")
        return
    answers = ["".join(part.text for part in one.parts) for one in stored.artifacts if one.artifact_id == "response"]
    if answers != [client.job.answer]:
        verdict.wrong.append(f"{name}: answered {answers} instead of {client.job.answer!r}")


async def judge_store(verdict: Verdict, url: str, clients: Sequence[Client], faults: Sequence[float]) -> None:
    """The tables hold every task once, at rest, with a dense log that adds up to its snapshot."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT * FROM tasks")
        mine = [row for row in rows if row["agent"] == WORKER]
        verdict.tasks, verdict.children = len(mine), sum(row["agent"] == HELPER for row in rows)
        known = {row["message_id"] for row in mine}
        missing = [client.message_id for client in clients if client.message_id not in known]
        verdict.lost = len(missing)
        if missing:
            verdict.wrong.append(f"lost: {missing}")
        delegating = sum(client.job.kind == "delegate" for client in clients)
        if verdict.children != delegating:
            verdict.wrong.append(f"{verdict.children} delegated tasks of {delegating} delegations")
        for row in rows:
            await _judge_row(verdict, connection, row, faults)
        inputs = await connection.fetchval("SELECT count(*) FROM task_inputs")
        if inputs:
            verdict.wrong.append(f"{inputs} inputs were never taken")
    finally:
        await connection.close()


async def _judge_row(
    verdict: Verdict, connection: asyncpg.Connection, row: asyncpg.Record, faults: Sequence[float]
) -> None:
    if row["state"] not in (COMPLETED, CANCELED):
        verdict.stuck += 1
        verdict.wrong.append(f"{row['agent']} {row['id']} rests in state {row['state']}, attempt {row['attempt']}")
    if row["lease_owner"] is not None:
        verdict.wrong.append(f"{row['agent']} {row['id']} is still leased to {row['lease_owner']}")
    events = await connection.fetch(_EVENTS, row["id"])
    if [event["seq"] for event in events] != list(range(1, row["last_seq"] + 1)):
        verdict.wrong.append(f"the log of {row['id']} is not dense up to {row['last_seq']}")
    fold = Projection()
    for event in events:
        fold.apply(StreamResponse.FromString(event["body"]))
    if row["snapshot"] is None or fold.snapshot() != Task.FromString(row["snapshot"]):
        verdict.wrong.append(f"the snapshot of {row['id']} is not what its events add up to")
    for before, after in itertools.pairwise(events):
        if after["epoch"] < before["epoch"]:
            verdict.wrong.append(f"the log of {row['id']} goes back to epoch {after['epoch']} at {after['seq']}")
        resumed = StreamResponse.FromString(after["body"]).HasField("message")
        if after["epoch"] > before["epoch"] > 0 and not resumed:
            began = next((moment for moment in faults if before["at"] < moment < after["at"]), before["at"])
            verdict.takeovers.append(after["at"] - began)


async def judge_ledger(verdict: Verdict, url: str, ledger: Path) -> None:
    """No call was begun after its result was journaled; what was in flight may have been begun again."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT task_id, key, extract(epoch FROM at)::float8 AS at FROM journal WHERE key LIKE 't:%'"
        )
    finally:
        await connection.close()
    journaled = {(str(row["task_id"]), row["key"].removeprefix("t:")): row["at"] for row in rows}
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    begun = [line for line in lines if line["phase"] == "begin"]
    times: Counter[tuple[str, str]] = Counter((line["task"], line["call"]) for line in begun)
    verdict.calls = len(times)
    for line in begun:
        at = journaled.get((line["task"], line["call"]))
        if at is not None and line["began"] > at:
            verdict.repeated_journaled += 1
            verdict.wrong.append(f"{line} began {line['began'] - at:.3f} s after its result was journaled")
    verdict.repeated_in_flight = sum(times.values()) - len(times) - verdict.repeated_journaled


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
