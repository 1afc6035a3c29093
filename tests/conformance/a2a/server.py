"""Agent servers as they really run: a registry, and any number of replicas of one agent on one PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from agentnet.process.launch import with_free_ports
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from agentnet.settings import Settings
from tests.conformance.a2a.wire import Door, open_door
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_ports

MANIFEST = """
name: {name}
description: Does what the message says.
repeatable: true
skills:
  - {{id: perform, name: Perform, description: Does what the message says.}}
"""
EXECUTOR = """
from tests.conformance.a2a.script import Script


class Scripted(Script):
    \"\"\"The class that the folder offers.\"\"\"
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A replica that answers. Both keys hold; they are of two tenants."""

    name: str
    url: str
    grpc_address: str
    key: str
    other_key: str
    runtime: Runtime
    folder: Path

    def door(self, name: str = "JSONRPC-1.0", *, key: str | None = None, headers: dict[str, str] | None = None) -> Any:
        """A way to call it, as an async context manager of `Door`: `<binding>-<version>`."""
        return open_door(name, self.url, self.grpc_address, key or self.key, headers or {})

    def http(self, *, key: str | None = "", version: str | None = "1.0") -> httpx.AsyncClient:
        """A bare HTTP client; `key` None means no credential, `version` None no version."""
        headers = {} if key is None else {"authorization": f"Bearer {key or self.key}"}
        if version is not None:
            headers["a2a-version"] = version
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False)


Doors = Callable[..., Any]


@asynccontextmanager
async def servers(database_url: str, home: Path, count: int = 1, **settings: Any) -> AsyncIterator[list[Server]]:
    """`count` replicas of a new agent, registered, for as long as the block runs."""
    folder = scripted_folder(home)
    common = Settings(home=home, database_url=database_url, database_pool=5, agents_dirs=[folder.parent])
    common = with_free_ports(common).model_copy(update={"secret": None, **settings})
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(Runtime.open(common))
        await stack.enter_async_context(running(registry, Service("registry", "registry", common.registry_port)))
        made: list[Server] = []
        keys = await registry.keys()
        key, other = await keys.create("default", "test"), await keys.create("other", "test")
        for _ in range(count):
            mine = common.model_copy(update={"grpc_port": free_port()})
            runtime = await stack.enter_async_context(Runtime.open(mine))
            served = await stack.enter_async_context(running(runtime, Service("agent", folder.name, 0)))
            address = await _grpc_address(served.url)
            made.append(Server(folder.name, served.url, address, key, other, runtime, folder))
        yield made


def scripted_folder(home: Path) -> Path:
    """The folder of a new agent that follows a script."""
    folder = home / "agents" / f"scripted-{uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    (folder / "agent.yaml").write_text(MANIFEST.format(name=folder.name))
    (folder / "instructions.md").write_text("Follow the script.")
    (folder / "executor.py").write_text(EXECUTOR)
    return folder


def free_port() -> int:
    """A port that nobody has right now."""
    return free_ports(1)[0]


async def until(holds: Callable[[], Any]) -> None:
    """Wait until the coroutine function `holds` answers something true."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():
            await asyncio.sleep(0.01)


async def _grpc_address(url: str) -> str:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        card = (await http.get(f"{url}/.well-known/agent-card.json")).json()
    [address] = {item["url"] for item in card["supportedInterfaces"] if item["protocolBinding"] == "GRPC"}
    return str(address)


__all__ = ["Door", "Server", "free_port", "scripted_folder", "servers", "until"]
