"""Profiles over HTTP, for `agentnet mcp profiles`: an admin manages those of its own tenant."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from agentnet.frame.access import principal_of
from agentnet.http.errors import json_object
from gateway.mcp.messages.profile import Profile
from gateway.mcp.profiles.profiles import ProfileStore


class ProfileRoutes:
    """Lists, stores and deletes."""

    def __init__(self, store: ProfileStore) -> None:
        self._store = store

    def routes(self) -> list[BaseRoute]:
        """`/v1/mcp/profiles` and below."""
        return [
            Route("/v1/mcp/profiles", self.list, methods=["GET"]),
            Route("/v1/mcp/profiles/{name}", self.put, methods=["PUT"]),
            Route("/v1/mcp/profiles/{name}", self.remove, methods=["DELETE"]),
        ]

    async def list(self, request: Request) -> Response:
        """The tenant's profiles, by name."""
        found = await self._store.of(principal_of(request.scope).tenant)
        return JSONResponse({"profiles": [view_of(profile) for profile in found.values()]})

    async def put(self, request: Request) -> Response:
        """Store a profile, in place of the one of that name. Raises `ValidationError`, `ConflictError`."""
        admin = principal_of(request.scope)
        name: str = request.path_params["name"]
        profile = Profile.model_validate(await json_object(request) | {"name": name})
        await self._store.put(admin.tenant, profile)
        return JSONResponse(view_of(profile))

    async def remove(self, request: Request) -> Response:
        """Delete a profile: sessions under it end. Raises `NotFoundError`, `ConflictError` while it binds keys."""
        await self._store.remove(principal_of(request.scope).tenant, request.path_params["name"])
        return Response(status_code=204)


def view_of(profile: Profile) -> dict[str, Any]:
    """A profile as JSON."""
    return profile.model_dump(exclude={"anonymous"})
