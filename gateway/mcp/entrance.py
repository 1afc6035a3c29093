"""The MCP door put together from its parts: the routes of a gateway that belong to it, and what closes with it."""

from dataclasses import dataclass

from starlette.routing import BaseRoute, Route

from agentnet.identity import Principal
from agentnet.process.runtime import Runtime
from gateway.http.limits import StreamLimit
from gateway.http.transport import Transport
from gateway.mcp.agents import Agents, Means
from gateway.mcp.aggregate.provider import Provider
from gateway.mcp.changes.subscriptions import Subscriptions
from gateway.mcp.door import Door
from gateway.mcp.guard import PATH
from gateway.mcp.legacy import Legacy
from gateway.mcp.messages.hops import Hops
from gateway.mcp.messages.input_required import Retries
from gateway.mcp.messages.profile import Profile
from gateway.mcp.profiles.declared import declared_profiles
from gateway.mcp.profiles.profiles import Profiles
from gateway.mcp.profiles.routes import ProfileRoutes
from gateway.mcp.profiles.store import ProfileStore
from gateway.mcp.resumption.log import CallLog
from gateway.mcp.servers.servers import Switchboard
from gateway.mcp.sessions.cancellation import Running
from gateway.mcp.sessions.client_requests import Callbacks
from gateway.mcp.sessions.sessions import Sessions
from gateway.mcp.upstream.outside import OutsideServers
from gateway.mcp.upstream.registered import RegisteredServers


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
    """The door for the agents of `means` and every MCP server. Raises `ConfigurationError` for wrong profiles."""
    settings, database, signals = runtime.settings, await runtime.database(), await runtime.signals()
    store = ProfileStore(database)
    profiles = Profiles(declared_profiles(settings.mcp_profiles), store)
    outside = OutsideServers(await runtime.upstreams(), idle_seconds)
    registered = RegisteredServers(runtime.directory(service), runtime.tokens)
    sessions, subscriptions, log = Sessions(database), Subscriptions(database, signals), CallLog(database, signals)
    hops = Hops(runtime.seal)
    callbacks, running = Callbacks(database, signals), Running(database, signals)
    switchboard = Switchboard(
        [registered, outside], transport, runtime, sessions, subscriptions, log, running, hops, url
    )
    legacy = Legacy(sessions, subscriptions, switchboard, callbacks, running, means.event_ids)

    async def providers(principal: Principal, profile: Profile) -> list[Provider]:
        return [Agents(means, subscriptions, principal, profile), *await switchboard.providers(principal, profile)]

    door = Door(profiles, switchboard, providers, Retries(runtime.seal), legacy, limit, hops, settings)
    runtime.before_stop(running.stop)
    runtime.before_stop(door.stop)
    paths = (PATH, f"{PATH}/", f"{PATH}/{{profile}}")
    return Entrance([*(Route(path, door) for path in paths), *ProfileRoutes(store).routes()], profiles, outside)
