"""The writer of a run: one write at a time, finished whatever becomes of those who wait for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import pytest
from a2a.types.a2a_pb2 import (
    Artifact,
    Message,
    Part,
    Role,
    StreamResponse,
    TaskArtifactUpdateEvent,
    TaskState,
)

from agentnet.database import Database
from agentnet.ids import uuid7
from agentnet.settings import Settings
from agentnet.tasks.events import status_update, submitted
from agentnet.tasks.push_config import VERSION_1_0, StoredConfig
from agentnet.tasks.records import Append, Lease, LostLeaseError, NewTask
from agentnet.tasks.run import TaskRun
from agentnet.tasks.sql import MOST_ROWS
from agentnet.tasks.store import TaskStore
from agentnet.testing.faults import outlast_trust

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[TaskStore]:
    database = await Database.open(Settings(database_url=database_url, database_pool=5))
    yield TaskStore(database, uuid4().hex, 30.0)
    await database.close()


def new_task() -> NewTask:
    task_id = uuid7()
    message = Message(message_id=uuid4().hex, role=Role.ROLE_USER, parts=[Part(text="go")], task_id=str(task_id))
    return NewTask(
        id=task_id,
        tenant="default",
        agent=f"agent-{uuid4().hex[:8]}",
        context_id="c",
        principal="key:test",
        message_id=message.message_id,
        parent_id=None,
        root_id=task_id,
        chain=(),
        budget={"hops": 3},
        definition="1",
        task=submitted(str(task_id), "c", message),
        leased=True,
    )


async def begun(store: TaskStore) -> TaskRun:
    new = new_task()
    assert await store.accept(new) == new.id
    return TaskRun(store, await store.load(Lease(new.id, 1, 1)), lambda _: None)


def artifact(run: TaskRun, name: str) -> StreamResponse:
    made = Artifact(artifact_id=name, parts=[Part(text=name)])
    update = TaskArtifactUpdateEvent(task_id=str(run.lease.task_id), context_id="c", artifact=made, last_chunk=True)
    return StreamResponse(artifact_update=update)


def completed(run: TaskRun) -> StreamResponse:
    return status_update(run.task(0), TaskState.TASK_STATE_COMPLETED)


async def held(store: TaskStore, run: TaskRun) -> list[int]:
    stored = await store.events_after(run.lease.task_id, 0, 10_000)
    return [item.seq for item in stored]


class Gate:
    """Holds a store's writes back until it is opened."""

    def __init__(self, store: TaskStore) -> None:
        self.open = asyncio.Event()
        self.writes: list[Append] = []
        self._append: Callable[[Append], Awaitable[bool]] = store.append
        store.append = self._held  # type: ignore[method-assign]

    async def _held(self, write: Append) -> bool:
        self.writes.append(write)
        await self.open.wait()
        return await self._append(write)


async def test_steps_that_end_at_one_moment_are_stored_with_all_events(database_url: str) -> None:
    async with opened(database_url) as store:
        run = await begun(store)

        async def step(number: int) -> None:
            for part in range(3):
                await run.emit(artifact(run, f"{number}-{part}"))
                await asyncio.sleep(0)
            await run.journal(f"t:{number}", b"done")
            await run.emit(artifact(run, f"{number}-end"))

        await asyncio.gather(*(step(number) for number in range(20)))
        assert await run.rest(completed(run))
        seqs = await held(store, run)
        assert seqs == list(range(1, 1 + 1 + 20 * 4 + 1))
        loaded = await store.load(run.lease)
        assert set(loaded.journal) == {f"t:{number}" for number in range(20)}
        assert loaded.last_seq == len(seqs)


async def test_a_step_cancelled_while_it_is_stored_leaves_the_run_able_to_rest(database_url: str) -> None:
    async with opened(database_url) as store:
        run = await begun(store)
        gate = Gate(store)
        await run.emit(artifact(run, "a"))
        step = asyncio.create_task(run.journal("t:1", b"done"))
        while not gate.writes:
            await asyncio.sleep(0)
        step.cancel()
        await asyncio.wait([step])
        gate.open.set()
        canceled = status_update(run.task(0), TaskState.TASK_STATE_CANCELED)
        assert await run.rest(canceled)
        assert await held(store, run) == [1, 2, 3]
        assert (await store.load(run.lease)).journal == {"t:1": b"done"}


async def test_what_is_emitted_while_the_task_comes_to_rest_does_not_enter_its_log(database_url: str) -> None:
    async with opened(database_url) as store:
        run = await begun(store)
        gate = Gate(store)
        resting = asyncio.create_task(run.rest(completed(run)))
        while not gate.writes:
            await asyncio.sleep(0)
        late = asyncio.create_task(run.emit(artifact(run, "late")))
        gate.open.set()
        assert await resting
        with pytest.raises(RuntimeError, match="has ended"):
            await late
        assert await held(store, run) == [1, 2]


