"""Live tables become partitioned ones, the suite's essentials run on them, and months are dropped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from a2a.types.a2a_pb2 import CancelTaskRequest, GetTaskRequest, SubscribeToTaskRequest, Task, TaskState
from a2a.utils.errors import TaskNotFoundError

from agentnet.database import Database
from agentnet.errors import ConflictError
from agentnet.retention.partitions import AHEAD, Partitions, boundary_at, month_after
from agentnet.retention.rules import Rule, Rules
from agentnet.retention.sweeper import Sweeper
from agentnet.settings import Settings
from agentnet.tasks.position import Position
from tests.integration.tasks.replicas import Script, context, replicas, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

DONE = TaskState.TASK_STATE_COMPLETED
OVER = month_after(datetime.now(UTC), -1)
"""When the month of the tasks from before was over."""
LONG_AGO = OVER - timedelta(days=20)
FILLED_TASKS = 5_000
FILLED_EVENTS = 10
"""Of each task."""


@dataclass
class Stage:
    url: str
    connection: "asyncpg.Connection[asyncpg.Record]"
    partitions: Partitions


@pytest.fixture
async def stage(new_database: str) -> AsyncIterator[Stage]:
    """A database of its own, with tasks from before."""
    connection = await asyncpg.connect(new_database)
    await fill(connection)
    yield Stage(new_database, connection, Partitions(connection))
    await connection.close()


async def fill(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Tasks that ended long ago, with events and a step each."""
    begin = boundary_at(LONG_AGO).int
    ids = [UUID(int=begin + (number << 80) + number) for number in range(FILLED_TASKS)]
    await connection.execute(
        """INSERT INTO tasks (id, tenant, agent, context_id, principal, message_id, root_id, chain, budget, definition,
                              state, last_seq)
           SELECT id, 'old', 'old', 'c', 'key:k', id::text, id, '[]', '{}', '1', 3, $2 FROM unnest($1::uuid[]) AS id""",
        ids,
        FILLED_EVENTS,
    )
    await connection.execute(
        """INSERT INTO task_events (task_id, seq, tenant, kind, epoch, body)
           SELECT id, seq, 'old', 5, 1, '' FROM unnest($1::uuid[]) AS id, generate_series(1, $2) AS seq""",
        ids,
        FILLED_EVENTS,
    )
    await connection.execute(
        "INSERT INTO journal (task_id, key, tenant, value) SELECT id, 'k', 'old', '' FROM unnest($1::uuid[]) AS id", ids
    )


async def count(stage: Stage, table: str) -> int:
    return int(await stage.connection.fetchval(f"SELECT count(*) FROM {table}"))


async def test_tables_are_split_while_tasks_run_and_nothing_is_lost(stage: Stage) -> None:
    script, now = Script(), datetime.now(UTC)
    async with replicas(stage.url, script, 2) as [one, two]:
        running = await one.handler.on_message_send(request("before wait after", at_once=True), context())
        assert isinstance(running, Task)
        ended: list[Task] = []
        stop = asyncio.Event()

        async def load() -> None:
            while not stop.is_set():
                task = await two.handler.on_message_send(request("hello"), context())
                assert isinstance(task, Task)
                ended.append(task)

        loads = [asyncio.create_task(load()) for _ in range(4)]
        await stage.partitions.make(now, 2)
        behind = len(ended)
        while len(ended) < behind + 20:
            await asyncio.sleep(0.01)
        stop.set()
        await asyncio.gather(*loads)
        script.go.set()
        await one.worker.finished(UUID(running.id))
        for task in [*ended, running]:
            read = await one.handler.on_get_task(GetTaskRequest(id=task.id), context())
            assert read is not None
            assert read.status.state == DONE
            stored = await two.store.events_after(UUID(task.id), 0, 100)
            assert [event.seq for event in stored] == list(range(1, len(stored) + 1))
        assert await count(stage, "tasks") == FILLED_TASKS + len(ended) + 1
    names = [(each.table, each.name) for each in await stage.partitions.list()]
    assert {name for table, name in names if table == "journal"} == partitions_of("journal", now)
    assert len(names) == 2 * len(partitions_of("journal", now))
    await stage.partitions.make(now, 2)
    assert [(each.table, each.name) for each in await stage.partitions.list()] == names
    # Of the tasks that ran meanwhile each has its request's context there, if it began before the split.
    assert FILLED_TASKS <= await count(stage, "journal_first") <= FILLED_TASKS + len(ended) + 1
    assert await count(stage, "task_events_default") == 0


def partitions_of(table: str, now: datetime) -> set[str]:
    """The first, the default, and of the next two months those that the first does not hold."""
    months = [month_after(now, 1), month_after(now, 2)]
    apart = [month for month in months if month >= month_after(now + AHEAD, 1)]
    return {f"{table}_first", f"{table}_default", *(f"{table}_{month:%Y_%m}" for month in apart)}


async def test_a_split_that_fails_leaves_the_table_as_it_was(stage: Stage) -> None:
    earlier = LONG_AGO - timedelta(days=31)
    with pytest.raises(asyncpg.CheckViolationError):  # there are tasks beyond that boundary
        await stage.partitions.make(earlier, 2)
    assert await stage.partitions.list() == []
    async with replicas(stage.url, Script()) as [one]:
        task = await one.handler.on_message_send(request("hello"), context())
        assert isinstance(task, Task)
        assert task.status.state == DONE


