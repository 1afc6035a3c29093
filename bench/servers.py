"""The servers that are measured, each a child process: `python -m bench.servers KIND`.

`ours` is a replica as `agentnet serve agent` runs it, and `tool-user` one whose model is scripted; `gateway`,
`registry` and `toolbox`, a tool server, are what `agentnet serve` makes of them. The others are a plain a2a-sdk server:
its stock handler and its stock JSON-RPC routes over its in-memory store, its database store, or its cluster mode. All
run uvicorn with uvloop and httptools, the same executor, and as many database connections. A child says `ready PORT`
and ends when its standard input does, so that it never outlives the bench.
"""

import argparse
import asyncio
import ctypes
import gc
import logging
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from agentnet.settings import Settings

SPECIALIST = Path(__file__).with_name("specialist")
TOOL_SPECIALIST = Path(__file__).with_name("tool_user")
AGENT = "bench"
POOL_CONNECTIONS = 20
LIFETIME_SECONDS = 3600
"""A child that is forgotten all the same ends by itself."""
UNREACHABLE_REGISTRY = "http://127.0.0.1:9"
PR_SET_PDEATHSIG = 1

OURS = "ours"
MEMORY = "sdk-memory"
POSTGRES = "sdk-postgres"
CLUSTER = "sdk-cluster"
GATEWAY = "gateway"
REGISTRY = "registry"
TOOLBOX = "toolbox"
TOOL_USER = "tool-user"
KINDS = (OURS, MEMORY, POSTGRES, CLUSTER, GATEWAY, REGISTRY, TOOLBOX, TOOL_USER)
KEYED = frozenset({OURS, GATEWAY, REGISTRY, TOOLBOX, TOOL_USER})
"""Services of our network: one database, one key."""
LABELS = {
    OURS: "agentnet",
    MEMORY: "a2a-sdk, in memory",
    POSTGRES: "a2a-sdk, PostgreSQL",
    CLUSTER: "a2a-sdk, cluster mode",
}

GC_MODES = ("default", "freeze", "threshold", "both", "off")


@asynccontextmanager
async def _ours(options: argparse.Namespace) -> AsyncIterator[int]:
    from agentnet.process.launch import single
    from agentnet.process.service import Service

    kind, name = {OURS: ("agent", AGENT), TOOLBOX: ("mcp", TOOLBOX)}.get(options.kind, (options.kind, options.kind))
    async with single(_settings(options), Service(kind, name, 0)) as served:
        yield _port(served.url)


@asynccontextmanager
async def _tool_user(options: argparse.Namespace) -> AsyncIterator[int]:
    """As `single` runs a service, but for the model."""
    from agentnet.process.collector import steady_collector
    from agentnet.process.runtime import Runtime
    from agentnet.process.service import Service, running
    from bench.scripted_model import ScriptedModels

    class Scripted(Runtime):
        def models(self) -> ScriptedModels:
            return ScriptedModels(self.settings)

    async with (
        Scripted.open(_settings(options)) as runtime,
        running(runtime, Service("agent", TOOL_USER, 0)) as served,
    ):
        with steady_collector():
            yield _port(served.url)


def _settings(options: argparse.Namespace) -> "Settings":
    from agentnet.settings import Settings

    return Settings(
        home=Path(options.home),
        database_url=options.database_url,
        database_pool=POOL_CONNECTIONS,
        registry_url=options.registry_url,
        agents_dirs=[SPECIALIST, TOOL_SPECIALIST],
        lease_seconds=options.lease_seconds,
        concurrency=options.concurrency,
        mcp_profiles=options.mcp_profiles,
    )


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


@asynccontextmanager
async def _sdk(options: argparse.Namespace) -> AsyncIterator[int]:
    from a2a.server.cluster import DatabaseTaskEventStream, VersionedDatabaseTaskStore
    from a2a.server.request_handlers import DefaultRequestHandler
    from a2a.server.routes import create_jsonrpc_routes
    from a2a.server.tasks import DatabaseTaskStore, InMemoryTaskStore
    from sqlalchemy.ext.asyncio import create_async_engine
    from starlette.applications import Starlette

    from agentnet.manifests.manifest import load_specialist
    from agentnet.process.service import bind
    from agentnet.runs.folder_code import load_executor
    from cards import build_card

    specialist = load_specialist(SPECIALIST)
    executor = load_executor(specialist)
    assert executor is not None
    listener = bind("127.0.0.1", 0, options.kind)
    port: int = listener.getsockname()[1]
    card = build_card(specialist.manifest, f"http://127.0.0.1:{port}", definition=specialist.definition)
    if options.kind == MEMORY:
        handler = DefaultRequestHandler(executor, InMemoryTaskStore(), card)
    else:
        url = options.database_url.replace("postgresql://", "postgresql+asyncpg://", 1)
        engine = create_async_engine(url, pool_size=POOL_CONNECTIONS, max_overflow=0)
        if options.kind == POSTGRES:
            store = DatabaseTaskStore(engine)
            await store.initialize()
            handler = DefaultRequestHandler(executor, store, card)
        else:
            versioned, stream = VersionedDatabaseTaskStore(engine), DatabaseTaskEventStream(engine)
            await versioned.initialize()
            await stream.initialize()
            handler = DefaultRequestHandler(executor, versioned, card, event_stream=stream)
    app = Starlette(routes=create_jsonrpc_routes(handler, "/"))
    config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = server.force_exit = True
        await serving


def _tune_collector(mode: str) -> None:
    """What one may do about garbage collection pauses; `default` leaves it as the server has it."""
    if mode in {"freeze", "both"}:
        gc.collect()
        gc.freeze()
    if mode in {"threshold", "both"}:
        gc.set_threshold(50_000, 20, 100)
    if mode == "off":
        gc.disable()


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_reader(sys.stdin.fileno(), stop.set)
    served = _ours if options.kind in KEYED else _sdk
    server = _tool_user if options.kind == TOOL_USER else served
    async with server(options) as port:
        _tune_collector(options.gc)
        print(f"ready {port}", flush=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(LIFETIME_SECONDS):
                await stop.wait()


def raise_file_limit() -> int:
    """Allow as many open files as the system lets this process have; the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--home", required=True)
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--lease-seconds", type=float, default=10.0)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--registry-url", default=UNREACHABLE_REGISTRY)
    parser.add_argument("--mcp-profiles", type=Path)
    parser.add_argument("--gc", choices=GC_MODES, default="default")
    options = parser.parse_args()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    raise_file_limit()
    logging.basicConfig(level=logging.ERROR)
    import uvloop

    uvloop.run(_serve(options))


if __name__ == "__main__":
    main()
