"""A registry, a gateway, and MCP servers registered for it: what the MCP benchmarks measure of ours."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from json import dumps

from agentnet.discovery.directory import Entry
from agentnet.process.runtime import Runtime
from agentnet.settings import Settings
from bench.processes import LOAD_CORE, Bed, Server, child
from bench.servers import GATEWAY, OURS, REGISTRY

LEASE_SECONDS = 3600.0
UPSTREAM = "mcp-upstream"
SERVER = "bench"
STRAIGHT, LISTED = "straight", "listed"
PROFILES = [{"name": STRAIGHT, "servers": [SERVER], "agents": []}, {"name": LISTED, "mode": "list"}]
"""One server whose names pass unchanged, and everything however long the list is."""


@asynccontextmanager
async def upstreams(servers: int = 1, tools: int = 1, *, json: bool = False) -> AsyncIterator[Server]:
    """MCP servers in one process, on the core of the load: whoever stands in front of them has the other to itself."""
    arguments = ("--servers", str(servers), "--tools", str(tools), *(["--json"] if json else []))
    async with child(UPSTREAM, "bench.mcp_upstream", *arguments, core=LOAD_CORE) as server:
        yield server


@asynccontextmanager
async def gateway(bed: Bed, urls: dict[str, str]) -> AsyncIterator[Server]:
    """A gateway in front of MCP servers, by name, that are registered at a registry of their own."""
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(bed.serving(REGISTRY, core=LOAD_CORE))
        registry_url = f"http://127.0.0.1:{registry.port}"
        settings = Settings(home=bed.home, database_url=await bed.database(OURS), registry_url=registry_url)
        runtime = await stack.enter_async_context(Runtime.open(settings))
        for name, url in urls.items():
            entry = Entry(kind="mcp", name=name, instance="0", url=url)
            await stack.enter_async_context(runtime.directory(f"mcp:{name}").registered(entry, LEASE_SECONDS))
        profiles = bed.home / "profiles.yaml"
        profiles.write_text(dumps({"profiles": PROFILES}))
        yield await stack.enter_async_context(bed.serving(GATEWAY, registry_url=registry_url, mcp_profiles=profiles))
