"""Asks of specialists whose models are servers with quirks: a question that takes a tool and an answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events.event_queue import EventQueue
from a2a.types.a2a_pb2 import Task, TaskState

from agentnet.database import Database
from agentnet.discovery.directory import Directory
from agentnet.files.store import FileStore
from agentnet.identity.tokens import Tokens
from agentnet.manifests.manifest import Specialist, load_specialist
from agentnet.models import Models, default_model_settings, model_provider
from agentnet.runs.delegation import Peers
from agentnet.runs.executor import SpecialistExecutor
from agentnet.runs.toolservers import ToolServers
from agentnet.settings import Settings
from agentnet.tasks.store import TaskStore
from agentnet.testing import Call, Decision, Request
from agentnet.testing.quirks import QUIRKS, Need, Quirk, QuirkServer, playing
from agentnet.testing.quirks.server import Asked
from agentnet.testing.wire import Api
from tests.integration.tasks.replicas import Replica, context, replicas, request
from tests.patience import PATIENCE_SECONDS

AT_ONCE = 12
SILENCE_SECONDS = 3.0
TOTAL_SECONDS = 12.0
PAUSE_SECONDS = 0.05
"""The first pause before another try; those after it grow."""
MORE_TOOLS = 140
ANSWER = "It is 42."

SIX, EIGHT = Call("multiply", {"a": 6, "b": 7}), Call("multiply", {"a": 8, "b": 9})
WANTED: dict[Need, list[tuple[Call, str]]] = {
    Need.CALL: [(SIX, "42")],
    Need.CALLS: [(SIX, "42"), (EIGHT, "72")],
    Need.ROUNDS: [(SIX, "42"), (EIGHT, "72")],
    Need.BARE: [(Call("the_answer", {}), "42")],
    Need.WORDS: [],
    Need.MANY: [(SIX, "42")],
}
"""The calls that each ask takes, with what comes of them."""

MANIFEST = """
name: worker
description: Multiplies.
skills:
  - {id: work, name: Work, description: Multiplies.}
