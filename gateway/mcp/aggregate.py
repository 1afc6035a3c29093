"""Everything that a caller sees as one MCP server: lists are merged, calls go to the provider of the item."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from mcp_types import SERVER_INFO_META_KEY
from mcp_types.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, MODERN_PROTOCOL_VERSIONS

from agentnet import __version__
from agentnet.errors import AgentNetError
from gateway.mcp.envelope import object_or_empty
from gateway.mcp.errors import Document, McpError
from gateway.mcp.exchange import Era, Exchange
from gateway.mcp.merge import Merged, Part, merge
from gateway.mcp.provider import Kind, Provider

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
}
DISCOVER_TTL_MS = 60_000
KEPT_LISTS = 1024
KINDS = {kind.method: kind for kind in Kind}

Handler = Callable[[Exchange, list[Provider]], Awaitable[Document | None]]


class Aggregate:
    """Answers the requests of one endpoint for all callers; knows nothing of where providers come from."""

    def __init__(self) -> None:
        self._merged: dict[tuple[str, ...], Merged] = {}
        self._handlers: dict[str, Handler] = {
            "ping": self._ping,
            "initialize": self._initialize,
            "server/discover": self._discover,
            "tools/call": self._call,
            "prompts/get": self._prompt,
            **dict.fromkeys(KINDS, self._list),
        }

    async def handle(self, exchange: Exchange, providers: list[Provider]) -> Document | None:
        """The result, or None when it went out already. Raises `AgentNetError`, `InputRequired`."""
        handler = self._handlers.get(exchange.method)
        if handler is None:
            raise McpError(METHOD_NOT_FOUND, f"There is no method {exchange.method!r} here.")
        return await handler(exchange, providers)

    async def merged(self, exchange: Exchange, kind: Kind, providers: list[Provider]) -> Merged:
        """The list of `kind` as the caller sees it; a provider that fails is left out."""
        parts = await gather(kind, providers)
        principal, profile = exchange.principal, exchange.profile
        key = (principal.tenant, profile.name, kind.name, *(provider.name for provider, _ in parts))
        listings = tuple(listing for _, listing in parts)
        kept = self._merged.get(key)
        if kept is None or kept.profile != profile or not _same(kept.listings, listings):
            kept = merge(kind, parts, profile)
            if len(self._merged) >= KEPT_LISTS:
                self._merged.clear()
            self._merged[key] = kept
        return kept

    async def _ping(self, exchange: Exchange, providers: list[Provider]) -> Document:
        return {}

    async def _initialize(self, exchange: Exchange, providers: list[Provider]) -> Document:
        asked = exchange.params.get("protocolVersion")
        version = asked if asked in HANDSHAKE_PROTOCOL_VERSIONS else LATEST_HANDSHAKE_VERSION
        return {
            "protocolVersion": version,
            "capabilities": capabilities_of(providers),
            "serverInfo": SERVER_INFO,
            "instructions": INSTRUCTIONS,
        }

    async def _discover(self, exchange: Exchange, providers: list[Provider]) -> Document:
        return {
            "supportedVersions": list(MODERN_PROTOCOL_VERSIONS),
            "capabilities": capabilities_of(providers),
            "serverInfo": SERVER_INFO,
            "instructions": INSTRUCTIONS,
            "ttlMs": DISCOVER_TTL_MS,
            "cacheScope": "private",
        }

    async def _list(self, exchange: Exchange, providers: list[Provider]) -> Document:
        kind = KINDS[exchange.method]
        merged = await self.merged(exchange, kind, providers)
        page = merged.page(exchange.params.get("cursor"))
        result: Document = {kind.member: page.pop("items")} | page
        if exchange.era is Era.MODERN:
            result |= {"ttlMs": merged.ttl_ms, "cacheScope": "private" if merged.private else "public"}
        return result

    async def _call(self, exchange: Exchange, providers: list[Provider]) -> Document | None:
        return await self._named(exchange, Kind.TOOLS, providers)

    async def _prompt(self, exchange: Exchange, providers: list[Provider]) -> Document | None:
        return await self._named(exchange, Kind.PROMPTS, providers)

    async def _named(self, exchange: Exchange, kind: Kind, providers: list[Provider]) -> Document | None:
        name = exchange.params.get("name")
        place = (await self.merged(exchange, kind, providers)).places.get(name) if isinstance(name, str) else None
        if place is None:
            raise McpError(INVALID_PARAMS, f"There is no {kind.member[:-1]} {name!r} here.")
        provider = next(provider for provider in providers if provider.name == place.provider)
        return await provider.answer(exchange, place.own)


async def gather(kind: Kind, providers: list[Provider]) -> list[Part]:
    """Each provider's list; one that fails is left out and logged."""
    found = await asyncio.gather(*(provider.listing(kind) for provider in providers), return_exceptions=True)
    parts: list[Part] = []
    for provider, listing in zip(providers, found, strict=True):
        if isinstance(listing, AgentNetError):
            logger.info("%s of %s are left out: %s", kind.member, provider.name, listing)
        elif isinstance(listing, BaseException):
            raise listing
        else:
            parts.append((provider, listing))
    return parts


def capabilities_of(providers: list[Provider]) -> Document:
    """What is declared to clients: the same for all, with the providers' extensions."""
    extensions: Document = {}
    for provider in providers:
        extensions |= object_or_empty(provider.capabilities.get("extensions"))
    return CAPABILITIES | ({"extensions": extensions} if extensions else {})


def stamped(exchange: Exchange, result: Document) -> Document:
    """`result` as the era wants it: the modern one has its type and says who answers."""
    if exchange.era is Era.LEGACY:
        return result
    meta: dict[str, Any] = {SERVER_INFO_META_KEY: SERVER_INFO, **object_or_empty(result.get("_meta"))}
    return {"resultType": "complete"} | result | {"_meta": meta}


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
