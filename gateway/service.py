"""The gateway service: its routes, who may pass, and what it starts and stops."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Scope

from agentnet.errors import ConfigurationError
from agentnet.identity.keys import Keys
from agentnet.identity.middleware import AuthMiddleware, authenticate_with, credential_of
from agentnet.identity.principal import ADMIN, USE
from agentnet.runtime import Runtime
from agentnet.settings import Settings
from gateway.catalog import Catalog
from gateway.limits import StreamLimit
from gateway.relay import Relay
from gateway.transport import HttpxTransport

AUDIENCE = "gateway"
DEFAULT_TENANT = "default"
CARD_PATH = re.compile(r"(/agents/[^/]+)?/\.well-known/agent(-card)?\.json")
HEALTH_PATHS = frozenset({"/health", "/ready"})


async def create_service(runtime: Runtime, name: str, url: str) -> ASGIApp:
    """The gateway as an ASGI app (entry point `gateway`).

    Raises `ConfigurationError` when it would be reachable from outside with no key to ask for.
    """
    keys = await runtime.keys()
    await admit_operator(runtime.settings, keys)
    transport = HttpxTransport()
    catalog = Catalog(runtime.directory(name))
    relay = Relay(catalog, runtime.tokens, transport, StreamLimit())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await transport.close()

    app = Starlette(routes=routes(relay), lifespan=lifespan)
    return AuthMiddleware(
        app,
        authenticate_with(runtime.tokens, AUDIENCE, keys),
        max_body_bytes=runtime.settings.max_body_bytes,
        public=is_open,
    )


async def admit_operator(settings: Settings, keys: Keys) -> None:
    """Store the operator's key as an admin key. Raises `ConfigurationError` when the door would stand open."""
    if settings.api_key is not None:
        secret = settings.api_key.get_secret_value()
        await keys.create(DEFAULT_TENANT, "AGENTNET_API_KEY", scopes=[ADMIN, USE], key=secret)
    elif not settings.is_loopback and not await keys.any_active():
        raise ConfigurationError(
            f"Refusing to bind to {settings.host} while there is no API key.",
            hint="Make one with `agentnet keys create`, or set AGENTNET_API_KEY.",
        )


def is_open(scope: Scope) -> bool:
    """Health and cards need no key; a card asked for with one is answered for its tenant."""
    if scope["method"] not in {"GET", "HEAD"}:
        return False
    if scope["path"] in HEALTH_PATHS:
        return True
    return CARD_PATH.fullmatch(scope["path"]) is not None and credential_of(scope) is None


def routes(relay: Relay) -> list[BaseRoute]:
    """Every route, the more exact ones first."""
    return [
        Route("/health", health, methods=["GET"]),
        Route("/agents/{name}", relay),
        Route("/agents/{name}/{path:path}", relay),
        *entry_routes(relay),
    ]


def entry_routes(relay: Relay) -> list[BaseRoute]:
    """The addresses at which the entry agent answers, in both generations of A2A."""
    return [
        Route("/", relay),
        Route("/message:send", relay),
        Route("/message:stream", relay),
        Route("/tasks", relay),
        Route("/tasks/{path:path}", relay),
        Route("/extendedAgentCard", relay),
        Route("/v1/{path:path}", relay),
    ]


async def health(_: Request) -> Response:
    """Alive, whatever else is."""
    return JSONResponse({"status": "ok"})
