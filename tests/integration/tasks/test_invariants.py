"""Whatever several owners do to one task in whatever order, some of it at once: what always holds, on PostgreSQL."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from uuid import UUID, uuid4

import asyncpg
import pytest
from a2a.types.a2a_pb2 import (
    Artifact,
    Message,
    Part,
    Role,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentnet.database import Database
from agentnet.ids import uuid7
from agentnet.tasks.events import RESTING_STATES, TERMINAL_STATES, status_update, submitted
from agentnet.tasks.projection import Projection
from agentnet.tasks.records import Append, LostLeaseError, NewTask
from agentnet.tasks.run import TaskRun
from agentnet.tasks.store import TaskStore

OWNERS = 3
COMPLETED = TaskState.TASK_STATE_COMPLETED
CANCELED = TaskState.TASK_STATE_CANCELED
ASKS = TaskState.TASK_STATE_INPUT_REQUIRED
OPERATIONS = (
    "claim", "claim", "heartbeat", "append", "append", "append", "journal", "repeat", "ask", "complete",
    "cancel", "expire", "expire", "answer", "answer", "input", "take", "release", "forget",
)  # fmt: skip

operation = st.tuples(st.sampled_from(OPERATIONS), st.integers(0, OWNERS - 1))
moments = st.lists(st.lists(operation, min_size=1, max_size=3), min_size=4, max_size=30)
"""Moments one after the other, each with what happens at it at once."""


class World:
    """One task and its owners."""

    def __init__(self, stores: list[TaskStore]) -> None:
        self.pool = stores[0].pool
        self.stores = stores
        self.runs: list[TaskRun | None] = [None] * OWNERS
        self.id, self.agent = uuid7(), f"agent-{uuid4().hex}"
        self.given: list[str] = []
        """Ids of messages that were taken for the task."""
        self.end: tuple[int, int, bytes] | None = None
        """State, last event and snapshot with which it ended."""

    async def accept(self) -> None:
        first = self.message()
        task = submitted(str(self.id), "c", first)
        new = NewTask(
            id=self.id, tenant="t", agent=self.agent, context_id="c", principal="p", message_id=first.message_id,
            parent_id=None, root_id=self.id, chain=(), budget={}, definition="1", task=task, leased=False,
        )  # fmt: skip
        known = await asyncio.gather(self.stores[0].accept(new), self.stores[1].accept(new))
        assert known == [self.id, self.id]
        self.given.append(first.message_id)

    def message(self) -> Message:
        return Message(message_id=uuid4().hex, role=Role.ROLE_USER, parts=[Part(text="x")], task_id=str(self.id))

    async def happen(self, operations: Sequence[tuple[str, int]]) -> None:
        """What one owner does at a moment it does in order; owners act at once."""
        of_owner = {owner: [name for name, who in operations if who == owner] for _, owner in operations}
        alone = len(of_owner) == 1

        async def act(owner: int, names: list[str]) -> None:
            for name in names:
                await self._act(name, owner, alone)

        await asyncio.gather(*(act(owner, names) for owner, names in of_owner.items()))
        await self.check()

    async def _act(self, name: str, owner: int, alone: bool) -> None:
        run = self.runs[owner]
        if name in {"append", "journal", "repeat", "ask", "complete", "take"}:
            if run is None:
                return
            held = await self._holds(owner, run)
            try:
                await self._write(name, owner, run, alone)
            except LostLeaseError:
                run.abandon()
                self.runs[owner] = None
                assert not (alone and held), "an owner was refused its own task"
            else:
                assert held or not alone, "a write was taken from one who was no owner"
        else:
            await getattr(self, f"_{name}")(owner)

    async def _holds(self, owner: int, run: TaskRun) -> bool:
        row = await self.pool.fetchrow("SELECT lease_owner, epoch FROM tasks WHERE id = $1", self.id)
        return row["lease_owner"] == self.stores[owner].owner and row["epoch"] == run.lease.epoch

    async def _write(self, name: str, owner: int, run: TaskRun, alone: bool) -> None:
        match name:
            case "append":
                await run.emit(self._artifact(owner))
                await run.flush()
            case "journal":
                await run.emit(self._artifact(owner))
                key = uuid4().hex
                await asyncio.gather(run.journal(f"{key}1", b"1"), run.journal(f"{key}2", b"2"))
            case "repeat":
                await self._repeat(owner, run)
            case "take":
                await run.take_inputs()
                await run.journal(uuid4().hex, b"")  # taking nothing writes nothing, and this only an owner can
                assert not alone or await self._has_taken_all(run), "an owner has not taken what it was given"
            case "ask" | "complete":
                state = ASKS if name == "ask" else COMPLETED
                if await run.rest(status_update(run.task(0), state)):
                    self.runs[owner] = None

    async def _has_taken_all(self, run: TaskRun) -> bool:
        count = await self.pool.fetchval("SELECT inputs FROM tasks WHERE id = $1", self.id)
        waits = await self.pool.fetchval("SELECT count(*) FROM task_inputs WHERE task_id = $1", self.id)
        return (run.leased.inputs, 0) == (count, waits)

    async def _repeat(self, owner: int, run: TaskRun) -> None:
        """A write whose first answer was lost on the way is the same write."""
        await run.flush()
        seq = run.position().durable
        write = Append(run.lease.task_id, run.lease.epoch, seq, ((5, self._artifact(owner).SerializeToString()),))
        store = self.stores[owner]
        assert await store.append(write)
        assert await store.append(write)
        run.abandon()
        self.runs[owner] = None

    def _artifact(self, owner: int) -> StreamResponse:
        artifact = Artifact(artifact_id=uuid4().hex, parts=[Part(text=f"by {owner}")])
        return StreamResponse(artifact_update=TaskArtifactUpdateEvent(task_id=str(self.id), artifact=artifact))

    async def _claim(self, owner: int) -> None:
        store = self.stores[owner]
        for lease in await store.claim(self.agent, 1):
            try:
                leased = await store.load(lease)
            except LostLeaseError:
                continue
            self._hold(owner, TaskRun(store, leased, lambda _: None))

    def _hold(self, owner: int, run: TaskRun) -> None:
        before, self.runs[owner] = self.runs[owner], run
        if before is not None:
            before.abandon()

    async def _heartbeat(self, owner: int) -> None:
        await self.stores[owner].heartbeat([self.id])

    async def _expire(self, _owner: int) -> None:
        await self.pool.execute(
            "UPDATE tasks SET lease_until = now() - interval '1 s' WHERE id = $1 AND lease_until IS NOT NULL", self.id
        )

    async def _release(self, owner: int) -> None:
        run, self.runs[owner] = self.runs[owner], None
        if run is not None:
            await self.stores[owner].release([run.lease])
            run.abandon()

    async def _forget(self, owner: int) -> None:
        """The owner dies."""
        run, self.runs[owner] = self.runs[owner], None
        if run is not None:
            run.abandon()

    async def _input(self, owner: int) -> None:
        message = self.message()
        twice = await asyncio.gather(
            self.stores[owner].add_input(self.id, "t", self.agent, message),
            self.stores[(owner + 1) % OWNERS].add_input(self.id, "t", self.agent, message),
        )
        if any(twice):
            self.given.append(message.message_id)

    async def _answer(self, owner: int) -> None:
        message, store = self.message(), self.stores[owner]
        lease = await store.resume(self.id, "t", self.agent, message, leased=owner > 0)
        if lease is not None:
            self.given.append(message.message_id)
            if owner > 0:
                with contextlib.suppress(LostLeaseError):
                    self._hold(owner, TaskRun(store, await store.load(lease), lambda _: None))

    async def _cancel(self, owner: int) -> None:
        """What the request handler does with a task of another process."""
        store = self.stores[owner]
        await store.request_cancel(self.id, "t")
        lease = await store.claim_one(self.id, "t", force=True)
        if lease is None:
            return
        with contextlib.suppress(LostLeaseError):
            run = TaskRun(store, await store.load(lease), lambda _: None)
            for _ in range(len(OPERATIONS)):  # more than can come meanwhile
                if await run.rest(status_update(run.task(0), CANCELED)):
                    return
                await run.take_inputs()
            raise AssertionError("a canceled task does not come to rest")

    async def check(self) -> None:
        row = await self.pool.fetchrow("SELECT * FROM tasks WHERE id = $1", self.id)
        events = await self.pool.fetch(
            "SELECT seq, epoch, body FROM task_events WHERE task_id = $1 ORDER BY seq", self.id
        )
        assert [event["seq"] for event in events] == list(range(1, row["last_seq"] + 1))
        epochs = [event["epoch"] for event in events]
        assert epochs == sorted(epochs)
        assert epochs[-1] <= row["epoch"]
        fold = Projection()
        for event in events:
            fold.apply(StreamResponse.FromString(event["body"]))
        if row["state"] in RESTING_STATES:
            assert fold.snapshot() == Task.FromString(row["snapshot"])
            assert row["snapshot_seq"] == row["last_seq"]
        waiting = await self.pool.fetch("SELECT message_id FROM task_inputs WHERE task_id = $1", self.id)
        logged = [message.message_id for message in fold.history]
        assert set(self.given) <= {*logged, *(item["message_id"] for item in waiting)}
        assert len(logged) == len(set(logged))
        if row["state"] in TERMINAL_STATES:
            end = (row["state"], row["last_seq"], row["snapshot"])
            assert self.end in (None, end)
            self.end = end
            assert row["lease_owner"] is None
            assert set(self.given) <= set(logged)
        else:
            assert self.end is None


class Bench:
    """One event loop, one pool and the same owners for all examples."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self.database = self.runner.run(self._open(url))
        self.stores = [TaskStore(self.database, f"owner-{number}", 3600.0) for number in range(OWNERS)]

    async def _open(self, url: str) -> Database:
        return Database(url, await asyncpg.create_pool(url, min_size=4, max_size=4), None)

    async def play(self, plan: Sequence[Sequence[tuple[str, int]]]) -> UUID:
        world = World(self.stores)
        await world.accept()
        for operations in plan:
            await world.happen(operations)
        for run in world.runs:
            if run is not None:
                run.abandon()
        return world.id

    def close(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()


@pytest.fixture(scope="module")
def bench(database_url: str) -> Iterator[Bench]:
    made = Bench(database_url)
    yield made
    made.close()


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(plan=moments)
def test_a_task_stays_whole_whatever_its_owners_do(bench: Bench, plan: list[list[tuple[str, int]]]) -> None:
    bench.runner.run(bench.play(plan))
