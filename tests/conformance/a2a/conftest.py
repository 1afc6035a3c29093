"""One running agent server for the tests of a module, called through every binding."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.a2a.server import Server, servers
from tests.conformance.a2a.wire import ALL, BINDINGS_1_0, Door


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="agentnet-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
async def server(database_url: str, home: Path, anyio_backend: str) -> AsyncIterator[Server]:
    async with servers(database_url, home) as [one]:
        yield one


@pytest.fixture(params=ALL)
async def any_door(server: Server, request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    """Each binding in each version."""
    async with server.door(request.param) as door:
        yield door


@pytest.fixture(params=BINDINGS_1_0)
async def door(server: Server, request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    """Each binding in version 1.0."""
    async with server.door(request.param) as door:
        yield door


@pytest.fixture
def binding(request: pytest.FixtureRequest) -> str:
    """The binding that `door` speaks: `JSONRPC`, `HTTP+JSON` or `GRPC`."""
    parameters: dict[str, Any] = request.node.callspec.params
    name = str(parameters.get("door") or parameters.get("any_door"))
    return name.rpartition("-")[0]
