"""A service: one ASGI app on one port. `serve` runs one or many of them in this event loop until told to stop.

Service packages are found by entry points of the group `agentnet.services`, each a factory
`async (runtime, name, url) -> ASGI app`; the app's lifespan starts and stops what the service needs.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from agentnet.errors import ConfigurationError
from agentnet.process.connection import BoundedProtocol, ConnectionLimits, bounded
from agentnet.process.imports import PARTS_OF_A2A, TYPES_OF_MCP, built_when_used, without
from agentnet.process.runtime import Runtime

logger = logging.getLogger(__name__)

GROUP = "agentnet.services"
SPEAKING_MCP = frozenset({"gateway", "mcp"})
"""Kinds of services; a specialist does where it has tools of servers, which is known later."""
SHUTDOWN_SECONDS = 5
POLL_SECONDS = 0.005
DATE_SECONDS = 1.0
ACCEPT_TURNS = 5
"""Turns of the event loop after which what a listener has taken is a connection."""
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75
"""Idle connections between services stay open: whoever connects anew pays for it."""

Factory = Callable[[Runtime, str, str], Awaitable[ASGIApp]]
"""`(runtime, name, url)`: `name` tells which agent or MCP server, `url` is where it will be reached."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service to run: `kind` names the entry point, `name` the agent or MCP server, port 0 means any free one."""

    kind: str
    name: str
    port: int

    @property
    def label(self) -> str:
        """Its name in tokens and logs: `agent:writer`, `mcp:data`, `registry`, `gateway`."""
        return self.kind if self.kind == self.name else f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that answers at `url`."""

    service: Service
    url: str


@cache
def load_factory(kind: str) -> Factory:
    """The factory that a package offers for `kind`. Raises `ConfigurationError`."""
    found = entry_points(group=GROUP, name=kind)
    if not found:
        raise ConfigurationError(f"No installed package offers the service {kind!r}.", hint="Reinstall agentnet.")
    with without(*PARTS_OF_A2A), built_when_used(*([TYPES_OF_MCP] if kind in SPEAKING_MCP else [])):
        factory: Factory = next(iter(found)).load()
    return factory


def bind(host: str, port: int, label: str, *, naming: bool = True) -> socket.socket:
    """A listening socket. Raises `ConfigurationError` when the address cannot be had; `naming` looks who has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it an answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait for TIME_WAIT
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        who = holder(port) if naming and error.errno == errno.EADDRINUSE else None
        raise ConfigurationError(
            f"Port {port} for {label} cannot be used on {host}: {error.strerror}.",
            hint=f"{who or 'Another program has it, perhaps another `agentnet up`'}; "
            "stop that or set a port of your own.",
        ) from None
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def holder(port: int) -> str | None:
    """Which process has a port, in words; None where the system does not say."""
    try:
        import psutil  # where there is no embedded PostgreSQL there may be none
    except ImportError:
        return None
    with suppress(psutil.Error, OSError, RuntimeError):
        for each in psutil.net_connections("tcp"):
            if each.pid and each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port:
                process = psutil.Process(each.pid)
                words = process.cmdline()
                # Never its arguments: they may hold what is nobody's business.
                ours = any(Path(word).name == "agentnet" for word in words[:3])
                name = "an Agent Network" if ours else process.name()
                return f"Process {each.pid} has it, {name} that was started in {process.cwd()}"
    return None


class Server(uvicorn.Server):
    """uvicorn without its signal handlers, for the process has one whatever the number of services, and without its
    naps: idle it wakes ten times less often, and `stop` ends it as soon as the last response is out.

    uvicorn itself looks only every 100 ms whether it is to stop, and then waits 100 ms more whoever is connected.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take no more connections, let running responses end, then end `serve`."""
        self.should_exit = True
        self._stopping.set()

    @contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield

    async def main_loop(self) -> None:
        """A tick is what brings the `Date` header up to date, and ends requests that do not come to their end."""
        while not await self.on_tick(0):
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, BoundedProtocol):
                    connection.check_time(now)
            with suppress(TimeoutError):
                async with asyncio.timeout(DATE_SECONDS):
                    await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """In uvicorn's order, but a listener is closed only when what it took last is a connection.

        asyncio would forget that one, neither served nor closed, and its client would wait.
        """
        for server in self.servers:
            for listener in server.sockets:
                with suppress(NotImplementedError):  # Windows
                    asyncio.get_running_loop().remove_reader(listener.fileno())
        for _ in range(ACCEPT_TURNS):
            await asyncio.sleep(0)
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                await self._wait_tasks_to_complete()
        except TimeoutError:
            logger.warning("%d requests were not done when their time to end was up", len(self.server_state.tasks))
            for task in self.server_state.tasks:
                task.cancel()
        await self.lifespan.shutdown()

    async def _wait_tasks_to_complete(self) -> None:
        while self.server_state.connections or self.server_state.tasks:
            for connection in list(self.server_state.connections):
                connection.shutdown()
            await asyncio.sleep(POLL_SECONDS)
        for server in self.servers:
            await server.wait_closed()


@asynccontextmanager
async def running(runtime: Runtime, service: Service) -> AsyncIterator[RunningService]:
    """Run `service` for as long as the block runs. It answers when the block is entered."""
    settings = runtime.settings
    listener = bind(settings.host, service.port, service.label)
    port = listener.getsockname()[1]
    url = f"http://{settings.reachable_host}:{port}"
    try:
        app = await load_factory(service.kind)(runtime, service.name, url)
    except BaseException:
        listener.close()
        raise
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",  # not "auto", which takes a failed start for an app without one
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        server_header=False,
        ws="none",
        http=bounded(ConnectionLimits.of(settings)),
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name=service.label)
    try:
        while not server.started:
            if serving.done():
                await serving
                raise ConfigurationError(f"The service {service.label} did not start; its log says why.")
            await asyncio.sleep(POLL_SECONDS)
        yield RunningService(service, url)
    finally:
        await runtime.stop()  # first: leases go to others at once, and streams end, which `stop` waits for
        server.stop()
        await serving
