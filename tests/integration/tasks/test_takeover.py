"""What a worker does when the database goes, comes back, or has given its tasks to others meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import pytest
from a2a.types.a2a_pb2 import CancelTaskRequest, GetTaskRequest, Task, TaskState

from agentnet.errors import DatabaseAwayError
from agentnet.testing.faults import renew_no_lease
from tests.integration.tasks.replicas import Replica, Script, context, replicas, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

DONE = TaskState.TASK_STATE_COMPLETED
RUN_OUT = "UPDATE tasks SET lease_until = now() - interval '1 s' WHERE id = $1 AND epoch = $2 RETURNING true"


async def _begun(replica: Replica, script: Script, text: str) -> Task:
    task = await replica.handler.on_message_send(request(text, at_once=True), context())
    assert isinstance(task, Task)
    await _until(lambda: _is(task.id in script.begun))
    return task


async def _state(replica: Replica, task: Task) -> TaskState:
    read = await replica.handler.on_get_task(GetTaskRequest(id=task.id), context())
    assert read is not None
    return read.status.state


async def _expire(replica: Replica, task: Task) -> None:
    """Let the task's lease run out until it is claimed: one that is written to just then is passed over."""
    epoch = await replica.store.pool.fetchval("SELECT epoch FROM tasks WHERE id = $1", UUID(task.id))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await replica.store.pool.fetchval(RUN_OUT, UUID(task.id), epoch):
            replica.look()
            await asyncio.sleep(0.01)


async def test_a_worker_takes_over_again_after_a_task_could_not_be_loaded(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script, 2) as [one, two]:
        task = await _begun(one, script, "wait done")
        load, failures = two.store.load, 0

        async def away(*_: object) -> object:
            nonlocal failures
            failures += 1
            two.store.load = load  # type: ignore[method-assign]
            raise DatabaseAwayError("away")

        two.store.load = away  # type: ignore[method-assign, assignment]
        await one.die()
        await _until(lambda: _is(failures == 1))
        await _expire(two, task)
        script.go.set()
        await _until(lambda: _rests(two, task))
        assert failures == 1


async def test_a_process_that_claims_its_own_expired_task_runs_it_once(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script) as [one]:
        renew_no_lease(one.worker)
        task = await _begun(one, script, "wait done")
        await _expire(one, task)
        await _until(lambda: _is(script.begun.count(task.id) == 2))
        script.go.set()
        await _until(lambda: _rests(one, task))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while one.worker.room < 16:
                await asyncio.sleep(0.01)


async def test_input_that_no_owner_has_taken_is_not_lost_with_its_replica(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script, 2) as [one, two]:
        task = await _begun(one, script, "wait first")
        follow_up = asyncio.create_task(two.handler.on_message_send(request("second", task=task), context()))
        await _until(lambda: _waits(one, task))
        await one.die()
        script.go.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            done = await follow_up
        assert isinstance(done, Task)
        assert done.status.state == DONE
        assert {artifact.artifact_id for artifact in done.artifacts} >= {"second"}
        assert not await _waits(two, task)


async def test_a_message_repeated_before_it_was_taken_waits_with_the_first(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script, 2) as [one, two]:
        task = await _begun(one, script, "wait first")
        again = request("second", task=task)
        sends = [
            asyncio.create_task(replica.handler.on_message_send(_copy(again), context())) for replica in (one, two, two)
        ]
        await _until(lambda: _waits(one, task))
        script.go.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            for done in await asyncio.gather(*sends):
                assert isinstance(done, Task)
                assert done.status.state == DONE
        assert len(script.begun) == 2


async def test_a_stop_gives_back_what_was_claimed_and_not_begun(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script, 2) as [one, two]:
        await two.worker.close()
        claimed: list[object] = []
        never = asyncio.Event()
        load = one.store.load

        async def slowly(lease: object) -> object:
            claimed.append(lease)
            await never.wait()
            return await load(lease)  # type: ignore[arg-type]

        one.store.load = slowly  # type: ignore[method-assign, assignment]
        task = await two.handler.on_message_send(request("done", at_once=True), context())
        assert isinstance(task, Task)
        await _until(lambda: _is(bool(claimed)))
        await one.worker.close()
        row = await one.store.pool.fetchrow("SELECT lease_owner, attempt FROM tasks WHERE id = $1", UUID(task.id))
        assert tuple(row) == (None, 0)


async def test_a_task_survives_the_end_of_every_session_of_its_database(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script) as [one]:
        task = await _begun(one, script, "wait count 50")
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' "
            "AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.close()
        script.go.set()
        await _until(lambda: _rests(one, task))
        assert await _state(one, task) == DONE
        assert len(script.begun) == 1


async def test_a_cancel_that_meets_a_write_under_way_cancels(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script) as [one]:
        append, writing, held = one.store.append, asyncio.Event(), asyncio.Event()

        async def slowly(write: object) -> bool:
            writing.set()
            await held.wait()
            return await append(write)  # type: ignore[arg-type]

        one.store.append = slowly  # type: ignore[method-assign, assignment]
        task = await _begun(one, script, "count 5 wait")
        await writing.wait()
        canceling = asyncio.create_task(one.handler.on_cancel_task(CancelTaskRequest(id=task.id), context()))
        await asyncio.sleep(0)
        held.set()
        canceled = await canceling
        assert canceled is not None
        assert canceled.status.state == TaskState.TASK_STATE_CANCELED


def _copy(message: object) -> object:
    again = type(message)()
    again.CopyFrom(message)  # type: ignore[attr-defined]
    return again


async def _is(holds: bool) -> bool:
    return holds


async def _rests(replica: Replica, task: Task) -> bool:
    return await _state(replica, task) == DONE


async def _waits(replica: Replica, task: Task) -> bool:
    _, waiting = await replica.store.inputs(UUID(task.id))
    return bool(waiting)


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():
            await asyncio.sleep(0.01)
