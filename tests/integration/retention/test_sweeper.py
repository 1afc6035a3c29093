"""What is forgotten and what stays, on real tasks of real replicas."""

import asyncio
from uuid import UUID, uuid4

import pytest
from a2a.types.a2a_pb2 import Task
from a2a.utils.errors import TaskNotFoundError

from agentnet.a2a.handler import PRINCIPAL
from agentnet.database import Database
from agentnet.errors import NotFoundError
from agentnet.files.store import FileStore
from agentnet.identity import Budget, Delegation, Principal
from agentnet.retention.rules import Rule, Rules
from agentnet.retention.sweeper import Sweeper, Tree, batches
from agentnet.settings import Settings
from tests.integration.push.webhook import Agent, agents, config, until, webhook
from tests.integration.tasks.replicas import Script, context, replicas, request

pytestmark = pytest.mark.anyio

TABLES = ("tasks", "task_events", "journal", "task_inputs", "push_configs", "push_deliveries", "file_uses")


def caller(tenant: str, parent: Task | None = None) -> object:
    """The context of a call of `tenant`, on behalf of `parent`."""
    call = context(tenant)
    if parent is not None:
        delegation = Delegation(parent.id, parent.id, Budget(2))
        call.state[PRINCIPAL] = Principal(tenant, "key:test", delegation=delegation)
    return call


async def sent(replica: object, text: str, tenant: str, parent: Task | None = None) -> Task:
    """A task that rests, or runs for as long as its text says."""
    sent = request(text, at_once=text.startswith("wait"))
    task = await replica.handler.on_message_send(sent, caller(tenant, parent))  # type: ignore[attr-defined]
    assert isinstance(task, Task)
    return task


async def aged(database: Database, task: Task, days: float) -> None:
    """Let `task` have ended so many days ago."""
    await database.pool.execute(
        "UPDATE tasks SET status_at = now() - make_interval(secs => $2) WHERE id = $1", UUID(task.id), days * 86_400
    )


async def rows_of(database: Database, task: Task) -> dict[str, int]:
    """In which tables a task has rows, and how many."""
    found = {}
    for table in TABLES:
        key = "id" if table == "tasks" else "task_id"
        count = await database.pool.fetchval(f"SELECT count(*) FROM {table} WHERE {key} = $1", UUID(task.id))
        if count:
            found[table] = count
    return found


def sweeper(database: Database, rules: Rules, **options: float) -> Sweeper:
    """One that waits for nothing."""
    return Sweeper(database, rules, pause_seconds=0.0, **{"grace_seconds": 0.0, **options})  # type: ignore[arg-type]


@pytest.fixture
def tenant() -> str:
    return f"tenant-{uuid4().hex[:8]}"


@pytest.fixture
async def database(database_url: str) -> object:
    opened = await Database.open(Settings(database_url=database_url, database_pool=5))
    await opened.pool.execute("DELETE FROM retention_rules")
    yield opened
    await opened.pool.execute("DELETE FROM retention_rules")
    await opened.close()


async def test_a_task_goes_after_its_days_with_all_that_belongs_to_it(
    database_url: str, database: Database, tenant: str
) -> None:
    async with webhook() as hook, agents(database_url, Script()) as [one]:
        old, young = await pushed(one, hook.url, tenant), await pushed(one, hook.url, tenant)
        files = FileStore(database, 1000)
        own = await files.put(tenant, "own.txt", "text/plain", b"own", UUID(old.id))
        shared = await files.put(tenant, "shared.txt", "text/plain", b"shared", UUID(old.id))
        await files.put(tenant, "again.txt", "text/plain", b"shared", UUID(young.id))
        await database.pool.execute(
            "INSERT INTO journal (task_id, key, tenant, value) VALUES ($1, 'k', $2, '')", UUID(old.id), tenant
        )
        await aged(database, old, 31)
        await aged(database, young, 29)
        before = await rows_of(database, young)
        rules = Rules(database, Settings(_env_file=None))
        await rules.set(tenant, "completed", Rule(days=30))
        assert await sweeper(database, rules).sweep() == 1
        assert await rows_of(database, old) == {}
        assert await rows_of(database, young) == before
        assert {"tasks", "task_events", "push_configs", "push_deliveries", "file_uses"} <= before.keys()
        with pytest.raises(NotFoundError):
            await files.get(tenant, own.uri)
        assert (await files.get(tenant, shared.uri))[1] == b"shared"
        with pytest.raises(TaskNotFoundError):
            await sent_again(one, old, tenant)


