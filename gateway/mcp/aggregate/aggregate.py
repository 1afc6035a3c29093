"""Everything that a caller sees as one MCP server: lists are merged, calls go to the provider of the item."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from cachetools import LRUCache
from mcp_types import SERVER_INFO_META_KEY
from mcp_types.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, MODERN_PROTOCOL_VERSIONS

from agentnet import __version__
from agentnet.errors import AgentNetError, UnavailableError
from agentnet.mcp.finding import FIND_TOOLS, FINDER_NAMES
from gateway.mcp.aggregate.find_tools import find_tools, found_page, named_call
from gateway.mcp.aggregate.merge import Merged, Part, Place, merge
from gateway.mcp.aggregate.naming import may_show
from gateway.mcp.aggregate.provider import Provider, Providers
from gateway.mcp.aggregate.uris import candidates, is_network_alone, own_place, place_of
from gateway.mcp.messages.deadline import profile_limit
from gateway.mcp.messages.envelope import TASK_METHODS
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.hops import Hops
from gateway.mcp.messages.jsonrpc import object_or_empty, text_in
from gateway.mcp.messages.parameters import ParameterError, Parameters
from gateway.mcp.upstream.addressing import TASKS, with_arguments
from gateway.mcp.upstream.server import Kind, Listing

logger = logging.getLogger(__name__)

SERVER_INFO: Document = {"name": "agentnet", "title": "Agent Network", "version": __version__}
INSTRUCTIONS = (
    "The tools of this network's MCP servers are named server__tool. The other tools but find_agents are specialist "
    "agents: tell one in `message` what to do. When its result has the state input-required, it asks: call it again "
    "with that task_id and the answer."
)
CAPABILITIES: Document = {
    "tools": {"listChanged": True},
    "prompts": {"listChanged": True},
    "resources": {"listChanged": True, "subscribe": True},
    "completions": {},
    "logging": {},
    "extensions": {TASKS: {}},
}
"""Declared to all clients, whatever their providers have."""
DISCOVER_TTL_MS = 60_000
KEPT_LISTS = 256
KEPT_CALLERS = 4096
FOREIGN_SECONDS = 1.0
"""How long another network waits for a list that is not at hand: it may itself be what that list waits for."""
# What only the other era has is unknown to this one: -32601.
ABSENT: dict[Era, frozenset[str]] = {
    Era.LEGACY: frozenset({"server/discover", *TASK_METHODS}),
    Era.MODERN: frozenset({"initialize", "ping", "resources/subscribe", "resources/unsubscribe"}),
}
KINDS = {kind.method: kind for kind in Kind}

Handler = Callable[[Exchange], Awaitable[Document | None]]


class UnknownItemError(McpError):
    """No list has it."""


class Aggregate:
    """Answers the requests of one endpoint for all callers; knows nothing of where providers come from."""

    def __init__(self, list_limit: int, hops: Hops, sources: list[Providers]) -> None:
        self._sources = sources
        self._hops = hops
        self._list_limit = list_limit
        self._parameters = Parameters()
        self._merged: LRUCache[tuple[object, ...], Merged] = LRUCache(KEPT_LISTS)
        self._latest: LRUCache[tuple[object, ...], Merged] = LRUCache(KEPT_CALLERS)
        """The tools that each caller's calls were found among last."""
        self._handlers: dict[str, Handler] = {
            "ping": self._ping,
            "initialize": self._initialize,
            "server/discover": self._discover,
            "tools/call": self._call,
            "prompts/get": self._prompt,
            "completion/complete": self._complete,
            **dict.fromkeys(("resources/read", "resources/subscribe", "resources/unsubscribe"), self._resource),
            **dict.fromkeys(sorted(TASK_METHODS), self._task),
            **dict.fromkeys(KINDS, self._list),
        }

    async def handle(self, exchange: Exchange) -> Document | None:
        """The result, or None when it went out already. Raises `AgentNetError`, `InputRequired`."""
        handler = self._handlers.get(exchange.method)
        if handler is None or exchange.method in ABSENT[exchange.era]:
            raise McpError(METHOD_NOT_FOUND, f"There is no method {exchange.method!r} here.")
        if exchange.method in KINDS:
            return await handler(exchange)
        exchange.trusts_known = True
        try:
            return await handler(exchange)
        except (UnknownItemError, ParameterError):  # nothing was sent yet; it may be new, or another since
            exchange.trusts_known = False
            return await handler(exchange)

    async def providers(self, exchange: Exchange) -> list[Provider]:
        """All that the caller sees, those of the first source first. Raises `AgentNetError`."""
        found: list[Provider] = []
        for source in self._sources:
            found += await source.all(exchange.principal, exchange.profile)
        return found

    async def merged(self, exchange: Exchange, kind: Kind, providers: list[Provider]) -> Merged:
        """The list of `kind` as the caller sees it; a provider that fails is left out."""
        is_foreign = bool(exchange.networks)
        seconds = FOREIGN_SECONDS if is_foreign else None
        parts = await gather(kind, providers, known=exchange.trusts_known, seconds=seconds)
        principal, profile = exchange.principal, exchange.profile
        listings = tuple(listing for _, listing in parts)
        key = (
            principal.tenant,
            profile.name,
            kind,
            is_foreign,
            *map(id, listings),
        )  # callers whose lists differ do not take turns
        kept = self._merged.get(key)
        # An id is given again when its object has gone: the objects themselves decide.
        if kept is None or kept.profile != profile or not _same(kept.listings, listings):
            kept = merge(kind, parts, profile, self._hops.marked if is_foreign else None)
            self._merged[key] = kept
        return kept

    async def _ping(self, exchange: Exchange) -> Document:
        return {}

    async def _initialize(self, exchange: Exchange) -> Document:
        asked = exchange.params.get("protocolVersion")
        # One that is not known is answered with the newest of the era (2025-11-25, lifecycle: version negotiation).
        version = asked if asked in HANDSHAKE_PROTOCOL_VERSIONS else LATEST_HANDSHAKE_VERSION
        return {
            "protocolVersion": version,
            "capabilities": CAPABILITIES,
            "serverInfo": SERVER_INFO,
            "instructions": INSTRUCTIONS,
        }

    async def _discover(self, exchange: Exchange) -> Document:
        return {
            "supportedVersions": list(MODERN_PROTOCOL_VERSIONS),
            "capabilities": CAPABILITIES,
            "serverInfo": SERVER_INFO,
            "instructions": INSTRUCTIONS,
            "ttlMs": DISCOVER_TTL_MS,
            "cacheScope": "private",
        }

    async def _list(self, exchange: Exchange) -> Document:
        kind = KINDS[exchange.method]
        merged = await self.merged(exchange, kind, await self.providers(exchange))
        if kind is Kind.TOOLS and self._is_found(exchange, merged):
            page = found_page(exchange.params.get("cursor"))
        else:
            page = merged.page(exchange.params.get("cursor"))
        result: Document = {kind.member: page.pop("items")} | page
        if exchange.era is Era.MODERN:
            # Never public: at one address each tenant, profile and key may see other servers.
            result |= {"ttlMs": merged.ttl_ms, "cacheScope": "private"}
        return result

    async def _call(self, exchange: Exchange) -> Document | None:
        name = text_in(exchange.params, "name")
        found = await self._at_hand(exchange, name) if exchange.trusts_known else None
        if found is None:
            providers = await self.providers(exchange)
            if name in FINDER_NAMES or all(provider.known(Kind.TOOLS) is not None for provider in providers):
                merged = self._latest[_caller(exchange)] = await self.merged(exchange, Kind.TOOLS, providers)
                if name in FINDER_NAMES and self._is_found(exchange, merged):
                    if name == FIND_TOOLS:
                        return find_tools(object_or_empty(exchange.params.get("arguments")), merged)
                    call_named(exchange, merged)
            found = await self._find(exchange, Kind.TOOLS, exchange.params["name"], providers)
        provider, place = found
        exchange.schema = place.item.get("inputSchema")
        if exchange.era is Era.MODERN:
            self._parameters.check(exchange.schema, exchange.params.get("arguments"), exchange.headers)
        limit_call(exchange)
        return await provider.answer(exchange, place.own)

    async def _at_hand(self, exchange: Exchange, name: str) -> tuple[Provider, Place] | None:
        """The tool where the caller's last call found it, if its own provider still says so: no other is looked at."""
        latest = self._latest.get(_caller(exchange))
        if latest is None or (latest.profile is not exchange.profile and latest.profile != exchange.profile):
            return None
        place = latest.places.get(name)
        if place is None or name in FINDER_NAMES:
            return None
        for source in self._sources:
            provider = await source.one(exchange.principal, exchange.profile, place.provider)
            if provider is not None:
                # The same object: no list was had since in which the tool could be another.
                return (provider, place) if provider.known(Kind.TOOLS) is place.listing else None
        return None

    def _is_found(self, exchange: Exchange, merged: Merged) -> bool:
        """Whether the caller finds tools instead of having all of them listed."""
        mode = exchange.profile.mode
        return mode == "find" or (mode == "auto" and len(merged.places) > self._list_limit)

    async def _complete(self, exchange: Exchange) -> Document | None:
        reference = object_or_empty(exchange.params.get("ref"))
        for kind, member, complete in (
            ("ref/prompt", "name", self._complete_prompt),
            ("ref/resource", "uri", self._complete_resource),
        ):
            if reference.get("type") == kind:
                named = text_in(reference, member, "ref.")
                return await complete(exchange, named, await self.providers(exchange))
        raise McpError(INVALID_PARAMS, "ref must have the type ref/prompt and a name, or ref/resource and a uri.")

    async def _complete_prompt(self, exchange: Exchange, name: str, providers: list[Provider]) -> Document | None:
        provider, place = await self._find(exchange, Kind.PROMPTS, name, providers)
        return await provider.answer(exchange, place.own)

    async def _complete_resource(self, exchange: Exchange, uri: str, providers: list[Provider]) -> Document | None:
        if own_place(uri, exchange.profile, providers) is None:
            templates = await self.merged(exchange, Kind.TEMPLATES, providers)
            template = templates.places.get(uri)
            if template is not None:
                return await _named(providers, template.provider).answer(exchange, template.own)
        provider, own = await self._owner(exchange, uri, providers)
        return await provider.answer(exchange, own)

    async def _resource(self, exchange: Exchange) -> Document | None:
        uri = text_in(exchange.params, "uri")
        provider, own = await self._owner(exchange, uri, await self.providers(exchange))
        return await provider.answer(exchange, own)

    async def _task(self, exchange: Exchange) -> Document | None:
        exchange.require_extension(TASKS)
        task_id = text_in(exchange.params, "taskId")
        for provider in await self.providers(exchange):
            if provider.owns_task(task_id):
                return await provider.answer(exchange, task_id)
        raise McpError(INVALID_PARAMS, "There is no such task.", detail={"taskId": task_id})

    async def owners(
        self, exchange: Exchange, uris: Iterable[str], providers: list[Provider]
    ) -> dict[str, tuple[Provider, str]]:
        """The providers of resources, and their own URIs for them; what nobody has is left out."""
        found: dict[str, tuple[Provider, str]] = {}
        unsaid: list[str] = []
        for uri in uris:
            place = own_place(uri, exchange.profile, providers)
            if place is not None:
                found[uri] = place
            elif not is_network_alone(uri, exchange.profile):
                unsaid.append(uri)
        # The network's own wait for nobody's list.
        return found | await self._listed(exchange, unsaid, providers) if unsaid else found

    async def _listed(
        self, exchange: Exchange, uris: list[str], providers: list[Provider]
    ) -> dict[str, tuple[Provider, str]]:
        """Those that lists tell of."""
        resources, templates = await asyncio.gather(
            self.merged(exchange, Kind.RESOURCES, providers), self.merged(exchange, Kind.TEMPLATES, providers)
        )
        likely = candidates(resources, templates, providers)
        found: dict[str, tuple[Provider, str]] = {}
        for uri in uris:
            place = await place_of(uri, resources, templates, providers)
            # Where one server alone has resources, what no list tells of can only be its own.
            if place is None and len(likely) == 1:
                place = likely[0], uri
            if place is not None:
                found[uri] = place
        return found

    async def _owner(self, exchange: Exchange, uri: str, providers: list[Provider]) -> tuple[Provider, str]:
        """The provider of a resource, and its own URI for it. Raises `McpError`."""
        found = (await self.owners(exchange, [uri], providers)).get(uri)
        if found is not None:
            return found
        raise exchange.no_resource(uri, UnknownItemError)

    async def _prompt(self, exchange: Exchange) -> Document | None:
        name, providers = text_in(exchange.params, "name"), await self.providers(exchange)
        provider, place = await self._find(exchange, Kind.PROMPTS, name, providers)
        return await provider.answer(exchange, place.own)

    async def _find(
        self, exchange: Exchange, kind: Kind, name: str, providers: list[Provider]
    ) -> tuple[Provider, Place]:
        """The provider of a tool or prompt, and where it stands there. Raises `McpError`."""
        # Only those whose item it may be are waited for.
        likely = [provider for provider in providers if may_show(provider.prefix, name)]
        place = (await self.merged(exchange, kind, likely)).places.get(name)
        if place is None:
            if kind is Kind.TOOLS and (absent := await self._away(exchange, name, providers)):
                return absent
            raise UnknownItemError(INVALID_PARAMS, f"There is no {kind.member[:-1]} {name[:100]!r} here.")
        return _named(providers, place.provider), place

    async def _away(self, exchange: Exchange, name: str, providers: list[Provider]) -> tuple[Provider, Place] | None:
        """Whose tool it is, though no list has it now: "there is none" reads as for ever."""
        if exchange.trusts_known or not exchange.profile.shows_tool(name):
            return None
        for provider in providers:
            if await provider.is_away(name):
                return provider, Place(provider.name, name, {}, Listing())
        return None


