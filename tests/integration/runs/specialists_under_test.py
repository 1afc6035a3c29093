"""Specialists with a scripted model, on the replicas of the task tests."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from agents import Model, ModelProvider, ModelSettings
from agents.testing import ModelStep, ScriptedModel

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
from tests.integration.tasks.replicas import Replica, replicas
from tests.patience import PATIENCE_SECONDS

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

    @property
    def module(self) -> Any:
        import sys

        [tool, *_] = self._own_tools
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


def folder(path: Path, manifest: str = MANIFEST) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "agent.yaml").write_text(manifest)
    (path / "instructions.md").write_text("Work.")
    (path / "tools.py").write_text(TOOLS)
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
) -> AsyncIterator[tuple[Specialist, list[Replica]]]:
    """`count` replicas of a specialist whose model says `steps`, one after the other."""
    database = await Database.open(Settings(database_url=database_url, database_pool=5))
    tokens = Tokens("x" * 32)
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        directory = Known("http://127.0.0.1:1", http, tokens, "agent:worker")
        directory.urls = mcp_servers or {}
        model = ScriptedModel(list(steps))
        executor = Specialist(
            load_specialist(folder(path, manifest)),
            models=OneModel(model),
            model_name="scripted",
            model_settings=ModelSettings(),
            store=TaskStore(database, "reader", 1.0),
            files=FileStore(database, 1_000_000),
            tool_servers=ToolServers(directory, tokens, upstreams),
            peers=Peers([], directory, http, tokens),
        )
        executor.script = model
        async with replicas(database_url, executor, count) as made:
            yield executor, made
    await database.close()


__all__ = ["ModelStep", "OneModel", "Specialist", "folder", "specialist"]
