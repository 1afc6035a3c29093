"""A database for the session, and real servers on free ports with a real client."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agentnet.identity import Principal
from agentnet.ids import new_id
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, bind, running
from agentnet.settings import Settings
from tests.databases import Databases
from tests.patience import PATIENCE_SECONDS

ERA = "auto"


@dataclass(frozen=True)
class Served:
    """A server that answers at `url`."""

    runtime: Runtime
    label: str
    url: str

    @asynccontextmanager
    async def client(self, tenant: str, era: str = ERA, agent: str = "", **options: Any) -> AsyncIterator[Client]:
        """A client with a token of `tenant`: as the gateway has it for a host, or as an agent of that name has it."""
        principal = Principal(tenant, "key:test", chain=(f"agent:{agent}",) if agent else ())
        token = self.runtime.tokens.mint(principal, self.label)
        async with httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=PATIENCE_SECONDS) as http:
            transport = streamable_http_client(f"{self.url}/mcp", http_client=http)
            async with Client(transport, mode=era, **options) as client:
                yield client


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the secret of the servers is."""
    return tmp_path_factory.mktemp("mcp-servers")


@pytest.fixture(scope="session")
def servers_database(databases: Databases) -> Iterator[str]:
    """One for all of these tests."""
    with databases.copied() as url:
        yield url


@pytest.fixture(autouse=True)
def on_its_database(servers_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the settings of the test."""
    monkeypatch.setenv("DATABASE_URL", servers_database)


@pytest.fixture
def tenant() -> str:
    """A tenant that no other test has."""
    return f"tenant-{new_id()}"


@pytest.fixture
def serve(home: Path) -> Callable[..., AbstractAsyncContextManager[Served]]:
    """`serve(name, **settings)`: the MCP server of that name on a free port, with no registry to be found."""

    @asynccontextmanager
    async def server(name: str, **settings: object) -> AsyncIterator[Served]:
        own = Settings(**{"home": home, "registry_url": "http://127.0.0.1:1", **settings})
        async with Runtime.open(own) as runtime, running(runtime, Service("mcp", name, 0)) as service:
            yield Served(runtime, f"mcp:{name}", service.url)

    return server


class RegistryStub:
    """Takes registrations and hands them to the test in order."""

    def __init__(self) -> None:
        self.url = ""
        self._calls: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        await self._calls.put((request.method, json.loads(body) if body else None))
        await Response(status_code=204)(scope, receive, send)

    async def next(self, method: str) -> Any:
        """The body of the next call with that method."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                called, body = await self._calls.get()
                if called == method:
                    return body


@pytest.fixture
async def registry() -> AsyncIterator[RegistryStub]:
    """A registry that only listens."""
    stub = RegistryStub()
    listener = bind("127.0.0.1", 0, "stub")
    server = uvicorn.Server(uvicorn.Config(stub, log_config=None, lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stub.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    yield stub
    server.should_exit = True
    await serving