async def test_tasks_live_on_partitioned_tables_as_on_whole_ones(stage: Stage) -> None:
    await stage.partitions.make(LONG_AGO, 2)
    script = Script()
    async with replicas(stage.url, script, 2) as [one, two]:
        repeated = request("hello count 3", message_id="m1")
        first = await one.handler.on_message_send(repeated, context())
        again = await two.handler.on_message_send(request("hello count 3", message_id="m1"), context())
        assert first.id == again.id  # type: ignore[union-attr]
        asked = await one.handler.on_message_send(request("ask"), context())
        assert isinstance(asked, Task)
        answered = await two.handler.on_message_send(request("that", task=asked), context())
        assert isinstance(answered, Task)
        assert answered.status.state == DONE
        waiting = await one.handler.on_message_send(request("wait", at_once=True), context())
        assert isinstance(waiting, Task)
        stream = two.handler.on_subscribe_to_task(SubscribeToTaskRequest(id=waiting.id), context())
        async with aclosing(stream) as events:
            await anext(events)
            await two.handler.on_cancel_task(CancelTaskRequest(id=waiting.id), context())
            seen = [event async for event in events]
        assert seen[-1].status.state == TaskState.TASK_STATE_CANCELED  # type: ignore[union-attr]
        taken_over = await one.handler.on_message_send(request("wait done", at_once=True), context())
        assert isinstance(taken_over, Task)
        script.begun.clear()
        await one.die()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while taken_over.id not in script.begun:
                await asyncio.sleep(0.05)
        script.go.set()
        await two.store.feeds.reached(UUID(taken_over.id), Position(0), frozenset({DONE}))
    assert await count(stage, "task_events_default") == 0
    plan = await stage.connection.fetch("EXPLAIN SELECT * FROM task_events WHERE task_id = $1", UUID(first.id))  # type: ignore[union-attr]
    assert "task_events_first" not in str(plan)


async def test_a_month_is_dropped_whole_once_all_of_it_has_ended(stage: Stage) -> None:
    await stage.partitions.make(LONG_AGO, 2)
    await stage.connection.execute("UPDATE tasks SET state = 6 WHERE id = (SELECT id FROM tasks ORDER BY id LIMIT 1)")
    with pytest.raises(ConflictError, match="1 of the tasks"):
        await stage.partitions.drop(OVER)
    assert await count(stage, "task_events") == FILLED_TASKS * FILLED_EVENTS
    await stage.connection.execute("UPDATE tasks SET state = 3")
    async with replicas(stage.url, Script()) as [one]:
        young = await one.handler.on_message_send(request("hello"), context())
        assert await stage.partitions.drop(OVER) == FILLED_TASKS
        assert (await count(stage, "tasks"), await count(stage, "journal")) == (1, 0)
        assert await one.handler.on_get_task(GetTaskRequest(id=young.id), context())  # type: ignore[union-attr]
        with pytest.raises(ConflictError, match="No partition ends"):
            await stage.partitions.drop(OVER)
        assert await stage.partitions.drop(OVER + timedelta(days=400)) == 0  # this month still grows
        assert await one.handler.on_get_task(GetTaskRequest(id=young.id), context())  # type: ignore[union-attr]


async def test_a_run_late_in_a_month_makes_the_next_one_too(stage: Stage) -> None:
    await stage.partitions.make(datetime(2030, 1, 5, tzinfo=UTC), 1)
    await stage.partitions.make(datetime(2030, 2, 27, tzinfo=UTC), 2)
    ends = [each.until for each in await stage.partitions.list() if each.table == "journal" and each.until]
    assert [(end.year, end.month) for end in ends] == [(2030, 2), (2030, 3), (2030, 4), (2030, 5)]


async def test_the_sweep_works_on_partitioned_tables(stage: Stage) -> None:
    await stage.partitions.make(datetime.now(UTC), 1)
    async with replicas(stage.url, Script()) as [one]:
        task = await one.handler.on_message_send(request("hello"), context("mine"))
        database = await Database.open(Settings(database_url=stage.url, database_pool=2))
        rules = Rules(database, Settings(_env_file=None))
        await rules.set("mine", "completed", Rule(count=0))
        assert await Sweeper(database, rules, grace_seconds=0.0).sweep() == 1
        await database.close()
        with pytest.raises(TaskNotFoundError):
            await one.handler.on_get_task(GetTaskRequest(id=task.id), context("mine"))  # type: ignore[union-attr]
    assert await count(stage, "task_events") == FILLED_TASKS * FILLED_EVENTS


@pytest.mark.parametrize(
    ("number", "expected"), [(0, (2026, 12)), (1, (2027, 1)), (13, (2028, 1)), (-1, (2026, 11)), (-12, (2025, 12))]
)
def test_months_follow_each_other_over_the_turn_of_the_year(number: int, expected: tuple[int, int]) -> None:
    found = month_after(datetime(2026, 12, 31, 23, 59, tzinfo=UTC), number)
    assert (found.year, found.month, found.day) == (*expected, 1)
