"""The service of one MCP server: streamable HTTP at `/mcp`, `/health`, `/ready`, and its entry in the registry.

Stateless: each request stands alone in both eras of the protocol, so any replica answers any request.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from agentnet.directory import Entry
from agentnet.errors import AgentNetError, error_body
from agentnet.identity.middleware import AuthMiddleware, authenticate_with
from agentnet.ids import new_id
from agentnet.runtime import Runtime
from agentnet.settings import LOOPBACK_HOSTS, Settings
from mcp_servers.offer import KNOWN, create_server, names
from mcp_servers.server import ToolServer

__all__ = ["KNOWN", "create_service", "names"]

PATH = "/mcp"


async def create_service(runtime: Runtime, name: str, url: str) -> ASGIApp:
    """The app of the MCP server `name`, reached at `url`. Raises `NotFoundError`."""
    server = await create_server(runtime, name)
    app = _app(server, runtime, url.rstrip("/"))
    authenticate = authenticate_with(runtime.tokens, f"mcp:{name}")
    return AuthMiddleware(app, authenticate, max_body_bytes=runtime.settings.max_body_bytes)


def _app(server: ToolServer, runtime: Runtime, url: str) -> Starlette:
    settings = runtime.settings
    endpoint = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=settings.max_body_bytes,
        transport_security=transport_security(settings, url),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        entry = await describe(server, url)
        directory = runtime.directory(f"mcp:{server.name}")
        async with server.session_manager.run(), directory.registered(entry, settings.lease_seconds):
            yield

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        try:
            await server.ready()
        except AgentNetError as error:
            return JSONResponse(error_body(error), status_code=503)
        return JSONResponse({"status": "ready"})

    routes = [*endpoint.routes, Route("/health", health), Route("/ready", ready)]
    return Starlette(routes=routes, lifespan=lifespan)


async def describe(server: ToolServer, url: str) -> Entry:
    """The registry entry of this replica of `server`."""
    tools = await server.list_tools()
    return Entry(
        kind="mcp",
        name=server.name,
        instance=new_id(),
        url=url + PATH,
        description=server.description or "",
        skills=[tool.name for tool in tools],
        words=" ".join(f"{tool.name} {tool.description or ''}" for tool in tools),
        document={
            "name": server.name,
            "version": server.version,
            "description": server.description,
            "instructions": server.instructions,
            "tools": [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools],
        },
    )


def transport_security(settings: Settings, url: str) -> TransportSecuritySettings:
    """Host names that a request may carry: where this service is reached, and this machine. No browser origins."""
    hosts = {urlsplit(url).hostname or settings.reachable_host, settings.reachable_host, *LOOPBACK_HOSTS}
    bracketed = {f"[{host}]" if ":" in host else host for host in hosts}
    return TransportSecuritySettings(allowed_hosts=[*bracketed, *(f"{host}:*" for host in bracketed)])
