"""Upstream MCP servers over HTTP, for `agentnet mcp servers`: an admin manages those of its own tenant."""

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from agentnet.discovery.directory import Directory, Kind
from agentnet.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from agentnet.frame.access import principal_of
from agentnet.http.errors import json_object
from agentnet.identity import Principal
from agentnet.upstreams.probe import probe
from agentnet.upstreams.server import NewServer, OutsideServer, Replacement, origin_of
from agentnet.upstreams.upstreams import Upstreams

PATH = "/v1/mcp/servers"
ANOTHER = "Choose another name."


class ServerRoutes:
    """Adds, lists, shows, replaces, switches, removes and tries. A credential goes in and never comes out."""

    def __init__(self, upstreams: Upstreams, directory: Directory, addresses: list[str]) -> None:
        self._upstreams = upstreams
        self._directory = directory
        self._own = {origin_of(address) for address in addresses}

    def routes(self) -> list[BaseRoute]:
        """`/v1/mcp/servers` and below."""
        return [
            Route(PATH, self.list, methods=["GET"]),
            Route(PATH, self.add, methods=["POST"]),
            Route(PATH + "/{name}", self.get, methods=["GET"]),
            Route(PATH + "/{name}", self.replace, methods=["PUT"]),
            Route(PATH + "/{name}", self.remove, methods=["DELETE"]),
            Route(PATH + "/{name}/enable", self.enable, methods=["POST"]),
            Route(PATH + "/{name}/disable", self.disable, methods=["POST"]),
            Route(PATH + "/{name}/test", self.test, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """The servers that the tenant sees, by name."""
        servers = await self._upstreams.visible(principal_of(request.scope).tenant)
        return JSONResponse({"servers": [view_of(server) for server in servers]})

    async def add(self, request: Request) -> Response:
        """Add a server. Raises `ConflictError` for a name that is taken, `UnsafeUrlError`."""
        admin = principal_of(request.scope)
        new = NewServer.model_validate(await json_object(request))
        self._check_origin(new.url)
        await self._check_name(admin, new.name)
        return JSONResponse(view_of(await self._upstreams.add(admin.tenant, new)), status_code=201)

    async def get(self, request: Request) -> Response:
        """One server. Raises `NotFoundError`."""
        return JSONResponse(view_of(await self._named(request)))

    async def replace(self, request: Request) -> Response:
        """Put another definition in a server's place; a credential that is not given stays, for the same origin only.
        Raises `NotFoundError`, `ForbiddenError` for the operator's own, `InvalidInputError`, `UnsafeUrlError`."""
        server = await self._stored(request)
        new = Replacement.model_validate(await json_object(request))
        self._check_origin(new.url)
        return JSONResponse(view_of(await self._upstreams.replace(server, new)))

    async def enable(self, request: Request) -> Response:
        """Switch a server on. Raises `NotFoundError`, `ForbiddenError` for the operator's own."""
        return await self._switch(request, enabled=True)

    async def disable(self, request: Request) -> Response:
        """Switch a server off: it stays, with its credential, and is offered to nobody. Raises as `enable`."""
        return await self._switch(request, enabled=False)

    async def remove(self, request: Request) -> Response:
        """Forget a server and its credential. Raises `NotFoundError`, `ForbiddenError` for the operator's own."""
        server = await self._stored(request)
        await self._upstreams.store.remove(server.tenant, server.name)
        return Response(status_code=204)

    async def test(self, request: Request) -> Response:
        """Connect as the gateway would. Raises `UnavailableError` with the reason, `NotFoundError`."""
        return JSONResponse(asdict(await probe(self._upstreams, await self._named(request))))

    async def _named(self, request: Request) -> OutsideServer:
        return await self._upstreams.get(principal_of(request.scope).tenant, request.path_params["name"])

    async def _stored(self, request: Request) -> OutsideServer:
        server = await self._named(request)
        # What the file declares has no row.
        if server.created_at is None:
            raise ForbiddenError(f"{server.name} is declared in the operator's file; it cannot be changed here.")
        return server

    async def _switch(self, request: Request, *, enabled: bool) -> Response:
        server = await self._stored(request)
        return JSONResponse(view_of(await self._upstreams.store.switch(server.tenant, server.name, enabled=enabled)))

    def _check_origin(self, url: str) -> None:
        """Two networks that list each other would list without an end."""
        if origin_of(url) in self._own:
            raise InvalidInputError("This is the address of the network itself.")

    async def _check_name(self, admin: Principal, name: str) -> None:
        """Nobody takes the name of another: a host could not tell whose tools it calls. Raises `ConflictError`."""
        if self._upstreams.is_declared(admin.tenant, name):
            raise ConflictError(f"The operator's file has an MCP server {name!r}.", hint=ANOTHER)
        if await self._is_registered(admin, "mcp", name):
            raise ConflictError(f"The network has an MCP server {name!r} of its own.", hint=ANOTHER)
        if await self._is_registered(admin, "agent", name):
            raise ConflictError(f"The network has an agent {name!r}.", hint=ANOTHER)

    async def _is_registered(self, admin: Principal, kind: Kind, name: str) -> bool:
        try:
            await self._directory.get(admin, kind, name)
        except NotFoundError:
            return False
        return True


def view_of(server: OutsideServer) -> dict[str, Any]:
    """A server as JSON: of its credential only the kind."""
    return {
        "name": server.name,
        "url": server.url,
        "description": server.description,
        "credential": server.credential.type if server.credential else None,
        "enabled": server.enabled,
        "call_seconds": server.limits.call_seconds,
        "timeouts": dict(server.limits.tools),
        "declared": server.created_at is None,
        "created_at": server.created_at.isoformat() if server.created_at else None,
    }