async def test_a_write_that_fails_for_any_reason_ends_the_run_and_never_skips_events(database_url: str) -> None:
    async with opened(database_url) as store:
        run = await begun(store)

        async def broken(_write: Append) -> bool:
            raise ZeroDivisionError

        store.append = broken  # type: ignore[method-assign]
        await run.emit(artifact(run, "a"))
        with pytest.raises(LostLeaseError):
            await run.flush()
        with pytest.raises(LostLeaseError):
            await run.emit(artifact(run, "b"))
        with pytest.raises(LostLeaseError):
            await run.rest(completed(run))
        assert await held(store, run) == [1]


async def test_a_run_that_stood_still_makes_sure_of_its_lease_before_it_acts(database_url: str) -> None:
    async with opened(database_url) as store, opened(database_url) as other:
        run = await begun(store)
        outlast_trust(run)
        assert not run.is_current
        await run.make_sure()  # nobody took it: it is renewed
        assert run.is_current
        assert await other.claim_one(run.lease.task_id, "default", force=True)
        await run.make_sure()  # trusted for a part of the lease
        outlast_trust(run)
        with pytest.raises(LostLeaseError):
            await run.make_sure()
        with pytest.raises(LostLeaseError):
            await run.emit(artifact(run, "late"))


async def test_a_heartbeat_waits_for_no_write_and_loses_no_lease_to_it(database_url: str) -> None:
    async with opened(database_url) as store:
        run = await begun(store)
        async with store.pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE", run.lease.task_id)
            [beat] = await store.heartbeat([run.lease.task_id])
            assert (beat.epoch, beat.renewed) == (1, False)
        [beat] = await store.heartbeat([run.lease.task_id])
        assert beat.renewed


async def test_a_finished_step_makes_the_attempts_before_it_count_no_more(database_url: str) -> None:
    async with opened(database_url) as store:
        run = await begun(store)
        await store.pool.execute("UPDATE tasks SET attempt = 5 WHERE id = $1", run.lease.task_id)
        await run.emit(artifact(run, "a"))
        await run.flush()
        attempt = "SELECT attempt FROM tasks WHERE id = $1"
        assert await store.pool.fetchval(attempt, run.lease.task_id) == 5
        await run.journal("m1", b"turn")
        assert await store.pool.fetchval(attempt, run.lease.task_id) == 1


STORED = """
SELECT t.tenant, t.context_id, t.principal, t.parent_id IS NULL AS is_root, t.chain, t.budget, t.definition, t.state,
       t.last_seq, t.snapshot_seq, t.snapshot IS NULL AS is_open, t.lease_owner, t.lease_until > now() AS leased,
       t.epoch, t.attempt, t.push, t.inputs,
       ARRAY(SELECT (seq, kind, epoch)::text FROM task_events e WHERE e.task_id = t.id ORDER BY seq) AS events,
       ARRAY(SELECT (key, value)::text FROM journal j WHERE j.task_id = t.id ORDER BY key) AS entries,
       ARRAY(SELECT (id, version, address, config)::text FROM push_configs p WHERE p.task_id = t.id) AS configs,
       ARRAY(SELECT (config_id, seq)::text FROM push_deliveries d WHERE d.task_id = t.id ORDER BY seq) AS deliveries
FROM tasks t WHERE t.id = ANY($1::uuid[]) ORDER BY t.principal
"""
ROWS: dict[str, Callable[[NewTask], NewTask]] = {
    "leased": lambda new: new,
    "waits for a place": lambda new: replace(new, leased=False),
    "delegated": lambda new: replace(new, parent_id=uuid7(), chain=("key:k", "agent:a"), budget={"hops": 2}),
    "told to a webhook": lambda new: replace(new, push=StoredConfig("p", VERSION_1_0, "https://x.example/", b"sealed")),
}


@pytest.mark.parametrize("copies", [1, MOST_ROWS])
async def test_what_is_stored_alone_is_stored_as_in_company(database_url: str, copies: int) -> None:
    def made() -> list[NewTask]:
        kinds = [(f"key:{name} {copy}", change) for name, change in ROWS.items() for copy in range(copies)]
        return [replace(change(new_task()), principal=principal) for principal, change in kinds]

    async def rows(news: list[NewTask]) -> list[dict[str, object]]:
        return [dict(row) for row in await store.pool.fetch(STORED, [new.id for new in news])]

    async def work(runs: list[TaskRun], *, together: bool) -> None:
        async def first(run: TaskRun) -> None:
            await run.emit(artifact(run, "a"))
            await run.journal("t:1", b"done")

        async def last(run: TaskRun) -> None:
            assert await run.rest(completed(run))

        for step in (first, last):
            if together:
                await asyncio.gather(*(step(run) for run in runs))
            else:
                for run in runs:
                    await step(run)

    async with opened(database_url) as store:
        alone, together = made(), made()
        for new in alone:
            assert await store.accept(new) == new.id
        assert await asyncio.gather(*map(store.accept, together)) == [new.id for new in together]
        assert await rows(alone) == await rows(together)
        for news in (alone, together):
            loaded = [await store.load(Lease(new.id, 1, 1)) for new in news if new.leased]
            await work([TaskRun(store, leased, lambda _: None) for leased in loaded], together=news is together)
        stored = await rows(alone)
        assert stored == await rows(together)
        assert sum(len(row["deliveries"]) for row in stored) == 3 * copies  # type: ignore[misc,arg-type]