async def test_the_newest_of_an_agent_stay_by_count(database_url: str, database: Database, tenant: str) -> None:
    async with replicas(database_url, Script()) as [one]:
        tasks = [await sent(one, "hello", tenant) for _ in range(5)]
        failed = await sent(one, "fail", tenant)
        rules = Rules(database, Settings(_env_file=None))
        await rules.set(tenant, "completed", Rule(count=2))
        assert await sweeper(database, rules, grace_seconds=3600.0).sweep() == 0  # clients may still come back
        assert await sweeper(database, rules).sweep() == 3
        assert [bool(await rows_of(database, task)) for task in [*tasks, failed]] == [False] * 3 + [True] * 3


async def test_what_has_not_ended_stays_with_its_whole_tree(database_url: str, database: Database, tenant: str) -> None:
    script = Script()
    async with replicas(database_url, script) as [one]:
        root = await sent(one, "hello", tenant)
        child = await sent(one, "wait", tenant, root)
        asking = await sent(one, "ask", tenant)
        for task in (root, child, asking):
            await aged(database, task, 100)
        rules = Rules(database, Settings(_env_file=None))
        await rules.set(tenant, "completed", Rule(days=1))
        assert await sweeper(database, rules).sweep() == 0
        script.go.set()
        await one.worker.finished(UUID(child.id))
        assert await sweeper(database, rules).sweep() == 2  # by the root's end, though the child's was just now
        assert await rows_of(database, root) == await rows_of(database, child) == {}
        assert await rows_of(database, asking)


async def test_a_task_whose_root_is_gone_goes_by_its_own_end(
    database_url: str, database: Database, tenant: str
) -> None:
    async with replicas(database_url, Script()) as [one]:
        lost = await sent(one, "hello", tenant, Task(id=str(uuid4())))
        await aged(database, lost, 2)
        rules = Rules(database, Settings(_env_file=None))
        await rules.set(tenant, "completed", Rule(days=1))
        assert await sweeper(database, rules).sweep() == 1
        assert await rows_of(database, lost) == {}


async def test_a_tenants_own_rule_stands_before_the_networks(
    database_url: str, database: Database, tenant: str
) -> None:
    async with replicas(database_url, Script()) as [one]:
        kept, other = await sent(one, "hello", tenant), await sent(one, "hello", f"{tenant}-b")
        for task in (kept, other):
            await aged(database, task, 10)
        rules = Rules(database, Settings(retention_days=5, _env_file=None))
        await rules.set(tenant, "completed", Rule())
        await sweeper(database, rules).sweep()
        assert await rows_of(database, kept)
        assert await rows_of(database, other) == {}
        await rules.drop(tenant, "completed")
        await sweeper(database, rules).sweep()
        assert await rows_of(database, kept) == {}


async def test_one_process_sweeps_at_a_time_and_nobody_where_everything_is_kept(database: Database) -> None:
    await database.pool.execute("DELETE FROM retention_turns")
    keeps, ends = (Rules(database, Settings(retention_days=days, _env_file=None)) for days in (None, 36_500))
    idle = sweeper(database, keeps)
    await idle.open()
    swept: list[int] = []

    class Counting(Sweeper):
        async def sweep(self) -> int:
            swept.append(1)
            return 0

    sweepers = [Counting(database, ends, turn_seconds=600.0) for _ in range(3)]
    for each in sweepers:
        await each.open()
    await until(lambda: bool(swept))
    await asyncio.gather(*(each.close() for each in [*sweepers, idle]))
    assert len(swept) == 1
    assert await database.pool.fetchval("SELECT count(*) FROM retention_turns") == 1


async def test_two_sweepers_at_once_do_not_disturb_each_other(
    database_url: str, database: Database, tenant: str
) -> None:
    async with replicas(database_url, Script()) as [one]:
        tasks = [await sent(one, "hello", tenant) for _ in range(12)]
        for task in tasks:
            await aged(database, task, 10)
        rules = Rules(database, Settings(_env_file=None))
        await rules.set(tenant, "completed", Rule(days=5))
        gone = await asyncio.gather(*(sweeper(database, rules, batch_events=8).sweep() for _ in range(3)))
        assert sum(gone) == 12


async def test_batches_hold_whole_trees_up_to_their_limit() -> None:
    def tree(events: int) -> Tree:
        return Tree(uuid4(), None, [uuid4()], events, True)  # type: ignore[arg-type]

    sizes = [3, 4, 5, 100, 1, 1]
    trees = [tree(size) for size in sizes]
    assert [len(batch) for batch in batches(trees, 10)] == [2, 1, 1, 2]
    assert [task for batch in batches(trees, 10) for task in batch] == [task for tree in trees for task in tree.tasks]


async def pushed(agent: Agent, url: str, tenant: str) -> Task:
    sent = request("hello")
    sent.configuration.task_push_notification_config.CopyFrom(config("", url))
    task = await agent.handler.on_message_send(sent, context(tenant))
    assert isinstance(task, Task)
    return task


async def sent_again(agent: Agent, task: Task, tenant: str) -> None:
    await agent.handler.on_message_send(request("more", task=task), context(tenant))
