"""MCP servers behind the gateways that are measured: `python -m bench.mcp_upstream [--json] [--servers N] [--tools N]`.

Plain servers of the MCP SDK with sessions for the older generation, each at `/<number>/mcp`, with one tool that echoes
and as many more as a test of long lists wants. They answer with event streams, which is the SDK's default, or in JSON,
which costs them half. Says `ready PORT`, ends when its standard input does.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import uvicorn
import uvloop
from mcp.server.caching import CacheHint
from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette
from starlette.routing import Mount

from agentnet.process.service import bind

FRESH_MILLISECONDS = 60_000
STOP_SECONDS = 1


def echo(text: str) -> str:
    """Say it back."""
    return f"echo: {text}"


def look_up(topic: str, limit: int = 10, language: str = "en") -> str:
    """Look a topic up."""
    return f"{limit} about {topic} in {language}"


def create_server(tools: int) -> MCPServer[Any]:
    """`echo`, and `tools` - 1 others of a usual size."""
    hint = CacheHint(ttl_ms=FRESH_MILLISECONDS, scope="public")
    server = MCPServer[Any]("bench", version="1.0.0", log_level="ERROR", cache_hints={"tools/list": hint})
    server.add_tool(echo, structured_output=False)
    for number in range(1, tools):
        said = f"Look a topic up in section {number} of the library, with a limit and a language."
        server.add_tool(look_up, f"look_up_{number}", description=said, structured_output=False)
    return server


def create_app(servers: int, tools: int, *, json: bool) -> Starlette:
    """All servers in one application."""
    made = [create_server(tools) for _ in range(servers)]
    routes = [
        Mount(f"/{number}", app)
        for number, app in enumerate(server.streamable_http_app(json_response=json) for server in made)
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for server in made:
                await stack.enter_async_context(server.session_manager.run())
            yield

    return Starlette(routes=routes, lifespan=lifespan)


async def _serve(servers: int, tools: int, *, json: bool) -> None:
    listener = bind("127.0.0.1", 0, "upstream")
    app = create_app(servers, tools, json=json)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="error", access_log=False, ws="none", timeout_graceful_shutdown=STOP_SECONDS)
    )
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), setattr, server, "should_exit", True)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    print(f"ready {listener.getsockname()[1]}", flush=True)
    await serving


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--tools", type=int, default=1)
    options = parser.parse_args()
    uvloop.run(_serve(options.servers, options.tools, json=options.json))


if __name__ == "__main__":
    main()
