"""Push notifications for operators: what is on its way, what was given up, and another try for that."""

from typing import Any, Literal
from uuid import UUID

import asyncpg
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from agentnet.frame.access import principal_of
from agentnet.push.outbox import Outbox

DEFAULT_LIMIT = 50
MAX_LIMIT = 500


class PushQuery(BaseModel):
    """What `GET /v1/push` takes."""

    state: Literal["pending", "delivered", "dead"] | None = None
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    page: UUID | None = None
    """`next_page` of the page before."""


class PushRoutes:
    """Deliveries of the caller's tenant; another tenant's is not found."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def routes(self) -> list[BaseRoute]:
        """`/v1/push` and below."""
        return [
            Route("/v1/push", self.list, methods=["GET"]),
            Route("/v1/push/{id:uuid}/retry", self.retry, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """A page of the deliveries, the latest first."""
        query = PushQuery.model_validate(dict(request.query_params))
        tenant = principal_of(request.scope).tenant
        # One more than a page: whether there is another is known without a count.
        rows = await self._outbox.list(tenant, query.state, query.limit + 1, query.page)
        page = [view_of(row) for row in rows[: query.limit]]
        return JSONResponse({"deliveries": page, "next_page": page[-1]["id"] if len(rows) > len(page) else None})

    async def retry(self, request: Request) -> Response:
        """Try a dead delivery again. Raises `NotFoundError`, `ConflictError`."""
        await self._outbox.retry(principal_of(request.scope).tenant, request.path_params["id"])
        return Response(status_code=204)


def view_of(row: asyncpg.Record) -> dict[str, Any]:
    """A delivery as JSON."""
    view: dict[str, Any] = dict(row)
    view["id"], view["task_id"] = str(view["id"]), str(view["task_id"])
    view["url"] = view.pop("address")
    for key in ("created_at", "done_at"):
        view[key] = view[key].isoformat() if view[key] else None
    return view
