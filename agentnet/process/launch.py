"""The network in one process: which services there are, in which order they start, and how they stop.

PostgreSQL, then the registry, the MCP servers, the agents, the gateway: each stage answers before the next begins, and
the services of one stage start side by side. They stop in reverse.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from agentnet.errors import AgentNetError, ConfigurationError, NotFoundError
from agentnet.identity import Principal
from agentnet.identity.admin import DEFAULT_TENANT, ensure_admin_key
from agentnet.manifests.manifest import MANIFEST_FILE, load_specialists
from agentnet.manifests.references import check_references
from agentnet.manifests.toolfolders import find_tool_folders
from agentnet.process.apart import apart
from agentnet.process.collector import steady_collector
from agentnet.process.modelnames import check_models
from agentnet.process.runtime import Runtime
from agentnet.process.service import RunningService, Service, bind, running
from agentnet.settings import SERVICE_PORTS, Settings
from agentnet.upstreams.declarations import load_declarations

BUNDLED_MCP_SERVERS = ("knowledge", "data", "toolbox", "web")
SPECIALISTS_PACKAGE = "specialists"
REGISTERED_SECONDS = 10.0
POLL_SECONDS = 0.05

Report = Callable[[str, float], None]
"""Told of each part that answers: its name and the seconds that it took."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a network runs, stage by stage."""

    stages: tuple[tuple[Service, ...], ...]

    @property
    def services(self) -> tuple[Service, ...]:
        """All services in their order."""
        return tuple(service for stage in self.stages for service in stage)


@dataclass(frozen=True, slots=True)
class RunningNetwork:
    """A network that answers. `settings` are those that it runs under, with the ports that it has."""

    settings: Settings
    services: tuple[RunningService, ...]

    @property
    def gateway_url(self) -> str:
        """Where clients reach it."""
        return self.settings.gateway_url


def specialist_directories(settings: Settings) -> list[Path]:
    """The folders that hold specialists: the bundled ones, then the user's own."""
    spec = find_spec(SPECIALISTS_PACKAGE)
    bundled = [Path(location) for location in (spec.submodule_search_locations or ())] if spec else []
    with_any = [directory for directory in bundled if any(directory.glob(f"*/{MANIFEST_FILE}"))]
    return [*with_any, *settings.agents_dirs]


def mcp_servers(settings: Settings) -> list[str]:
    """The MCP servers that the network runs: the bundled ones, the user's own, and those that its file declares.

    Raises `ConfigurationError`.
    """
    declared = [server.name for server in load_declarations(settings.mcp_servers_file).adapted]
    return [*BUNDLED_MCP_SERVERS, *find_tool_folders(settings.mcp_dirs), *declared]


def plan(settings: Settings, only: Sequence[str] = ()) -> Plan:
    """What to run: everything, or the registry, the gateway and the agents and MCP servers named in `only`.

    Raises `ConfigurationError`, and `NotFoundError` for a name that is neither.
    """
    found = load_specialists(specialist_directories(settings))
    agents = [specialist.name for specialist in found]
    servers = mcp_servers(settings)
    _check_names(only, [*servers, *agents])
    check_models(settings, [specialist for specialist in found if not only or specialist.name in only])
    ports = iter(SERVICE_PORTS)
    tools = tuple(Service("mcp", name, next(ports, 0)) for name in servers if not only or name in only)
    specialists = tuple(Service("agent", name, next(ports, 0)) for name in agents if not only or name in only)
    registry = Service("registry", "registry", settings.registry_port)
    gateway = Service("gateway", "gateway", settings.port)
    return Plan(((registry,), tools, specialists, (gateway,)))


def with_free_ports(settings: Settings) -> Settings:
    """`settings` with free ports for the gateway and the registry, so that a second network fits on this machine."""
    with socket.socket() as first, socket.socket() as second:
        for listener in (first, second):  # both are open at once, or the second might get the first one's port
            listener.bind((settings.host, 0))
        ports = {"port": first.getsockname()[1], "registry_port": second.getsockname()[1]}
    return settings.model_copy(update=ports | {"public_url": None, "registry_url": None})


def with_project_docs(settings: Settings) -> Settings:
    """`settings`, where no knowledge folders are set with this project's own documentation, if we run in a checkout.

    So the first question of somebody new finds something.
    """
    root = Path(__file__).resolve().parents[2]
    # Beside an installed package lies whatever else is installed, perhaps somebody's `docs`.
    if settings.knowledge_dirs or not ((root / "docs").is_dir() and (root / "pyproject.toml").is_file()):
        return settings
    return settings.model_copy(update={"knowledge_dirs": [root / "docs"]})


@asynccontextmanager
async def network(
    settings: Settings, *, only: Sequence[str] = (), report: Report | None = None
) -> AsyncIterator[RunningNetwork]:
    """Run a whole network for as long as the block runs; every agent is registered when the block is entered.

    Raises `ConfigurationError` before anything is started when the gateway's or the registry's port is taken.
    """
    async with apart(_network(settings, only, report or _say_nothing), "network") as running_network:
        yield running_network


