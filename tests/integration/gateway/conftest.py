"""A network in one process for the gateway's tests: PostgreSQL, registry, agents and gateway, all over real HTTP."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.directory import Entry
from agentnet.errors import NotFoundError
from agentnet.http_errors import EXCEPTION_HANDLERS
from agentnet.identity.middleware import AuthMiddleware, authenticate_with
from agentnet.runtime import Runtime
from agentnet.service import Service, bind, running
from agentnet.settings import Settings
from cards import card_to_json, entry_from_card
from tests.integration.gateway.echo import Probe, card_of, echo_running, serving


class StubRegistry:
    """Serves the entries that a test puts in, as the real one does for a tenant."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def visible(self, request: Request) -> list[Entry]:
        tenant = request.scope["state"]["principal"].tenant
        return [entry for entry in self.entries.values() if entry.tenant in ("*", tenant)]

    async def list(self, request: Request) -> Response:
        return JSONResponse({"entries": [entry.model_dump() for entry in self.visible(request)]})

    async def get(self, request: Request) -> Response:
        for entry in self.visible(request):
            if entry.name == request.path_params["name"]:
                return JSONResponse(entry.model_dump())
        raise NotFoundError("There is no such entry.")

    def app(self) -> Starlette:
        routes = [
            Route("/v1/entries", self.list),
            Route("/v1/search", self.list, methods=["POST"]),
            Route("/v1/entries/{kind}/{name}", self.get),
        ]
        return Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)


@dataclass
class Network:
    """What a test needs of it."""

    runtime: Runtime
    registry: StubRegistry
    url: str
    key: str
    stack: AsyncExitStack
    probes: dict[str, Probe] = field(default_factory=dict)

    async def agent(self, name: str, tenant: str = "*") -> Probe:
        """Start the echo agent `name` and register it."""
        probe = self.probes[name] = Probe()
        url = await self.stack.enter_async_context(echo_running(name, self.runtime.tokens, probe))
        self.register(name, [url], tenant)
        return probe

    def register(self, name: str, urls: list[str], tenant: str = "*") -> None:
        """Register an agent at addresses of the test's choice."""
        card = card_to_json(card_of(name, urls[0]))
        entry = entry_from_card(card, urls[0], "1", tenant)
        self.registry.entries[name] = entry.model_copy(update={"urls": urls})

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """An HTTP client of the gateway, with the tenant's key unless told otherwise."""
        headers = {"authorization": f"Bearer {self.key if key is None else key}"} if key != "" else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=20)


@pytest.fixture(scope="session")
def home() -> AsyncIterator[Path]:
    """A short path below /tmp: PostgreSQL's socket lives in it, and PostgreSQL runs as a user of its own."""
    path = Path(tempfile.mkdtemp(prefix="agentnet-gw-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
async def network(home: Path) -> AsyncIterator[Network]:
    async with AsyncExitStack() as stack:
        listener = bind("127.0.0.1", 0, "registry")
        settings = Settings(
            home=home,
            port=0,
            registry_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            max_body_bytes=4 * 1024 * 1024,
            _env_file=None,
        )
        runtime = await stack.enter_async_context(Runtime.open(settings))
        registry = StubRegistry()
        guarded = AuthMiddleware(
            registry.app(), authenticate_with(runtime.tokens, "registry"), max_body_bytes=settings.max_body_bytes
        )
        await stack.enter_async_context(serving(guarded, listener))
        gateway = await stack.enter_async_context(running(runtime, Service("gateway", "gateway", 0)))
        key = await (await runtime.keys()).create("acme", "test")
        yield Network(runtime, registry, gateway.url, key, stack)
