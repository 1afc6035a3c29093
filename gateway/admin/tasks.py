"""Tasks as the network's own REST shows them: rows of the caller's tenant, read from PostgreSQL, whoever runs them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from a2a.types.a2a_pb2 import DESCRIPTOR, StreamResponse
from pydantic import BaseModel, Field, field_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from agentnet.database import Database
from agentnet.errors import InvalidInputError, NotFoundError
from agentnet.frame.access import principal_of
from agentnet.tasks.events import WORKING
from agentnet.tasks.listing import MOST_COUNTED, VIEW, Filters, page_of, total_of
from agentnet.tasks.steps import step_of
from agentnet.tasks.values import struct_json
from gateway.admin import sql

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
MAX_TREE = 2000
STATE_NAMES = {value.number: value.name for value in DESCRIPTOR.enum_types_by_name["TaskState"].values}

STATES = {name: number for number, name in STATE_NAMES.items() if number}
PREFIX = "TASK_STATE_"
SHORT_NAMES = [name.removeprefix(PREFIX).lower().replace("_", "-") for name in STATES]

WAITS = "waiting "
"""How the words of a model's step begin that is a wait, and not a word on what is done."""

TaskView = dict[str, Any]
Shown = list[TaskView]


class TaskQuery(BaseModel):
    """What `GET /v1/tasks` takes."""

    agent: str | None = Field(default=None, max_length=128)
    context: str | None = Field(default=None, max_length=256)
    state: str | None = None
    """By A2A's name, or the short one: `input-required`."""
    since: datetime | None = None
    """The least time of the status."""
    root: UUID | None = None
    parent: UUID | None = None
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    page: str = Field(default="", max_length=256)
    """`next_page` of the page before."""

    @field_validator("state")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        if value is not None and full_name(value) not in STATES:
            raise ValueError(f"must be one of {', '.join(SHORT_NAMES)}")
        return value

    @field_validator("since")
    @classmethod
    def _is_a_moment(cls, value: datetime | None) -> datetime | None:
        """In UTC, where a moment at either end of time with an offset may be none."""
        if value is None or value.tzinfo is None:
            return value and value.replace(tzinfo=UTC)
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise ValueError("must be a moment of the years 1 to 9999 in UTC") from None

    def filters(self, tenant: str) -> Filters:
        """The same for a list of `tenant`'s tasks."""
        state = STATES[full_name(self.state)] if self.state is not None else None
        return Filters(tenant, self.agent, self.context, state, self.since, self.root, self.parent)


class TaskViews:
    """Read-only; another tenant's task is not found. `older` answers clients of A2A 0.3, which has tasks there too."""

    def __init__(self, database: Database, older: ASGIApp) -> None:
        self._pool = database.pool
        self._older = older

    def routes(self) -> list[BaseRoute]:
        """`/v1/tasks` and below."""
        return [
            Route("/v1/tasks", _Unless03(self.list, self._older), methods=["GET"]),
            Route("/v1/tasks/{id:uuid}", _Unless03(self.get, self._older), methods=["GET"]),
            Route("/v1/tasks/{id:uuid}/tree", self.tree, methods=["GET"]),
        ]

    async def list(self, request: Request) -> Response:
        """A page of tasks, the latest first. Raises `InvalidInputError`."""
        query = TaskQuery.model_validate(dict(request.query_params))
        filters = query.filters(principal_of(request.scope).tenant)
        try:
            page = await page_of(self._pool, filters, VIEW, query.limit, query.page)
        except ValueError:
            raise InvalidInputError("page: is not the `next_page` of a page before.") from None
        total = await total_of(self._pool, filters)
        return _json(
            {
                "tasks": await self._views(filters.tenant, page.rows),
                "next_page": page.next_token or None,
                "total": min(total, MOST_COUNTED),
                "more_than_total": total > MOST_COUNTED,
            }
        )

    async def get(self, request: Request) -> Response:
        """One task. Raises `NotFoundError`."""
        [view] = await self._views(principal_of(request.scope).tenant, [await self._row(request)])
        return _json(view)

    async def tree(self, request: Request) -> Response:
        """One task with all that it delegated, as `children`. Raises `NotFoundError`."""
        row, tenant = await self._row(request), principal_of(request.scope).tenant
        below = await self._pool.fetch(sql.LIST_BELOW_ROOT, tenant, row["root_id"], MAX_TREE)
        top, *others = await self._views(tenant, [row, *below])
        return _json(tree_of(top, others))

    async def _views(self, tenant: str, rows: Sequence[asyncpg.Record]) -> Shown:
        """The rows as they are shown, with what those that work wait for."""
        working = [row["id"] for row in rows if row["state"] == WORKING]
        told = await self._pool.fetch(sql.LAST_STEPS, tenant, working) if working else []
        waits = {row["id"]: waits_for(row["body"], row["at"]) for row in told}
        return [view_of(row) | {"waits_for": waits.get(row["id"])} for row in rows]

    async def _row(self, request: Request) -> asyncpg.Record:
        identifier: UUID = request.path_params["id"]
        row = await self._pool.fetchrow(sql.GET_TASK, principal_of(request.scope).tenant, identifier)
        if row is None:
            raise NotFoundError(f"There is no task {identifier}.")
        return row


def full_name(state: str) -> str:
    """A2A's name of a state that may be named in short."""
    return PREFIX + state.upper().replace("-", "_").removeprefix(PREFIX)


class _Unless03:
    """The network's own answer at an address of A2A 0.3's HTTP+JSON binding, unless the request says that it is that.

    The network's card sends clients of 0.3 elsewhere; those that go by an older one, or by habit, say their version.
    """

    def __init__(self, own: Callable[[Request], Awaitable[Response]], older: ASGIApp) -> None:
        self._own = own
        self._older = older

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        version = request.headers.get("a2a-version", "").strip()
        answer = self._older if version == "0.3" or version.startswith("0.3.") else await self._own(request)
        await answer(scope, receive, send)


def view_of(row: asyncpg.Record) -> TaskView:
    """A row for `_json`, its state by A2A's name: ids, moments and the chain stay as they are."""
    view: TaskView = dict(row)
    view["state"] = STATE_NAMES.get(view["state"], "TASK_STATE_UNSPECIFIED")
    # asyncpg gives jsonb as a text where no codec is set: it is written as it is.
    view["chain"] = orjson.Fragment(view["chain"]) if isinstance(view["chain"], str) else view["chain"]
    return view


def waits_for(event: bytes, at: datetime) -> dict[str, Any] | None:
    """What the task waits for that told this step last, its model or a rate limit; None where it waits for neither."""
    step = step_of(struct_json(StreamResponse.FromString(event).status_update.metadata))
    if step is None or step.kind != "model" or step.phase != "start" or not step.summary.startswith(WAITS):
        return None
    return {
        "what": step.summary,
        "model": step.name,
        "agent": step.agent,
        "since": at - timedelta(milliseconds=step.ms or 0),
    }


def _json(body: TaskView) -> Response:
    # `str` for ids: asyncpg's are of a subclass of UUID, which orjson does not know.
    return Response(orjson.dumps(body, default=str), media_type="application/json")


def tree_of(top: TaskView, others: list[TaskView]) -> TaskView:
    """`top` with `children`, and those with theirs, oldest first."""
    nodes = {view["id"]: view | {"children": []} for view in [top, *others]}
    for node in nodes.values():
        parent = nodes.get(node["parent_id"])
        # It may stand in the middle of its tree: what is above it is not shown.
        if parent is not None and node["id"] != top["id"]:
            parent["children"].append(node)
    return nodes[top["id"]]
