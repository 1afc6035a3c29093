"""The registry as a service: its routes, its door, and the sweep that runs beside it."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, TypeVar, get_args
from uuid import UUID

import orjson
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from agentnet.database.retry import DATABASE_AWAY
from agentnet.discovery.directory import AUDIENCE, MOST_LISTED, Kind
from agentnet.errors import InvalidInputError
from agentnet.frame.access import CALLER, Rules, principal_of
from agentnet.frame.authentication import authenticate_with
from agentnet.frame.bodies import json_limits
from agentnet.frame.frame import Frame
from agentnet.manifests.manifest import NAME_PATTERN
from agentnet.process.runtime import Runtime
from registry.entries import Entries, Need, Registration, digest_of
from registry.found import Found

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 1024 * 1024
READY_SECONDS = 2.0
SWEEP_SECONDS = 60.0
RULES: Rules = {
    "GET /v1/entries": CALLER,
    "GET /v1/entries/{kind}/{name}": CALLER,
    "PUT /v1/entries/{kind}/{name}/{instance}": CALLER,
    "DELETE /v1/entries/{kind}/{name}/{instance}": CALLER,
    "POST /v1/search": CALLER,
}
"""Callers have a token for the registry. Whose an entry is, `Entries` finds out, for the body says it too."""


_KINDS: tuple[Kind, ...] = get_args(Kind)
Body = TypeVar("Body", bound=BaseModel)
Work = TypeVar("Work")


class ListQuery(BaseModel):
    """What `GET /v1/entries` takes."""

    kind: str = ""
    limit: int = Field(default=200, ge=1, le=MOST_LISTED)
    after: str = Field(default="", max_length=128, pattern=r"^[^\x00]*$")
    """`next` of the page before."""


async def create_service(runtime: Runtime, name: str, url: str) -> ASGIApp:
    """The registry's app. Raises `UnavailableError` when the database does not answer."""
    database = await runtime.database()
    return create_app(await Entries.open(database), runtime)


def create_app(entries: Entries, runtime: Runtime) -> ASGIApp:
    """The app over `entries`."""
    endpoints = _Endpoints(entries)
    frame = Frame(
        RULES,
        authenticate_with(runtime.tokens, AUDIENCE),
        MAX_BODY_BYTES,
        endpoints.ready,
        json=json_limits(runtime.settings),
    )
    one = "/v1/entries/{kind}/{name}"
    routes = [
        Route("/v1/entries", endpoints.list),
        Route(one, endpoints.get),
        Route(one + "/{instance}", endpoints.register, methods=["PUT"]),
        Route(one + "/{instance}", endpoints.deregister, methods=["DELETE"]),
        Route("/v1/search", endpoints.search, methods=["POST"]),
    ]
    return frame.closed(frame.app(routes, _sweeping(entries)))


class _Endpoints:
    """HTTP to `Entries` and back."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    async def ready(self) -> None:
        async with asyncio.timeout(READY_SECONDS):
            await self._entries.ping()

    async def register(self, request: Request) -> Response:
        path, raw = request.path_params, await request.body()
        # The same once more is a heartbeat: it needs no look at what it says.
        digest = digest_of(path["kind"], path["name"], path["instance"], raw)
        until = await self._entries.renewed(principal_of(request.scope), path["kind"], path["name"], digest)
        if until is None:
            until = await self._register(request, digest)
        return JSONResponse({"lease_until": until.isoformat()})

    async def _register(self, request: Request, digest: UUID) -> datetime:
        registration = await _body(request, Registration)
        said = (registration.kind, registration.name, registration.instance)
        # The address says whose entry it is, the body what is written: they must not be two.
        if said != tuple(request.path_params.values()):
            raise InvalidInputError("kind, name and instance in the body differ from those in the address.")
        return await self._entries.register(principal_of(request.scope), registration, digest)

    async def deregister(self, request: Request) -> Response:
        await self._entries.deregister(principal_of(request.scope), **request.path_params)
        return Response(status_code=204)

    async def list(self, request: Request) -> Response:
        query = ListQuery.model_validate(dict(request.query_params))
        tenant = principal_of(request.scope).tenant
        # One more than a page: whether there is another is known without a count.
        entries = await self._entries.live(tenant, _kind(query.kind), query.limit + 1, query.after)
        page = entries[: query.limit]
        return _answer(page, page[-1].name if len(entries) > len(page) else None)

    async def get(self, request: Request) -> Response:
        kind, name = _kind(request.path_params["kind"]), request.path_params["name"]
        tenant = principal_of(request.scope).tenant
        # What can be no name has no entry: PostgreSQL would refuse a NUL in it with an error.
        if not re.match(NAME_PATTERN, name):
            raise await self._entries.unknown(tenant, kind, name)
        entry = await self._entries.get(tenant, kind, name)
        return Response(orjson.dumps(entry.answer()), media_type="application/json")

    async def search(self, request: Request) -> Response:
        need = await _body(request, Need)
        return _answer(await unless_left(request, self._entries.search(principal_of(request.scope).tenant, need)))


def _kind(value: str) -> Kind:
    for kind in _KINDS:
        if kind == value:
            return kind
    raise InvalidInputError(f"kind: must be one of {', '.join(_KINDS)}.")


async def _body(request: Request, model: type[Body]) -> Body:
    try:
        # Pydantic's own parser takes 1e400 for infinity, which PostgreSQL's JSON has none of.
        return model.model_validate(orjson.loads(await request.body()))
    except orjson.JSONDecodeError:
        raise InvalidInputError("The body is not JSON.") from None


def _answer(entries: list[Found], following: str | None = None) -> Response:
    """`following` is what `after` is to be for the next page."""
    body = {"entries": [entry.answer() for entry in entries], "next": following}
    return Response(orjson.dumps(body), media_type="application/json")


async def unless_left(request: Request, work: Awaitable[Work]) -> Work:
    """What `work` brings, unless the client leaves before: then it is cancelled, its statement too.

    Raises `ClientDisconnect`. The request's body must have been read.
    """
    working = asyncio.current_task()
    assert working is not None
    has_left = is_over = False

    def leave(_: object) -> None:
        nonlocal has_left
        if not is_over:
            has_left = True
            working.cancel()

    leaving = asyncio.ensure_future(_left(request))
    leaving.add_done_callback(leave)
    try:
        return await work
    except asyncio.CancelledError:
        # The server that stops cancels, too: that is not ours to take back.
        if has_left and working.uncancel() == 0:
            raise ClientDisconnect from None
        raise
    finally:
        is_over = True
        leaving.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _sweeping(entries: Entries) -> Callable[[Any], Any]:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        task = asyncio.create_task(_sweep_forever(entries), name="registry sweep")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return lifespan


async def _sweep_forever(entries: Entries) -> None:
    while True:
        try:
            if swept := await entries.sweep():
                logger.info("swept %d entries whose lease ran out long ago", swept)
        # One look that fails must not end the sweep.
        except DATABASE_AWAY as error:
            logger.warning("the sweep waits for PostgreSQL: %r", error)
        await asyncio.sleep(SWEEP_SECONDS)
