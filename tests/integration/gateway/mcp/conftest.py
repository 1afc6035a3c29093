"""Hosts and MCP servers around the gateway's test network."""

import asyncio
import itertools
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from agentnet.signals import LOOK_SECONDS
from tests.integration.gateway.conftest import LEASE_SECONDS, Network, home, network
from tests.integration.gateway.mcp.everything import Only, Stage, mcp_running
from tests.patience import PATIENCE_SECONDS

__all__ = ["home", "network"]

ROOT = Path(__file__).resolve().parents[4]
ERAS = ("legacy", "2026-07-28")


class Place:
    """The network with its MCP servers and a second replica of the gateway."""

    def __init__(self, network: Network, other_url: str, stack: AsyncExitStack) -> None:
        self.network = network
        self.urls = (network.url, other_url)
        self.stack = stack

    async def server(
        self, name: str, only: Only = None, *, tenant: str = "*", ttl_ms: int = 1000, **options: bool
    ) -> Stage:
        """Start an MCP server, with the options of `mcp_running`, and register it."""
        stage = Stage(only=only, ttl_ms=ttl_ms)
        url = await self.stack.enter_async_context(mcp_running(name, stage, **options))
        await self.register(name, url, tenant)
        return stage

    async def register(self, name: str, url: str, tenant: str = "*", **more: Any) -> None:
        """Register an MCP server at an address of the test's choice."""
        runtime = self.network.runtime
        token = runtime.tokens.for_service(f"mcp:{name}", "registry")
        entry = {"kind": "mcp", "name": name, "instance": "1", "tenant": tenant, "url": url}
        response = await runtime.http.put(
            f"{self.network.registry_url}/v1/entries/mcp/{name}/1",
            json=entry | {"lease_seconds": LEASE_SECONDS, "description": name} | more,
            headers={"authorization": f"Bearer {token}"},
        )
        response.raise_for_status()

    async def deregister(self, name: str) -> None:
        """Take an MCP server out of the registry."""
        runtime = self.network.runtime
        token = runtime.tokens.for_service(f"mcp:{name}", "registry")
        response = await runtime.http.delete(
            f"{self.network.registry_url}/v1/entries/mcp/{name}/1", headers={"authorization": f"Bearer {token}"}
        )
        response.raise_for_status()

    @asynccontextmanager
    async def host(
        self, era: str, profile: str = "", *, replica: int = 0, key: str | None = None, **options: Any
    ) -> AsyncIterator[Client]:
        """A host attached to a replica of the gateway."""
        headers = {"authorization": f"Bearer {key or self.network.key}"}
        url = f"{self.urls[replica]}/mcp" + (f"/{profile}" if profile else "")
        async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
            async with Client(streamable_http_client(url, http_client=http), mode=era, **options) as client:
                yield client

    async def servers_until(self, heard: asyncio.Event) -> None:
        """Servers come until a host has heard of one: nobody else knows when a legacy host has opened its stream."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            for number in itertools.count():
                await self.server(f"more-{number}")
                with suppress(TimeoutError):
                    async with asyncio.timeout(2 * LOOK_SECONDS):
                        await heard.wait()
                        return

    async def put_profile(self, name: str, **definition: Any) -> None:
        """Store a profile of the test's tenant."""
        keys = await self.network.runtime.keys()
        admin = await keys.create("acme", "admin", scopes=["admin", "use"])
        async with self.network.client(admin) as http:
            response = await http.put(f"/v1/mcp/profiles/{name}", json=definition)
            assert response.status_code == 200, response.text


@pytest.fixture
async def place(network: Network, home: Path) -> AsyncIterator[Place]:
    settings = network.runtime.settings
    pool = (await network.runtime.database()).pool
    await pool.execute("DELETE FROM mcp_profiles")
    await pool.execute("DELETE FROM upstream_servers")
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(Runtime.open(settings))
        other = await stack.enter_async_context(running(runtime, Service("gateway", "gateway", 0)))
        yield Place(network, other.url, stack)


class Spawned:
    """A module of the tests as a process of its own, which says `ready WORD` and serves until it is killed."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: asyncio.subprocess.Process | None = None

    async def spawn(self, *arguments: str) -> str:
        """The word that it says when it is ready. It uses the session's database where that is not the embedded one."""
        database = {name: value for name, value in os.environ.items() if name == "DATABASE_URL"}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "ignore", "-m", self._module, *arguments),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'agents'}"} | database,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            line = await self._process.stdout.readline()
        return line.split()[1].decode()

    async def kill(self) -> None:
        """At once, as an outage would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


class Mortal(Spawned):
    """The test server, to be killed and brought back at the same address, which nobody else gets meanwhile."""

    def __init__(self) -> None:
        super().__init__("tests.integration.gateway.mcp.everything")
        self._held = socket.socket()
        self.move()

    def move(self) -> None:
        """Have another address from the next start on."""
        self._held.close()
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._held.bind(("127.0.0.1", 0))

    async def start(self) -> str:
        """The URL of its endpoint, once it answers."""
        port = await self.spawn(str(self._held.getsockname()[1]))
        return f"http://127.0.0.1:{port}/mcp"

    async def end(self) -> None:
        """Kill it, and give its address up."""
        await self.kill()
        self._held.close()


@pytest.fixture
async def mortal() -> AsyncIterator[Mortal]:
    server = Mortal()
    yield server
    await server.end()


async def until(check: Callable[[], Awaitable[bool]], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until `check` holds."""
    async with asyncio.timeout(seconds):
        while not await check():
            await asyncio.sleep(0.02)
