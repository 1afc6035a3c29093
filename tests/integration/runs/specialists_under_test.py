"""Specialists with a scripted model, on the replicas of the task tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from a2a.types.a2a_pb2 import GetTaskRequest, Part, Task, TaskState
from agents import Model, ModelProvider, ModelSettings
from agents.testing import ScriptedModel
from google.protobuf.struct_pb2 import Value

from agentnet.database import Database
from agentnet.discovery.directory import Directory, Entry, Kind
from agentnet.errors import NotFoundError
from agentnet.files.store import FileStore
from agentnet.identity import Principal
from agentnet.identity.tokens import Tokens
from agentnet.manifests.manifest import load_specialist
from agentnet.runs.delegation import Peers
from agentnet.runs.executor import SpecialistExecutor
from agentnet.runs.toolservers import ToolServers
from agentnet.settings import Settings
from agentnet.tasks.store import TaskStore
from agentnet.upstreams.upstreams import Upstreams
from tests.integration.tasks.replicas import Replica, context, replicas, request
from tests.patience import PATIENCE_SECONDS

DONE = TaskState.TASK_STATE_COMPLETED
ASKS = TaskState.TASK_STATE_INPUT_REQUIRED

TOOLS = '''
import asyncio
from agents import function_tool

ledger: list[str] = []
gate = asyncio.Event()

@function_tool
async def note(text: str) -> str:
    """Write a note."""
    ledger.append(text)
    return f"noted {text}"

@function_tool
async def slow(text: str) -> str:
    """Write a note when the gate opens."""
    ledger.append(f"begin {text}")
    await gate.wait()
    ledger.append(f"end {text}")
    return f"slowly noted {text}"

@function_tool
async def pay(amount: int) -> str:
    """Pay."""
    ledger.append(f"paid {amount}")
    return f"paid {amount}"
'''

MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
needs_approval: [pay]
not_repeatable: [slow]
"""


class OneModel(ModelProvider):
    def __init__(self, model: Model) -> None:
        self.model = model

    def get_model(self, model_name: str | None) -> Model:
        return self.model


class Known(Directory):
    """A registry that knows MCP servers by their addresses and nothing else."""

    urls: dict[str, str]

    async def get(self, principal: Principal, kind: Kind, name: str) -> Entry:
        if kind == "mcp" and name in self.urls:
            return Entry(kind="mcp", name=name, url=self.urls[name])
        raise NotFoundError(f"There is no {kind} {name!r}.")


class Specialist(SpecialistExecutor):
    """A specialist executor with its script and its tools' module at hand."""

    script: ScriptedModel
    servers: ToolServers

    @property
    def module(self) -> Any:
        import sys

        [tool, *_] = self.own_tools
        name = next(
            name
            for name in sys.modules
            if name.startswith("agentnet_folder_worker") and tool in vars(sys.modules[name]).values()
        )
        return sys.modules[name]

    @property
    def ledger(self) -> list[str]:
        ledger: list[str] = self.module.ledger
        return ledger

    @property
    def gate(self) -> asyncio.Event:
        gate: asyncio.Event = self.module.gate
        return gate


def folder(path: Path, manifest: str = MANIFEST, tools: str | None = None) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "agent.yaml").write_text(manifest)
    (path / "instructions.md").write_text("Work.")
    (path / "tools.py").write_text(TOOLS if tools is None else tools)
    return path


@asynccontextmanager
async def specialist(
    database_url: str,
    path: Path,
    steps: Sequence[Any],
    count: int = 1,
    manifest: str = MANIFEST,
    mcp_servers: dict[str, str] | None = None,
    upstreams: Upstreams | None = None,
    model: Model | None = None,
    tools: str | None = None,
    peers: Sequence[str] = (),
) -> AsyncIterator[tuple[Specialist, list[Replica]]]:
    """`count` replicas of a specialist whose model says `steps`, one after the other; or of one with `model`."""
    database = await Database.open(Settings(database_url=database_url, database_pool=5))
    try:
        tokens = Tokens("x" * 32)
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
            directory = Known("http://127.0.0.1:1", http, tokens, "agent:worker")
            directory.urls = mcp_servers or {}
            script = ScriptedModel(list(steps))
            servers = ToolServers(directory, tokens, upstreams)
            executor = Specialist(
                load_specialist(folder(path, manifest, tools)),
                models=OneModel(model or script),
                model_name="scripted",
                model_settings=ModelSettings(),
                store=TaskStore(database, "reader", 1.0),
                files=FileStore(database, 1_000_000),
                tool_servers=servers,
                peers=Peers([*peers], directory, http, tokens),
            )
            executor.script, executor.servers = script, servers
            async with replicas(database_url, executor, count) as made:
                yield executor, made
    finally:
        await database.close()


async def sent(replica: Replica, text: str, task: Task | None = None, data: dict[str, object] | None = None) -> Task:
    message = request(text, task=task)
    if data is not None:
        value = Value()
        value.struct_value.update(data)
        del message.message.parts[:]
        message.message.parts.append(Part(data=value))
    answer = await replica.handler.on_message_send(message, context())
    assert isinstance(answer, Task)
    return answer


async def begun(replica: Replica) -> Task:
    """A task that runs, or waits its turn."""
    task = await replica.handler.on_message_send(request("go", at_once=True), context())
    assert isinstance(task, Task)
    return task


def answer(task: Task) -> str:
    return "".join(part.text for artifact in task.artifacts for part in artifact.parts)


def question(task: Task) -> str:
    return task.status.message.parts[0].text


async def finished(replica: Replica, task: Task) -> Task:
    found = task

    async def rests() -> bool:
        nonlocal found
        read = await replica.handler.on_get_task(GetTaskRequest(id=task.id), context())
        assert read is not None
        found = read
        return read.status.state not in (TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING)

    await until(rests)
    return found


async def is_so(holds: bool) -> bool:
    """For `until`."""
    return holds


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():
            await asyncio.sleep(0.02)
