"""Replicas of one agent in this process: each has a store, a worker and a handler of its own, like a process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events.event_queue import EventQueue
from a2a.server.tasks import TaskUpdater
from a2a.types.a2a_pb2 import (
    AgentCapabilities,
    AgentCard,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    Task,
)

from agentnet.a2a.handler import PRINCIPAL, DurableRequestHandler
from agentnet.a2a.limits import MessageLimits
from agentnet.database import Database
from agentnet.identity import Principal
from agentnet.settings import MAX_FILE_BYTES, Settings
from agentnet.signals import Signal, Topic
from agentnet.signals.postgres import PostgresSignals
from agentnet.tasks.foreign import GRACE_SECONDS
from agentnet.tasks.store import TaskStore
from agentnet.tasks.worker import Worker
from agentnet.testing.faults import kill
from agentnet.testing.insides import heard_of
from tests.patience import PATIENCE_SECONDS

LEASE_SECONDS = 3600.0
"""No pause of a busy machine lets a lease run out; a test that wants one to run out says so."""
RUN_OUT = """
WITH left_behind AS (
    UPDATE tasks SET lease_until = now() - interval '1 s' WHERE lease_owner = $1 AND state IN (1, 2) RETURNING 1
) SELECT count(*) FROM left_behind
"""


@dataclass
class Replica:
    store: TaskStore
    worker: Worker
    handler: DurableRequestHandler
    signals: PostgresSignals
    agent: str
    all: "list[Replica]"
    """The replicas of its agent, this one among them."""

    async def die(self) -> None:
        """What kill -9 does, as far as others can see: nothing is renewed, released or written any more. Its leases run
        out at once; returns when others have taken its tasks."""
        kill(self.worker)
        await self.signals.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.store.pool.fetchval(RUN_OUT, self.store.owner):
                for replica in self.all:
                    replica.look()
                await asyncio.sleep(0.01)

    def look(self) -> None:
        """Have its worker look for tasks of others now."""
        self.signals.tell_local(Signal(Topic.QUEUE, self.agent))


@asynccontextmanager
async def replicas(
    database_url: str,
    executor: AgentExecutor,
    count: int = 1,
    *,
    lease_seconds: float = LEASE_SECONDS,
    concurrency: int = 16,
    repeatable: bool = True,
    timeout_seconds: float = 600.0,
    grace_seconds: float = GRACE_SECONDS,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> AsyncIterator[list[Replica]]:
    """`count` replicas of a new agent that have heard of each other."""
    agent = f"agent-{uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        made: list[Replica] = []
        for _ in range(count):
            database = await Database.open(Settings(database_url=database_url, database_pool=5))
            stack.push_async_callback(database.close)
            signals = PostgresSignals(database.url, uuid4().hex)
            await signals.start()
            stack.push_async_callback(signals.close)
            store = TaskStore(database, uuid4().hex, lease_seconds)

            def heard(task_id: str, store: TaskStore = store) -> None:
                store.feeds.signal(UUID(task_id))

            signals.listen(Topic.TASK, heard)
            worker = Worker(
                store,
                signals,
                agent,
                executor,
                concurrency=concurrency,
                timeout_seconds=timeout_seconds,
                repeatable=repeatable,
                grace_seconds=grace_seconds,
                max_file_bytes=max_file_bytes,
            )
            await worker.open()
            stack.push_async_callback(worker.close)
            handler = DurableRequestHandler(
                store,
                worker,
                signals,
                AgentCard(name=agent, capabilities=AgentCapabilities(streaming=True)),
                agent=agent,
                definition="1.0.0+0",
                limits=MessageLimits(1000),
                max_depth=3,
            )
            made.append(Replica(store, worker, handler, signals, agent, made))
        await _acquainted(made)
        yield made


async def _acquainted(made: list[Replica]) -> None:
    """A process that has heard of no other yet tells nobody of anything."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while any(len(heard_of(replica.signals)) < len(made) - 1 for replica in made):
            await asyncio.sleep(0.01)


def context(tenant: str = "default", subject: str = "key:test") -> ServerCallContext:
    return ServerCallContext(state={PRINCIPAL: Principal(tenant, subject)})


def request(
    text: str, *, message_id: str | None = None, task: Task | None = None, at_once: bool = False
) -> SendMessageRequest:
    message = Message(
        message_id=message_id or uuid4().hex,
        role=Role.ROLE_USER,
        parts=[Part(text=text)],
        task_id=task.id if task else "",
    )
    return SendMessageRequest(message=message, configuration=SendMessageConfiguration(return_immediately=at_once))


class Script(AgentExecutor):
    """Does what the message says: `echo`, `ask`, `fail`, `count N`, `wait` (for `go`), one word after the other."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun: list[str] = []
        self.canceled = 0

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.task_id and context.context_id
        self.begun.append(context.task_id)
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        words = iter(context.get_user_input().split())
        for word in words:
            match word:
                case "ask":
                    await updater.requires_input(updater.new_agent_message([Part(text="which?")]))
                    return
                case "fail":
                    raise RuntimeError("secret detail")
                case "count":
                    for number in range(int(next(words))):
                        await updater.add_artifact([Part(text=f"{number} ")], artifact_id="n", append=number > 0)
                        await asyncio.sleep(0)
                case "wait":
                    await self.go.wait()
                case other:
                    await updater.add_artifact([Part(text=other)], artifact_id=other)
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        self.canceled += 1
