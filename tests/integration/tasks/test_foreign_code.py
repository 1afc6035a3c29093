"""Whatever an agent's own code does, its task comes to rest with a reason, and nothing else notices."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import pytest
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events.event_queue import EventQueue
from a2a.types.a2a_pb2 import (
    Artifact,
    CancelTaskRequest,
    GetTaskRequest,
    Part,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
)
from a2a.utils.errors import InternalError

from agentnet.tasks.foreign import MAX_WORDS
from tests.integration.tasks.replicas import Replica, context, replicas, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

GRACE_SECONDS = 0.05
ENDS_PROCESS = "The agent's code tried to end the process"
CANCELS_ITSELF = "The agent's code cancelled its own work"
INTERNAL = "The agent failed with an internal error"


class WordlessError(InternalError):
    def __str__(self) -> str:
        raise SystemExit(3)


def raises(error: BaseException) -> Callable[[], Awaitable[None]]:
    async def act() -> None:
        raise error

    return act


async def exits_in_a_group() -> None:
    async with asyncio.TaskGroup():
        sys.exit(3)


async def cancels_its_task() -> None:
    this = asyncio.current_task()
    assert this
    this.cancel()


async def cancels_its_task_and_waits() -> None:
    await cancels_its_task()
    await asyncio.sleep(0)


async def waits_for_what_was_cancelled() -> None:
    cancelled = asyncio.ensure_future(asyncio.sleep(60))
    cancelled.cancel()
    await cancelled


ENDS: dict[str, tuple[Callable[[], Awaitable[None]], str]] = {
    "exits": (raises(SystemExit(3)), f"{ENDS_PROCESS} (SystemExit: 3)."),
    "interrupts": (raises(KeyboardInterrupt()), f"{ENDS_PROCESS} (KeyboardInterrupt)."),
    "exits in a group": (exits_in_a_group, f"{ENDS_PROCESS} (SystemExit: 3)."),
    "raises a group with an exit": (
        raises(BaseExceptionGroup("two", [ValueError(), BaseExceptionGroup("one", [SystemExit(3)])])),
        f"{ENDS_PROCESS} (SystemExit: 3).",
    ),
    "raises CancelledError": (raises(asyncio.CancelledError()), CANCELS_ITSELF),
    "cancels its task": (cancels_its_task, CANCELS_ITSELF),
    "cancels its task and waits": (cancels_its_task_and_waits, CANCELS_ITSELF),
    "waits for what was cancelled": (waits_for_what_was_cancelled, CANCELS_ITSELF),
    "raises GeneratorExit": (raises(GeneratorExit()), INTERNAL),
    "raises BaseException": (raises(BaseException("deep")), INTERNAL),
    "raises a group": (raises(BaseExceptionGroup("one", [BaseException("deep")])), INTERNAL),
    "raises an error of A2A that has no words": (raises(WordlessError()), "(no words)"),
    "raises an error of A2A with many words": (raises(InternalError("x" * 5_000_000)), "x" * MAX_WORDS),
}


class Runs(AgentExecutor):
    """Does `act` when executed, and `at_cancel` when canceled."""

    def __init__(
        self, act: Callable[[], Awaitable[None]], at_cancel: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._act = act
        self._at_cancel = at_cancel
        self.begun = 0

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        self.begun += 1
        await self._act()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        if self._at_cancel:
            await self._at_cancel()


@pytest.mark.parametrize("name", ENDS)
async def test_an_execution_fails_at_once_whatever_it_raises(database_url: str, name: str) -> None:
    act, reason = ENDS[name]
    executor = Runs(act)
    async with replicas(database_url, executor, repeatable=False) as [one], asyncio.timeout(PATIENCE_SECONDS):
        task = await one.handler.on_message_send(request("go"), context())
        assert isinstance(task, Task)
        assert task.status.state == TaskState.TASK_STATE_FAILED
        said = task.status.message.parts[0].text
        assert said.startswith(reason)
        assert len(said) < MAX_WORDS + 100
        assert executor.begun == 1


async def waits() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("name", ENDS)
async def test_a_task_is_canceled_whatever_the_cancel_of_its_executor_raises(database_url: str, name: str) -> None:
    async with replicas(database_url, Runs(waits, ENDS[name][0])) as [one], asyncio.timeout(PATIENCE_SECONDS):
        assert (await canceled(one, await began(one))).status.state == TaskState.TASK_STATE_CANCELED


class Stubborn(AgentExecutor):
    """Does not end when it is told to; once let go it says one thing more, and then again and again."""

    def __init__(self) -> None:
        self.go, self.gone = asyncio.Event(), asyncio.Event()

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        if context.get_user_input() == "easy":
            return
        try:
            await chunk(event_queue, "before")
            while not self.go.is_set():
                try:
                    await self.go.wait()
                except asyncio.CancelledError:
                    continue
            while True:
                try:
                    await asyncio.create_task(chunk(event_queue, "after"))
                except Exception:
                    await asyncio.sleep(0)
        finally:
            self.gone.set()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        await chunk(event_queue, "canceled")


async def chunk(queue: EventQueue, text: str) -> None:
    await queue.enqueue_event(TaskArtifactUpdateEvent(artifact=Artifact(artifact_id=text, parts=[Part(text=text)])))


async def began(one: Replica) -> Task:
    task = await one.handler.on_message_send(request("go", at_once=True), context())
    assert isinstance(task, Task)
    return task


async def canceled(one: Replica, task: Task) -> Task:
    ended = await one.handler.on_cancel_task(CancelTaskRequest(id=task.id), context())
    assert ended is not None
    return ended


async def shown(one: Replica, task: Task) -> tuple[TaskState, list[str]]:
    found = await one.handler.on_get_task(GetTaskRequest(id=task.id), context())
    assert found is not None
    return found.status.state, [artifact.artifact_id for artifact in found.artifacts]


@asynccontextmanager
async def stubborn(database_url: str, count: int = 1, timeout_seconds: float = 600.0):  # type: ignore[no-untyped-def]
    executor = Stubborn()
    running = replicas(
        database_url,
        executor,
        count,
        concurrency=1,
        grace_seconds=GRACE_SECONDS,
        timeout_seconds=timeout_seconds,
    )
    async with running as made, asyncio.timeout(PATIENCE_SECONDS):
        try:
            yield executor, made
        finally:
            executor.go.set()


async def check_left_behind(one: Replica, executor: Stubborn, task: Task, expected: object) -> None:
    """Its task is as it was though its code goes on, and its place is free."""
    assert await shown(one, task) == expected
    easy = await one.handler.on_message_send(request("easy"), context())
    assert isinstance(easy, Task) and easy.status.state == TaskState.TASK_STATE_COMPLETED
    executor.go.set()
    await executor.gone.wait()  # what it says is refused with what no `except Exception` sees
    assert await shown(one, task) == expected


async def test_a_task_is_canceled_though_its_code_does_not_end(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with stubborn(database_url) as (executor, [one]):
        task = await began(one)
        assert (await canceled(one, task)).status.state == TaskState.TASK_STATE_CANCELED
        await check_left_behind(one, executor, task, (TaskState.TASK_STATE_CANCELED, ["before", "canceled"]))
    assert f"task {task.id}: its code did not end" in caplog.text


async def test_a_task_is_failed_at_its_time_limit_though_its_code_does_not_end(database_url: str) -> None:
    async with stubborn(database_url, timeout_seconds=0.1) as (executor, [one]):
        task = await one.handler.on_message_send(request("go"), context())
        assert isinstance(task, Task)
        assert task.status.message.parts[0].text == "The task took longer than its limit of 0.1 s."
        await check_left_behind(one, executor, task, (TaskState.TASK_STATE_FAILED, ["before"]))


async def test_a_replica_stops_though_code_does_not_end_and_gives_its_task_to_another(database_url: str) -> None:
    async with stubborn(database_url) as (executor, [one]):
        task = await began(one)
        await one.worker.close()
        owner = await one.store.pool.fetchrow("SELECT lease_owner, state FROM tasks WHERE id = $1", UUID(task.id))
        assert tuple(owner) == (None, TaskState.TASK_STATE_SUBMITTED)
        executor.go.set()
        await executor.gone.wait()
        assert await shown(one, task) == (TaskState.TASK_STATE_SUBMITTED, ["before"])


async def test_code_that_ends_well_after_it_was_told_to_end_has_ended_well(database_url: str) -> None:
    class Finishes(AgentExecutor):
        async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await chunk(event_queue, "done")

        async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
            pass

    async with replicas(database_url, Finishes(), timeout_seconds=0.1) as [one], asyncio.timeout(PATIENCE_SECONDS):
        task = await one.handler.on_message_send(request("go"), context())
        assert isinstance(task, Task)
        assert await shown(one, task) == (TaskState.TASK_STATE_COMPLETED, ["done"])


async def leaves_a_timer_that_cancels_it() -> None:
    this = asyncio.current_task()
    assert this
    asyncio.get_running_loop().call_soon(this.cancel)


async def leaves_a_time_limit_behind() -> None:
    await asyncio.timeout(0).__aenter__()


async def is_cancelled_by_itself_and_goes_on() -> None:
    this = asyncio.current_task()
    assert this
    this.cancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        await asyncio.sleep(0)


async def takes_its_cancel_back() -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()


async def counts_no_cancel() -> None:
    this = asyncio.current_task()
    assert this
    assert this.cancelling() == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(raises_value_error())
            await asyncio.Event().wait()


async def raises_value_error() -> None:
    raise ValueError


ENDS_WELL: dict[str, Callable[[], Awaitable[None]]] = {
    "leaves a timer that cancels its task": leaves_a_timer_that_cancels_it,
    "leaves a time limit behind": leaves_a_time_limit_behind,
    "is cancelled by itself and goes on": is_cancelled_by_itself_and_goes_on,
    "takes its cancel back": takes_its_cancel_back,
    "counts no cancel": counts_no_cancel,
}


@pytest.mark.parametrize("name", ENDS_WELL)
async def test_no_cancel_of_codes_own_time_reaches_what_comes_behind_it(database_url: str, name: str) -> None:
    async with replicas(database_url, Runs(ENDS_WELL[name])) as [one], asyncio.timeout(PATIENCE_SECONDS):
        task = await one.handler.on_message_send(request("go"), context())
        assert isinstance(task, Task)
        assert task.status.state == TaskState.TASK_STATE_COMPLETED


@pytest.mark.parametrize("name", ENDS_WELL)
async def test_an_executors_cancel_runs_as_if_nothing_had_been_cancelled(database_url: str, name: str) -> None:
    did: list[str] = []

    async def at_cancel() -> None:
        await ENDS_WELL[name]()
        did.append(name)

    async with replicas(database_url, Runs(waits, at_cancel)) as [one], asyncio.timeout(PATIENCE_SECONDS):
        assert (await canceled(one, await began(one))).status.state == TaskState.TASK_STATE_CANCELED
    assert did == [name]


async def test_a_task_whose_process_ends_around_it_is_left_to_others_and_not_failed(database_url: str) -> None:
    """As asyncio ends a loop: it cancels all tasks."""
    executor = Runs(waits)
    async with replicas(database_url, executor, concurrency=1) as [one], asyncio.timeout(PATIENCE_SECONDS):
        task = await began(one)
        while not executor.begun:
            await asyncio.sleep(0)
        [running] = [each for each in asyncio.all_tasks() if each.get_name() == f"task {task.id}"]
        running.cancel()
        while not one.worker.room:
            await asyncio.sleep(0)
        stored = await one.store.pool.fetchrow("SELECT lease_owner, state FROM tasks WHERE id = $1", UUID(task.id))
        assert stored is not None and stored["lease_owner"] == one.store.owner
        assert stored["state"] == TaskState.TASK_STATE_SUBMITTED


async def test_a_task_that_is_run_anew_leaves_code_behind_that_does_not_end(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A newer run of the task in the same process: the older one has lost its lease."""
    async with stubborn(database_url) as (executor, [one]):
        task = await began(one)
        lease = await one.store.claim_one(UUID(task.id), "default", force=True)
        assert lease is not None
        older = executor.go
        executor.go = asyncio.Event()
        one.worker.start(await one.store.load(lease))
        while "its code did not end" not in caplog.text:
            await asyncio.sleep(0.01)
        older.set()
        assert (await canceled(one, task)).status.state == TaskState.TASK_STATE_CANCELED
        await check_left_behind(one, executor, task, (TaskState.TASK_STATE_CANCELED, ["before", "canceled"]))
