"""A network in one process for the gateway's tests: PostgreSQL, registry, agents and gateway, all over real HTTP."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from agentnet.settings import Settings
from agentnet.tasks.steps import STEPS
from cards import card_to_json, entry_from_card
from tests.databases import Databases
from tests.integration.gateway.echo import Probe, card_of, echo_running
from tests.patience import PATIENCE_SECONDS

LEASE_SECONDS = 300.0


@dataclass
class Network:
    """What a test needs of it."""

    runtime: Runtime
    registry_url: str
    url: str
    key: str
    stack: AsyncExitStack
    probes: dict[str, Probe] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)

    async def agent(self, name: str, tenant: str = "*") -> Probe:
        """Start the echo agent `name` and register it."""
        probe = self.probes[name] = Probe()
        url = self.urls[name] = await self.stack.enter_async_context(echo_running(name, self.runtime.tokens, probe))
        await self.register(name, [url], tenant)
        return probe

    async def register(
        self, name: str, urls: list[str], tenant: str = "*", *, with_card: bool = True, is_ours: bool = False
    ) -> None:
        """Register an agent's instances at addresses of the test's choice; `is_ours`: as one that knows messages."""
        token = self.runtime.tokens.for_service(f"agent:{name}", "registry")
        card = card_to_json(card_of(name, urls[0]))
        if is_ours:
            card["capabilities"]["extensions"] = [{"uri": STEPS}]
        for number, url in enumerate(urls):
            entry = entry_from_card(card, url, str(number), tenant)
            body = entry.model_dump() | {"lease_seconds": LEASE_SECONDS} | ({} if with_card else {"document": {}})
            response = await self.runtime.http.put(
                f"{self.registry_url}/v1/entries/agent/{name}/{number}",
                json=body,
                headers={"authorization": f"Bearer {token}"},
            )
            response.raise_for_status()

    async def deregister(self, name: str) -> None:
        """Take the first instance of an agent out of the registry."""
        token = self.runtime.tokens.for_service(f"agent:{name}", "registry")
        address = f"{self.registry_url}/v1/entries/agent/{name}/0"
        response = await self.runtime.http.delete(address, headers={"authorization": f"Bearer {token}"})
        response.raise_for_status()

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """An HTTP client of the gateway, with the tenant's key unless told otherwise."""
        headers = {"authorization": f"Bearer {self.key if key is None else key}"} if key != "" else {}
        return httpx.AsyncClient(
            base_url=self.url, headers=headers, trust_env=False, timeout=PATIENCE_SECONDS, limits=httpx.Limits()
        )


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the secrets of the networks are."""
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(scope="session")
def gateway_database(databases: Databases) -> Iterator[str]:
    """One for all tests of the gateway: they clear tables that others need."""
    with databases.copied() as url:
        yield url


@pytest.fixture(autouse=True)
def on_its_database(gateway_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the settings of the test and for the processes that it starts."""
    monkeypatch.setenv("DATABASE_URL", gateway_database)


@pytest.fixture
async def network(home: Path, request: pytest.FixtureRequest) -> AsyncIterator[Network]:
    """A network; settings of its own as the fixture's parameter."""
    async with network_running(home, **getattr(request, "param", {})) as running_network:
        yield running_network


@asynccontextmanager
async def network_running(home: Path, **more: Any) -> AsyncIterator[Network]:
    """A network whose secret is in `home`."""
    options = {"max_body_bytes": 4 * 1024 * 1024} | more
    settings = Settings(home=home, port=0, registry_port=0, _env_file=None, **options)
    async with AsyncExitStack() as stack:
        others = await stack.enter_async_context(Runtime.open(settings))
        registry = await stack.enter_async_context(running(others, Service("registry", "registry", 0)))
        pool = (await others.database()).pool
        await pool.execute("DELETE FROM registry_entries; DELETE FROM registry_known")
        own = settings.model_copy(update={"registry_url": registry.url})
        runtime = await stack.enter_async_context(Runtime.open(own))
        gateway = await stack.enter_async_context(running(runtime, Service("gateway", "gateway", 0)))
        key = await (await runtime.keys()).create("acme", "test")
        yield Network(runtime, registry.url, gateway.url, key, stack)
