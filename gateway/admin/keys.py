"""API keys over HTTP, for `agentnet keys`: an admin manages the keys of its own tenant."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from agentnet.errors import ForbiddenError
from agentnet.frame.access import principal_of
from agentnet.http.errors import json_object
from agentnet.identity.keys import Keys, StoredKey

MAX_DAYS = 3650
MAX_LIMIT = 1000
Scope = Literal["use", "admin"]


def printable(name: str) -> str:
    """Raises `ValueError` for line ends, and for what turns the direction of writing: lists are read in terminals."""
    if not name.isprintable():
        raise ValueError("holds characters that cannot be seen, such as a line end")
    return name


class NewKey(BaseModel):
    """What `POST /v1/keys` takes."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(printable)]
    scopes: list[Scope] = Field(default=["use"], min_length=1)
    days: int | None = Field(default=None, ge=1, le=MAX_DAYS)
    tenant: str | None = None


class KeyQuery(BaseModel):
    """What `GET /v1/keys` takes."""

    limit: int = Field(default=MAX_LIMIT, ge=1, le=MAX_LIMIT)
    page: str | None = Field(default=None, max_length=128, pattern=r"^[^\x00]+$")
    """`next_page` of the page before."""


class KeyRoutes:
    """Lists, makes and revokes. A key is shown in full once, in the answer that made it."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def routes(self) -> list[BaseRoute]:
        """`/v1/keys` and below."""
        return [
            Route("/v1/keys", self.list, methods=["GET"]),
            Route("/v1/keys", self.create, methods=["POST"]),
            Route("/v1/keys/{id}", self.revoke, methods=["DELETE"]),
        ]

    async def list(self, request: Request) -> Response:
        """A page of the tenant's keys, oldest first, without their secrets."""
        query = KeyQuery.model_validate(dict(request.query_params))
        tenant = principal_of(request.scope).tenant
        # One more than a page: whether there is another is known without a count.
        rows = await self._keys.list(tenant, query.limit + 1, query.page)
        page = [view_of(row) for row in rows[: query.limit]]
        return JSONResponse({"keys": page, "next_page": page[-1]["id"] if len(rows) > len(page) else None})

    async def create(self, request: Request) -> Response:
        """Make a key; the answer holds it in full. Raises `ForbiddenError` for another tenant's."""
        admin = principal_of(request.scope)
        wanted = NewKey.model_validate(await json_object(request))
        if wanted.tenant not in (None, admin.tenant):
            raise ForbiddenError(
                f"This key manages the keys of tenant {admin.tenant!r} only.",
                hint="The operator makes other tenants at the database: agentnet tenants create NAME.",
            )
        key = await self._keys.create(admin.tenant, wanted.name, scopes=[*wanted.scopes], days=wanted.days)
        body = {"key": key, "id": key.split("_")[1], "tenant": admin.tenant, "name": wanted.name}
        # The answer holds the key: no cache may keep it (RFC 9111 section 5.2.2.5).
        return JSONResponse(body | {"scopes": wanted.scopes}, status_code=201, headers={"cache-control": "no-store"})

    async def revoke(self, request: Request) -> Response:
        """Revoke a key for good. Raises `NotFoundError`."""
        await self._keys.revoke(request.path_params["id"], principal_of(request.scope).tenant)
        return Response(status_code=204)


def view_of(row: StoredKey) -> dict[str, Any]:
    """A key as JSON, without its hash."""
    moments = {"created_at": row.created_at, "expires_at": row.expires_at, "revoked_at": row.revoked_at}
    shown = {name: moment.isoformat() if moment else None for name, moment in moments.items()}
    return {"id": row.id, "tenant": row.tenant, "name": row.name, "scopes": row.scopes} | shown
