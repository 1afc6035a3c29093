"""The gateway service: its routes, who may pass, and what it starts and stops."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from agentnet.database import Database
from agentnet.errors import ConfigurationError
from agentnet.files.store import FileStore
from agentnet.frame.authentication import authenticate_with
from agentnet.frame.bodies import json_limits
from agentnet.frame.frame import ALIVE, Frame, nothing
from agentnet.identity.keys import Keys
from agentnet.identity.principal import ADMIN, USE
from agentnet.process.runtime import Runtime
from agentnet.push.outbox import Outbox
from agentnet.push.signing import KeyRing, KeySet
from agentnet.retention.rules import Rules
from agentnet.settings import Settings
from cards.serve import CARD_PATH, OLDER_CARD_PATH
from gateway.a2a.cards import Cards
from gateway.a2a.catalog import Catalog
from gateway.a2a.listing import Listing
from gateway.a2a.relay import Relay
from gateway.a2a.upstream import Upstream
from gateway.access import rules
from gateway.admin import sql
from gateway.admin.keys import KeyRoutes
from gateway.admin.push import PushRoutes
from gateway.admin.retention import RetentionRoutes
from gateway.admin.servers import ServerRoutes
from gateway.admin.tasks import TaskViews
from gateway.cors import admit_pages
from gateway.http.http1 import SWEEP_SECONDS, Http1Transport
from gateway.http.limits import StreamLimit
from gateway.http.transport import IDLE_SECONDS
from gateway.mcp.agents import Means
from gateway.mcp.entrance import entrance
from gateway.mcp.guard import Guard
from gateway.page import page

AUDIENCE = "gateway"
DEFAULT_TENANT = "default"
READY_SECONDS = 2.0


async def create_service(runtime: Runtime, name: str, url: str) -> ASGIApp:
    """The gateway as an ASGI app (entry point `gateway`).

    Raises `ConfigurationError` when it would be reachable from outside with no key to ask for.
    """
    settings = runtime.settings
    keys = await runtime.keys()
    # Every replica does so at its start; the same key once more is no conflict.
    await admit_operator(settings, keys)
    silence = silence_of(settings)
    transport, limit = Http1Transport(idle_seconds=silence), StreamLimit()
    catalog = Catalog(runtime.directory(name))
    base_url = settings.public_url or url
    upstream = Upstream(catalog, runtime.tokens, transport)
    relay = Relay(catalog, upstream, limit, base_url, settings.max_wait_seconds)
    cards = Cards(catalog, runtime.http, base_url)
    files = FileStore(await runtime.database(), settings.max_file_bytes)
    means = Means(catalog, upstream, runtime.seal, files, base_url)
    mcp = await entrance(runtime, name, means, transport, limit, url, silence)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await mcp.outside.close()
            await transport.close()

    frame = Frame(
        rules(mcp.profiles.admits),
        authenticate_with(runtime.tokens, AUDIENCE, keys),
        settings.max_body_bytes,
        ready_with(await runtime.database()),
        ready_body=ALIVE,
        json=json_limits(settings),
    )
    own = [*mcp.routes, *await views(runtime, name, keys, url, relay), *routes(relay, cards, Listing(catalog, cards))]
    closed, origins = frame.closed(frame.app(own, lifespan)), settings.allowed_origins
    # CORS outermost: a preflight carries no credential. Host and Origin are checked before a key is looked up, as the
    # MCP transports want it against DNS rebinding.
    return admit_pages(Guard(closed, addresses_of(settings, url), settings.allowed_hosts, origins), origins)


async def views(runtime: Runtime, name: str, keys: Keys, url: str, relay: Relay) -> list[BaseRoute]:
    """What the gateway answers from the database: tasks, and what admins set."""
    settings, database = runtime.settings, await runtime.database()
    servers = ServerRoutes(await runtime.upstreams(), runtime.directory(name), addresses_of(settings, url))
    return [
        KeySet(KeyRing(database, runtime.seal)).route(),
        *TaskViews(database, relay).routes(),
        *KeyRoutes(keys).routes(),
        *RetentionRoutes(Rules(database, settings)).routes(),
        *PushRoutes(Outbox(database)).routes(),
        *servers.routes(),
    ]


def silence_of(settings: Settings) -> float:
    """Seconds for which an agent or a server may say nothing: no less than a call may last."""
    # The limit of the call comes first: its error tells the host which one it was. A sweep may be so late.
    return max(IDLE_SECONDS, settings.mcp_call_seconds + SWEEP_SECONDS)


def addresses_of(settings: Settings, url: str) -> list[str]:
    """The addresses under which requests may name this gateway in their Host header."""
    return [address for address in (settings.public_url, settings.gateway_url, url) if address]


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


def routes(relay: Relay, cards: Cards, listing: Listing) -> list[BaseRoute]:
    """What stands on the catalog, the more exact routes first."""
    return [
        *[Route(path, cards.network, methods=["GET"]) for path in (CARD_PATH, OLDER_CARD_PATH)],
        *[Route("/agents/{name}" + path, cards.agent, methods=["GET"]) for path in (CARD_PATH, OLDER_CARD_PATH)],
        *[Route(path + "/.well-known/{path:path}", nothing) for path in ("/mcp", "/mcp/{profile}")],
        Route("/agents", listing.list, methods=["GET"]),
        Route("/agents/{name}", cards.agent, methods=["GET"]),
        # A route to an object, unlike one to a function, takes every method.
        Route("/agents/{name}", relay),
        Route("/agents/{name}/{path:path}", relay),
        *entry_routes(relay),
    ]


def entry_routes(relay: Relay) -> list[BaseRoute]:
    """The addresses at which the entry agent answers, in both generations of A2A."""
    return [
        Route("/", page, methods=["GET"]),
        Route("/", relay, methods=["POST"]),
        Route("/message:send", relay),
        Route("/message:stream", relay),
        Route("/tasks", relay),
        Route("/tasks/{path:path}", relay),
        Route("/extendedAgentCard", relay),
        # A2A 0.3 has its HTTP+JSON binding below /v1.
        Route("/v1/message:send", relay),
        Route("/v1/message:stream", relay),
        Route("/v1/card", relay),
        Route("/v1/tasks/{path:path}", relay),
    ]


def ready_with(database: Database) -> Callable[[], Awaitable[object]]:
    """Requests can be served when keys are read from the database. The registry's last word serves without it."""

    async def ready() -> object:
        return await database.pool.fetchval(sql.PING, timeout=READY_SECONDS)

    return ready
