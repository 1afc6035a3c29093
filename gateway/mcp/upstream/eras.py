"""What an upstream server speaks: asked once, kept, and asked again when it answers otherwise."""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass

from cachetools import LRUCache
from mcp_types.jsonrpc import UNSUPPORTED_PROTOCOL_VERSION
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from agentnet.errors import AgentNetError, UnavailableError
from agentnet.identity import Principal
from gateway.http.cache import Cache
from gateway.http.transport import Headers
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document, McpError, NotMcpError
from gateway.mcp.messages.hops import LOOP_DETECTED
from gateway.mcp.messages.jsonrpc import object_or_empty
from gateway.mcp.upstream.client import UpstreamClient
from gateway.mcp.upstream.server import UpstreamServer

logger = logging.getLogger(__name__)

KNOWN_SECONDS = 600.0
GRACE_SECONDS = 3600.0
"""What it spoke is taken for true while it is away."""
DOUBT_SECONDS = 5.0
"""A server that always answers amiss is not asked more often for its eras."""
MAX_DOUBTED = 4096
AWAY = frozenset({429, 502, 503, 504})
"""HTTP statuses of servers that start, and of proxies in front of those that are away."""

Key = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a server speaks."""

    eras: frozenset[Era]
    keeps_sessions: bool
    """Whether the legacy era has sessions there: in one without them nobody can be asked or told of changes."""
    tells_of_resources: bool
    """Whether it says in the modern era that its resources can be watched."""
    completes: bool
    """Whether it says that it completes arguments; true where it has not said what it does."""

    @property
    def is_mute(self) -> bool:
        """Whether it asks and tells legacy clients nothing, while it could do both in the modern era."""
        return Era.MODERN in self.eras and not self.keeps_sessions


class Eras:
    """What each server speaks, for all callers."""

    def __init__(self, client: UpstreamClient) -> None:
        self._client = client
        self._doubted: LRUCache[Key, float] = LRUCache(MAX_DOUBTED)
        self._known: Cache[Key, Spoken] = Cache(KNOWN_SECONDS, grace_seconds=GRACE_SECONDS)

    async def of(self, server: UpstreamServer, principal: Principal, way: Headers | None = None) -> Spoken:
        """One era or both. Raises `UnavailableError` when it does not answer, or answers nothing that is MCP.

        `way` is that of a request (`Via`) which passes unchanged, and with it the question: `McpError` for a circle.
        """
        if (known := self._known.at_hand(_key(server))) is not None:
            return known

        async def ask() -> Spoken:
            modern, legacy = await asyncio.gather(
                self._modern(server, principal, way), self._legacy(server, principal, way)
            )
            eras = frozenset([Era.MODERN] * (modern is not None) + [Era.LEGACY] * (legacy is not None))
            if not eras:
                raise UnavailableError(f"The MCP server {server.name!r} speaks no revision of MCP that is known here.")
            logger.info("MCP server %s speaks %s", server.name, " and ".join(sorted(era.value for era in eras)))
            session, initialized = legacy or ("", {})
            declared = modern or initialized
            capabilities = object_or_empty(declared.get("capabilities"))
            watched = Era.MODERN in eras and object_or_empty(capabilities.get("resources")).get("subscribe") is True
            return Spoken(eras, bool(session), watched, not declared or "completions" in capabilities)

        return await self._known.get(_key(server), ask)

    def minded(self, server: UpstreamServer) -> "_Minded":
        """A block with a request to `server` in an era that it is known to speak; it is asked again after an answer
        against that."""
        return _Minded(self, server)

    def doubt(self, server: UpstreamServer) -> None:
        """Ask again what it speaks."""
        key, now = _key(server), time.monotonic()
        if now - self._doubted.get(key, -DOUBT_SECONDS) >= DOUBT_SECONDS:
            self._doubted[key] = now
            self._known.forget(key)

    async def _modern(self, server: UpstreamServer, principal: Principal, way: Headers | None) -> Document | None:
        """What it says of itself in the modern era, or None where it does not speak it."""
        try:
            found = await self._client.ask(server, principal, "server/discover", {}, way=way)
        except McpError as error:
            _check_answered(server, error)
            # A modern server that cannot be discovered would still say which versions it has (-32022).
            supported = error.detail.get("supported") if isinstance(error.detail, dict) else None
            return {} if error.code == UNSUPPORTED_PROTOCOL_VERSION and _any_modern(supported) else None
        return found if _any_modern(found.get("supportedVersions")) else None

    async def _legacy(
        self, server: UpstreamServer, principal: Principal, way: Headers | None
    ) -> tuple[str, Document] | None:
        """The id of a session there, empty where it keeps none, and what it says of itself.

        None where it does not speak the legacy era.
        """
        try:
            session, said = await self._client.open_session(server, principal, {}, way=way)
        except McpError as error:
            _check_answered(server, error)
            logger.debug("MCP server %s takes no handshake: %s", server.name, error)
            return None
        with suppress(AgentNetError):
            # It was opened only to see whether it can be.
            await self._client.end(server, principal, session)
        return session.id, said


class _Minded:
    """No generator: one is made for each call that is relayed."""

    __slots__ = ("_eras", "_server")

    def __init__(self, eras: Eras, server: UpstreamServer) -> None:
        self._eras = eras
        self._server = server

    def __enter__(self) -> None:
        """Nothing to do yet."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, NotMcpError) or (
            isinstance(error, McpError) and error.code == UNSUPPORTED_PROTOCOL_VERSION
        ):
            self._eras.doubt(self._server)


def _check_answered(server: UpstreamServer, error: McpError) -> None:
    """Whether the error says something of an era. Raises `McpError` for a circle, `UnavailableError`."""
    # A circle says nothing of eras.
    if error.heard == LOOP_DETECTED:
        raise McpError(error.code, error.message, detail=error.detail, http=LOOP_DETECTED)
    if error.heard in AWAY:
        raise UnavailableError(f"The MCP server {server.name!r} answers with HTTP status {error.heard} now.")


def _any_modern(versions: object) -> bool:
    return isinstance(versions, list) and any(version in versions for version in MODERN_PROTOCOL_VERSIONS)


def _key(server: UpstreamServer) -> Key:
    # At other addresses there may be another release, which is asked anew.
    return server.tenant, server.name, server.urls
