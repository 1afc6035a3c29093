"""docker-compose.yml, run: every service in its order, a job through the gateway, and nothing left behind."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.conformance.sdk_client import client_for, send
from tests.e2e.composefile import ServiceSpec, load
from tests.e2e.containers import Network, running
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
KEY = f"ank_{secrets.token_hex(6)}_{secrets.token_hex(32)}"
GATEWAY_PORT = 8700


@pytest.fixture
def variables() -> dict[str, str]:
    """What `make compose-env` makes."""
    return {
        "POSTGRES_PASSWORD": secrets.token_hex(16),
        "REDIS_PASSWORD": secrets.token_hex(16),
        "AGENTNET_SECRET": secrets.token_hex(32),
        "AGENTNET_API_KEY": KEY,
        "AGENTNET_MODEL": "offline",
    }


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where containers write; not pytest's own directory, which PostgreSQL's user may not enter."""
    path = Path(tempfile.mkdtemp(prefix="agentnet-compose-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


async def test_every_service_of_the_file_starts_does_a_job_and_ends(variables: dict[str, str], directory: Path) -> None:
    specs = load(FILE, variables)
    with running(Network(specs, directory, ROOT)) as network:
        gateway = f"http://{network.addresses['gateway']}:{GATEWAY_PORT}"
        async with client_for(gateway, KEY) as client:
            outcome = await send(client, "What does the documentation say about leases?")
        assert outcome.completed, f"{outcome}\n{network.logs()}"
        assert "concepts.md" in outcome.text.lower()
        assert len(await agents_that_worked(network, specs["postgres"])) >= 2, "the concierge delegated nothing"
        await closed_without_a_key(gateway, network)

        codes = network.stop()
    assert codes == dict.fromkeys(specs, 0), network.logs()
    assert not [name for name, container in network.containers.items() if container.process.poll() is None]


async def agents_that_worked(network: Network, postgres: ServiceSpec) -> set[str]:
    """Whose tasks the network's own PostgreSQL holds."""
    connection = await asyncpg.connect(
        host=network.addresses["postgres"],
        user=postgres.environment["POSTGRES_USER"],
        password=postgres.environment["POSTGRES_PASSWORD"],
        database=postgres.environment["POSTGRES_DB"],
    )
    try:
        return {row["agent"] for row in await connection.fetch("SELECT DISTINCT agent FROM tasks")}
    finally:
        await connection.close()


async def closed_without_a_key(gateway: str, network: Network) -> None:
    """No service answers a caller without a key; the registry and the tools take no API key, only services' tokens."""
    key = {"authorization": f"Bearer {KEY}"}
    agent = f"http://{network.addresses['writer']}:8710"
    registry = f"http://{network.addresses['registry']}:8701"
    tools = f"http://{network.addresses['data']}:8710"
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        assert (await http.get(f"{gateway}/agents", headers=key)).status_code == httpx.codes.OK
        for url in (f"{gateway}/agents", f"{agent}/tasks", f"{registry}/v1/entries", f"{tools}/mcp"):
            assert (await http.get(url)).status_code == httpx.codes.UNAUTHORIZED, url
        for url in (f"{registry}/v1/entries", f"{tools}/mcp"):
            assert (await http.get(url, headers=key)).status_code == httpx.codes.UNAUTHORIZED, url