limits: {max_turns: 10, timeout_seconds: 60}
"""
TOOLS = '''
from agents import function_tool

@function_tool
async def multiply(a: int, b: int) -> str:
    """The product of two numbers."""
    return str(a * b)

@function_tool
async def the_answer() -> str:
    """The answer to everything."""
    return "42"

@function_tool
async def remember(text: str, label: str | None = None) -> str:
    """Write a text down, under a label if there is one."""
    return "written"
'''
ONE_MORE = '''
@function_tool
async def tool_{number}(text: str) -> str:
    """Tool number {number}."""
    return text
'''


@dataclass(frozen=True)
class Case:
    """A quirk that is met over one of the APIs."""

    quirk: Quirk
    api: Api

    @property
    def name(self) -> str:
        return f"{self.api}.{self.quirk.name}"


@dataclass(frozen=True)
class Came:
    """What came of an ask."""

    state: str
    """Such as `completed`."""
    answer: str
    said: str
    """What is said beside the state."""
    asked: Sequence[Asked]
    """What its server was asked."""


def cases(api: Api) -> list[Any]:
    """All cases of an API, for `parametrize`."""
    return [pytest.param(Case(quirk, api), id=quirk.name) for quirk in QUIRKS.values() if api in quirk.apis]


def right_answer(need: Need) -> str:
    """What an ask of that kind is to be answered."""
    return f"It is {' and '.join(result for _, result in WANTED[need])}." if WANTED[need] else ANSWER


def decide(need: Need, request: Request) -> Decision:
    """What a right model does: it calls what it has no result of, and then answers."""
    results = {str(item.get("output")) for item in request.items if item.get("type") == "function_call_output"}
    missing = [call for call, result in WANTED[need] if result not in results]
    if missing:
        return Decision(calls=tuple(missing[:1] if need is Need.ROUNDS else missing))
    answer = right_answer(need)
    *before, last = request.items
    begun = [str(item["content"]).strip() for item in before if item.get("role") == "assistant" and item.get("content")]
    if last.get("role") == "user" and begun and answer.startswith(begun[-1]):  # it is asked to go on
        return Decision(text=answer[len(begun[-1]) :])
    return Decision(text=answer)


@dataclass
class Asks(AgentExecutor):
    """Runs each task with the specialist of the case that its message names."""

    database: Database
    http: httpx.AsyncClient
    folders: Mapping[bool, Specialist]
    servers: Mapping[str, QuirkServer]
    urls: Mapping[str, str]
    path: Path
    models: list[Models] = field(default_factory=list[Models])
    made: dict[str, SpecialistExecutor] = field(default_factory=dict[str, SpecialistExecutor])
    coming: dict[str, asyncio.Task[Came]] = field(default_factory=dict[str, "asyncio.Task[Came]"])
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        await self._executor(context).execute(context, event_queue)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        await self._executor(context).cancel(context, event_queue)

    def begin(self, replica: Replica) -> None:
        """Ask all at once, or nearly so."""
        for name in self.servers:
            self.coming[name] = asyncio.create_task(self._ask(replica, name), name=name)

    async def _ask(self, replica: Replica, name: str) -> Came:
        async with self.room, asyncio.timeout(PATIENCE_SECONDS):
            task = await replica.handler.on_message_send(request(f"What is 6 times 7? {name}"), context())
        assert isinstance(task, Task)
        return Came(
            TaskState.Name(task.status.state).removeprefix("TASK_STATE_").lower(),
            "".join(part.text for artifact in task.artifacts for part in artifact.parts),
            "".join(part.text for part in task.status.message.parts),
            self.servers[name].asked,
        )

    def _executor(self, context: RequestContext) -> SpecialistExecutor:
        name = context.get_user_input().split()[-1]
        if name not in self.made:
            self.made[name] = self._make(name)
        return self.made[name]

    def _make(self, name: str) -> SpecialistExecutor:
        quirk = self.servers[name].quirk
        assert quirk is not None
        settings = self._settings(name)
        self.models.append(model_provider(settings))
        tokens = Tokens("x" * 32)
        directory = Directory("http://127.0.0.1:1", self.http, tokens, "agent:worker")
        return SpecialistExecutor(
            self.folders[quirk.need is Need.MANY],
            models=self.models[-1],
            model_name=name,
            model_settings=default_model_settings(settings),
            store=TaskStore(self.database, "reader", 1.0),
            files=FileStore(self.database, 1_000_000),
            tool_servers=ToolServers(directory, tokens, None),
            peers=Peers([], directory, self.http, tokens),
        )

    def _settings(self, name: str) -> Settings:
        """Under which the case's server is the only model."""
        declared = {
            "base_url": self.urls[name],
            "model": "quirky",
            "api": name.partition(".")[0],
            "api_key": "sk-quirk-12345678",
            "silence_seconds": SILENCE_SECONDS,
            "total_seconds": TOTAL_SECONDS,
        }
        models_file = self.path / f"{name}.yaml"
        models_file.write_text(json.dumps({"models": {name: declared}}))
        return Settings.model_validate(
            {"models_file": models_file, "model": None, "openai_api_key": None, "openai_base_url": None}
        )


@asynccontextmanager
async def asking(database_url: str, path: Path, chosen: Sequence[Case]) -> AsyncIterator[Asks]:
    """Ask about each case, its own server before it, for as long as the block runs."""
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("agentnet.models.retries.FIRST_PAUSE_SECONDS", PAUSE_SECONDS)
        servers = {case.name: QuirkServer(partial(decide, case.quirk.need), case.quirk) for case in chosen}
        urls = {name: await stack.enter_async_context(playing(server)) for name, server in servers.items()}
        database = await Database.open(Settings(database_url=database_url, database_pool=5))
        stack.push_async_callback(database.close)
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS))
        folders = {many: load_specialist(_folder(path, many=many)) for many in (False, True)}
        asks = Asks(database, http, folders, servers, urls, path)
        [replica] = await stack.enter_async_context(replicas(database_url, asks, concurrency=2 * AT_ONCE))
        asks.begin(replica)
        yield asks
        for task in asks.coming.values():
            task.cancel()
        await asyncio.gather(*asks.coming.values(), return_exceptions=True)
        for models in asks.models:
            await models.aclose()


def _folder(path: Path, *, many: bool) -> Path:
    folder = path / ("many" if many else "few")
    folder.mkdir()
    (folder / "agent.yaml").write_text(MANIFEST)
    (folder / "instructions.md").write_text("Multiply with the tool, and say what it is.")
    more = "".join(ONE_MORE.format(number=number) for number in range(MORE_TOOLS)) if many else ""
    (folder / "tools.py").write_text(TOOLS + more)
    return folder