async def gather(
    kind: Kind, providers: list[Provider], *, known: bool = False, seconds: float | None = None
) -> list[Part]:
    """Each provider's list, where `known` the one of the last time; one that fails, or takes longer
    than `seconds`, is left out and logged."""
    ready: dict[str, Listing] = {}
    for provider in providers:
        listing = provider.known(kind) if known else provider.fresh(kind)
        if listing is not None:
            ready[provider.name] = listing
    late = [provider for provider in providers if provider.name not in ready]
    if not late:
        return [(provider, ready[provider.name]) for provider in providers]
    asked = await asyncio.gather(*(listed(provider, kind, seconds) for provider in late), return_exceptions=True)
    found: dict[str, Listing | BaseException] = {
        **ready,
        **dict(zip((provider.name for provider in late), asked, strict=True)),
    }
    parts: list[Part] = []
    for provider in providers:
        answer = found[provider.name]
        if isinstance(answer, AgentNetError):
            # Whoever keeps the lists warns of it, once.
            logger.debug("%s of %s are left out: %s", kind.member, provider.name, answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            parts.append((provider, answer))
    return parts


async def listed(provider: Provider, kind: Kind, seconds: float | None) -> Listing:
    """What a provider offers. Raises `AgentNetError`."""
    try:
        async with asyncio.timeout(seconds):
            return await provider.listing(kind)
    except TimeoutError:
        raise UnavailableError(f"{provider.name!r} did not list within {seconds:g} s.") from None


def limit_call(exchange: Exchange) -> None:
    """The call of a tool ends when the profile says, if that is before its time."""
    name = exchange.params.get("name")
    if isinstance(name, str):
        exchange.deadline.tool = name
        exchange.deadline.tighten(profile_limit(exchange.profile, name))


def call_named(exchange: Exchange, merged: Merged) -> None:
    """Make a call of call_tool that of the tool which it names. Raises `McpError`."""
    # The client's headers were those of call_tool; a server compares them with the arguments (-32020).
    exchange.params = named_call(exchange.params)
    schema = schema_of(merged, exchange.params["name"])
    exchange.headers = with_arguments(exchange.headers, schema, exchange.params["arguments"])


def schema_of(merged: Merged, name: Any) -> Any:
    """The schema of a tool's arguments, as far as its list tells."""
    place = merged.places.get(name) if isinstance(name, str) else None
    return place.item.get("inputSchema") if place else None


def stamped(exchange: Exchange, result: Document) -> Document:
    """`result` as the era wants it: the modern one has its type and says who answers."""
    if exchange.era is Era.LEGACY:
        return result
    # 2026-07-28, basic: each result has its type, and should say who answers.
    meta: dict[str, Any] = {SERVER_INFO_META_KEY: SERVER_INFO, **object_or_empty(result.get("_meta"))}
    return {"resultType": "complete"} | result | {"_meta": meta}


def _caller(exchange: Exchange) -> tuple[object, ...]:
    """Who sees the same tools: lists may be for one key only, and another network's are marked."""
    principal = exchange.principal
    return principal.tenant, principal.subject, exchange.profile.name, bool(exchange.networks)


def _named(providers: list[Provider], name: str) -> Provider:
    return next(provider for provider in providers if provider.name == name)


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
