"""The MCP door put together from its parts: what is built, in which order, its routes, and what closes with it."""

from dataclasses import dataclass

from starlette.routing import BaseRoute, Route

from agentnet.process.runtime import Runtime
from gateway.http.limits import StreamLimit
from gateway.http.transport import Transport
from gateway.mcp.agents import AgentProviders, Means
from gateway.mcp.aggregate.aggregate import Aggregate
from gateway.mcp.aggregate.provider import Providers
from gateway.mcp.bridge.forwarding import Forwarding
from gateway.mcp.bridge.long_calls import LongCalls
from gateway.mcp.bridge.resume import Returning
from gateway.mcp.bridge.to_legacy import Parking
from gateway.mcp.bridge.to_modern import Rounds
from gateway.mcp.changes.subscriptions import Subscriptions
from gateway.mcp.door import Door
from gateway.mcp.guard import PATH
from gateway.mcp.legacy import Legacy
from gateway.mcp.messages.deadline import CALL_SECONDS, TimeLimit
from gateway.mcp.messages.hops import Hops
from gateway.mcp.messages.input_required import Retries
from gateway.mcp.profiles.declared import declared_profiles
from gateway.mcp.profiles.profiles import Profiles, ProfileStore
from gateway.mcp.profiles.routes import ProfileRoutes
from gateway.mcp.resumption.log import CallLog
from gateway.mcp.resumption.relayed import RelayedCalls
from gateway.mcp.servers.calls import ServerCalls
from gateway.mcp.servers.passthrough import Passthrough
from gateway.mcp.servers.provider import ServerProviders
from gateway.mcp.servers.sessions import UpstreamSessions
from gateway.mcp.sessions.client_requests import ClientRequests
from gateway.mcp.sessions.running import RunningCalls
from gateway.mcp.sessions.sessions import Sessions
from gateway.mcp.upstream.client import UpstreamClient
from gateway.mcp.upstream.eras import Eras
from gateway.mcp.upstream.http import UpstreamHttp
from gateway.mcp.upstream.listings import Listings
from gateway.mcp.upstream.outside import OutsideServers
from gateway.mcp.upstream.pool import Pool
from gateway.mcp.upstream.registered import RegisteredServers
from gateway.mcp.upstream.servers import Servers
from gateway.mcp.upstream.watching import Watching


@dataclass(frozen=True, slots=True)
class Entrance:
    """The door of one gateway."""

    routes: list[BaseRoute]
    profiles: Profiles
    """Tell who may pass without a key."""
    outside: OutsideServers
    """To be closed with the gateway."""


async def entrance(
    runtime: Runtime,
    service: str,
    means: Means,
    transport: Transport,
    limit: StreamLimit,
    url: str,
    idle_seconds: float,
) -> Entrance:
    """The door for the agents of `means` and every MCP server. Raises `ConfigurationError` for wrong profiles.

    `url` is where the other replicas reach this one.
    """
    settings, database, signals = runtime.settings, await runtime.database(), await runtime.signals()
    ceiling = TimeLimit(settings.mcp_call_seconds, CALL_SECONDS)
    store = ProfileStore(database)
    profiles = Profiles(declared_profiles(settings.mcp_profiles), store)

    outside = OutsideServers(await runtime.upstreams(), idle_seconds)
    servers = Servers([RegisteredServers(runtime.directory(service), runtime.tokens), outside])
    hops = Hops(runtime.seal)
    http = UpstreamHttp(transport, hops)
    client = UpstreamClient(http)
    pool, eras = Pool(client), Eras(client)
    listings = Listings(client, eras, pool, hops)

    sessions, subscriptions = Sessions(database), Subscriptions(database, signals)
    client_requests, running = ClientRequests(database, signals), RunningCalls(database, signals)
    log = CallLog(database, signals, running)
    long_calls, relayed = LongCalls(Rounds(http), log, running), RelayedCalls(log, running)
    parking = Parking(http, client, pool, Forwarding(transport, runtime.tokens, url))

    calls = ServerCalls(http, client, eras, pool, sessions, subscriptions, long_calls, parking, relayed)
    watching = Watching(servers, http, client, eras, listings)
    sources: list[Providers] = [
        ServerProviders(servers, listings, calls, watching),
        AgentProviders(means, subscriptions),
    ]
    aggregate = Aggregate(settings.mcp_list_limit, hops, sources)
    passthrough = Passthrough(servers, eras, http, client, listings, runtime.seal)

    upstream_sessions = UpstreamSessions(servers, http, client, calls)
    returning = Returning(log, running, long_calls, servers, ceiling)
    legacy = Legacy(sessions, subscriptions, upstream_sessions, returning, client_requests, running, means.event_ids)
    retries = Retries(runtime.seal)
    door = Door(
        profiles, passthrough, aggregate, sessions, running, retries, client_requests, legacy, limit, hops, settings
    )
    for stop in (running.stop, log.stop, door.stop):
        runtime.before_stop(stop)
    paths = (PATH, f"{PATH}/", f"{PATH}/{{profile}}")
    return Entrance([*(Route(path, door) for path in paths), *ProfileRoutes(store).routes()], profiles, outside)
