"""Gateways in front of the fixture, started as in production: a registry and each gateway a process of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from agentnet.discovery.directory import Entry
from agentnet.identity.admin import DEFAULT_TENANT
from agentnet.process.runtime import Runtime
from agentnet.settings import Settings
from tests.conformance.mcp.processes import ROOT, START_SECONDS, stopped
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_ports

SERVER, OTHER = "fixture", "toolbox"
OPEN, CLOSED, AMONG_OTHERS = "open", "closed", "among-others"
PROFILES = [
    {"name": OPEN, "servers": [SERVER], "agents": [], "anonymous": True},
    {"name": CLOSED, "servers": [SERVER], "agents": []},
    {"name": AMONG_OTHERS, "servers": [SERVER, OTHER], "agents": [], "anonymous": True},
]
LEASE_SECONDS = 3600.0
LOG_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Gateways:
    """Base URLs of replicas, and a key that all of them take."""

    urls: list[str]
    key: str


@asynccontextmanager
async def gateways(home: Path, database_url: str, fixture_url: str, replicas: int) -> AsyncIterator[Gateways]:
    """Replicas of one gateway with the fixture as an MCP server of its registry."""
    registry_port, other_port, *ports = free_ports(2 + replicas)
    profiles = home / "profiles.yaml"
    profiles.write_text(yaml.safe_dump({"profiles": PROFILES}))
    registry_url = f"http://127.0.0.1:{registry_port}"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}:{ROOT / 'agents'}",
        "AGENTNET_HOME": str(home),
        "AGENTNET_REGISTRY_URL": registry_url,
        "AGENTNET_MCP_PROFILES": str(profiles),
        "DATABASE_URL": database_url,
    }
    settings = Settings(home=home, database_url=database_url, registry_url=registry_url, _env_file=None)
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(Runtime.open(settings))
        key = await (await runtime.keys()).create(DEFAULT_TENANT, "conformance")
        await stack.enter_async_context(_service("registry", registry_port, environment, home))
        entry = Entry(kind="mcp", name=SERVER, instance="0", url=f"{fixture_url}/mcp")
        await stack.enter_async_context(runtime.directory(f"mcp:{SERVER}").registered(entry, LEASE_SECONDS))
        await stack.enter_async_context(_service("mcp", other_port, environment, home, OTHER))
        urls = [await stack.enter_async_context(_service("gateway", port, environment, home)) for port in ports]
        yield Gateways(urls, key)


@asynccontextmanager
async def _service(kind: str, port: int, environment: dict[str, str], home: Path, *name: str) -> AsyncIterator[str]:
    """`agentnet serve` for the length of the block. A failed start shows its log."""
    log = home / f"{kind}-{port}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agentnet", "serve", kind, *name, "--port", str(port)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment,
            cwd=home,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        assert await _answers(f"{url}/health", process), log.read_text(errors="replace")[-LOG_CHARACTERS:]
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
        await stopped(process)


async def _answers(url: str, process: asyncio.subprocess.Process) -> bool:
    """Whether a service answers before it ends or the time is up."""
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        for _ in range(int(START_SECONDS * 10)):
            if process.returncode is not None:
                return False
            try:
                if (await client.get(url)).is_success:
                    return True
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    return False