@asynccontextmanager
async def _network(settings: Settings, only: Sequence[str], tell: Report) -> AsyncIterator[RunningNetwork]:
    settings = _with_real_ports(settings)
    planned = plan(settings, only)
    for label, port in (("gateway", settings.port), ("registry", settings.registry_port)):
        bind(settings.host, port, label).close()  # said now, and not after PostgreSQL has been started for nothing
    async with Runtime.open(settings) as runtime:
        began = time.monotonic()
        await ensure_admin_key(settings, await runtime.keys())
        await _check_references(runtime)
        tell("PostgreSQL", time.monotonic() - began)
        async with AsyncExitStack() as stack:
            services: list[RunningService] = []
            for stage in planned.stages:
                services += await stack.enter_async_context(_stage(runtime, stage, tell))
            await _registered(runtime, planned, tell)
            with steady_collector():
                yield RunningNetwork(settings, tuple(services))


@asynccontextmanager
async def single(settings: Settings, service: Service) -> AsyncIterator[RunningService]:
    """Run one service for as long as the block runs: what a container does.

    A gateway that is reachable from outside gets no key made for it: it refuses to start until one is set.
    """
    async with apart(_single(settings, service), service.label) as served:
        yield served


@asynccontextmanager
async def _single(settings: Settings, service: Service) -> AsyncIterator[RunningService]:
    async with Runtime.open(settings) as runtime:
        if service.kind == "gateway" and settings.is_loopback:
            await ensure_admin_key(settings, await runtime.keys())
        async with running(runtime, service) as served:
            with steady_collector():
                yield served


class _Host:
    """One service, entered and left in a task of its own: what it opens may be bound to the task that opened it."""

    def __init__(self, runtime: Runtime, service: Service) -> None:
        self._stop = asyncio.Event()
        self._started: asyncio.Future[RunningService] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(runtime, service), name=f"host {service.label}")

    async def _run(self, runtime: Runtime, service: Service) -> None:
        try:
            async with running(runtime, _with_free_port(runtime.settings, service)) as served:
                self._started.set_result(served)
                await self._stop.wait()
        except Exception as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def started(self) -> RunningService:
        """The service, once it answers. Raises what kept it from starting."""
        return await asyncio.shield(self._started)

    async def stop(self) -> None:
        """Stop it, or give up starting it."""
        self._stop.set()
        if not self._started.done():
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._started.done() and not self._started.cancelled():
            self._started.exception()  # looked at, or asyncio logs that nobody did


@asynccontextmanager
async def _stage(runtime: Runtime, services: Iterable[Service], tell: Report) -> AsyncIterator[list[RunningService]]:
    hosts = [_Host(runtime, service) for service in services]

    async def started(host: _Host, began: float) -> RunningService:
        served = await host.started()
        tell(served.service.label, time.monotonic() - began)
        return served

    try:
        now = time.monotonic()
        yield list(await asyncio.gather(*(started(host, now) for host in hosts)))
    finally:
        await asyncio.gather(*(host.stop() for host in hosts))


async def _check_references(runtime: Runtime) -> None:
    """Raises `ManifestError` for a server or peer that no manifest can mean; elsewhere's registry may know more."""
    settings = runtime.settings
    if settings.registry_url:
        return
    outside = await (await runtime.upstreams()).names()
    check_references(load_specialists(specialist_directories(settings)), [*mcp_servers(settings), *outside])


async def _registered(runtime: Runtime, planned: Plan, tell: Report) -> None:
    """Wait until the registry offers every agent and MCP server, so that the first request finds all of them."""
    began = time.monotonic()
    wanted = {(service.kind, service.name) for service in planned.services if service.kind in ("agent", "mcp")}
    directory = runtime.directory("launch")
    principal = Principal(DEFAULT_TENANT, "service:launch")
    missing = wanted
    while missing and time.monotonic() - began < REGISTERED_SECONDS:
        try:
            entries = [*await directory.list(principal, "agent"), *await directory.list(principal, "mcp")]
            missing = wanted - {(entry.kind, entry.name) for entry in entries}
        except AgentNetError:
            missing = wanted
        if missing:
            await asyncio.sleep(POLL_SECONDS)
    names = ", ".join(sorted(name for _, name in missing))
    tell(f"registration (not yet: {names})" if missing else "registration", time.monotonic() - began)


def _with_real_ports(settings: Settings) -> Settings:
    """Port 0 of the gateway or registry made a number: others must know it before the service has started."""
    if settings.port and settings.registry_port:
        return settings
    free = with_free_ports(settings)
    ports = {"port": settings.port or free.port, "registry_port": settings.registry_port or free.registry_port}
    return settings.model_copy(update=ports)


def _with_free_port(settings: Settings, service: Service) -> Service:
    """An inner service whose port is taken moves to a free one; nobody has it in a bookmark."""
    if service.kind in ("gateway", "registry"):
        return service
    try:
        bind(settings.host, service.port, service.label, naming=False).close()
    except ConfigurationError:
        return Service(service.kind, service.name, 0)
    return service


def _check_names(only: Sequence[str], known: list[str]) -> None:
    for name in only:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
            raise NotFoundError(f"There is no agent or MCP server {name!r}.", hint=hint)


def _say_nothing(_part: str, _seconds: float) -> None:
    pass
