"""A receiver of notifications over true HTTP, and agents that push, each like a process of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from a2a.server.agent_execution import AgentExecutor
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, TaskPushNotificationConfig
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agentnet.a2a.handler import DurableRequestHandler
from agentnet.a2a.limits import MessageLimits
from agentnet.database import Database
from agentnet.http.ssrf import Resolve, resolve
from agentnet.identity.sealing import Seal
from agentnet.push.deliverer import Schedule
from agentnet.push.outbox import Outbox
from agentnet.push.service import Push
from agentnet.settings import Settings
from agentnet.signals import LocalSignals
from agentnet.tasks.store import TaskStore
from agentnet.tasks.worker import Worker
from agentnet.testing.serving import serving
from tests.patience import PATIENCE_SECONDS

SECRET = "a secret of thirty-two bytes or more"
POLL_SECONDS = 0.03
QUICK = Schedule(attempts=5, first_pause=0.01, factor=1.5)

Answer = Callable[["Got"], Awaitable[int]]


@dataclass
class Got:
    """A notification that arrived."""

    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def what(self) -> str:
        """Short: `submitted`, `working`, `completed`, or the text of an artifact."""
        update = self.json.get("artifactUpdate")
        if update:
            return str(update["artifact"]["parts"][0]["text"])
        inner = self.json.get("task") or self.json.get("statusUpdate") or self.json
        return str(inner["status"]["state"]).removeprefix("TASK_STATE_").lower()


async def fine(_: Got) -> int:
    return 200


@dataclass
class Webhook:
    """Answers as `answer` says; keeps what it took and everything that came."""

    url: str = ""
    answer: Answer = fine
    came: list[Got] = field(default_factory=list)
    took: list[Got] = field(default_factory=list)
    redirects_to: str = ""

    async def receive(self, request: Request) -> Response:
        got = Got(await request.body(), dict(request.headers))
        self.came.append(got)
        status = await self.answer(got)
        if status < 300:
            self.took.append(got)
        return Response(status_code=status, headers={"location": self.redirects_to} if self.redirects_to else None)

    @property
    def said(self) -> list[str]:
        return [got.what for got in self.took]


@asynccontextmanager
async def webhook(answer: Answer = fine) -> AsyncIterator[Webhook]:
    hook = Webhook(answer=answer)
    async with serving(Starlette(routes=[Route("/{path:path}", hook.receive, methods=["POST"])])) as url:
        hook.url = f"{url}/hook"
        yield hook


@dataclass
class Agent:
    name: str
    database: Database
    store: TaskStore
    worker: Worker
    handler: DurableRequestHandler
    push: Push
    outbox: Outbox


@asynccontextmanager
async def agents(
    database_url: str,
    executor: AgentExecutor,
    count: int = 1,
    *,
    schedule: Schedule = QUICK,
    lease_seconds: float = 30.0,
    request_seconds: float = 10.0,
    allow_private: bool = True,
    delivering: bool = True,
    resolve: Resolve = resolve,
) -> AsyncIterator[list[Agent]]:
    """Replicas of one agent, each with a deliverer unless `delivering` is false."""
    name = f"agent-{uuid4().hex[:8]}"
    settings = Settings(database_url=database_url, database_pool=5, allow_private_urls=allow_private)
    async with AsyncExitStack() as stack:
        made: list[Agent] = []
        for _ in range(count):
            database = await Database.open(settings)
            stack.push_async_callback(database.close)
            if not made:  # what an earlier test left is none of this one's business
                await database.pool.execute("UPDATE push_configs SET due_at = NULL")
            signals = LocalSignals()
            store = TaskStore(database, uuid4().hex, 10.0)
            worker = Worker(store, signals, name, executor, concurrency=16, timeout_seconds=30.0)
            await worker.open()
            stack.push_async_callback(worker.close)
            push = Push(
                database,
                store,
                settings,
                Seal(SECRET),
                schedule=schedule,
                lease_seconds=lease_seconds,
                request_seconds=request_seconds,
                poll_seconds=POLL_SECONDS,
                resolve=resolve,
            )
            if delivering:
                await push.open()
            stack.push_async_callback(push.close)
            handler = DurableRequestHandler(
                store,
                worker,
                signals,
                AgentCard(name=name, capabilities=AgentCapabilities(streaming=True, push_notifications=True)),
                agent=name,
                definition="1.0.0+0",
                limits=MessageLimits(1000),
                max_depth=3,
                push=push.configs,
            )
            made.append(Agent(name, database, store, worker, handler, push, Outbox(database, lease_seconds)))
        yield made


def config(task_id: str, url: str, config_id: str = "", **options: Any) -> TaskPushNotificationConfig:
    return TaskPushNotificationConfig(task_id=task_id, url=url, id=config_id, **options)


async def until(holds: Callable[[], bool | Awaitable[bool]], seconds: float = PATIENCE_SECONDS) -> None:
    """Poll until it holds. Raises `TimeoutError`."""
    async with asyncio.timeout(seconds):
        while True:
            found = holds()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.01)
