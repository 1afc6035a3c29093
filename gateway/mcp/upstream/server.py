"""An upstream MCP server, where such servers come from, and what one lists and tells of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from agentnet.identity import Principal
from agentnet.upstreams.timeouts import UNLIMITED, Timeouts
from gateway.http.transport import Headers, Transport
from gateway.mcp.messages.errors import Document

MIN_TTL_MS = 1000
"""A list is never said to be older at once: hosts would ask for it with every call."""


class Kind(Enum):
    """What is listed: the list's method, its member in the result, and what names an item."""

    TOOLS = ("tools/list", "tools", "name")
    PROMPTS = ("prompts/list", "prompts", "name")
    RESOURCES = ("resources/list", "resources", "uri")
    TEMPLATES = ("resources/templates/list", "resourceTemplates", "uriTemplate")

    def __init__(self, method: str, member: str, key: str) -> None:
        self.method = method
        self.member = member
        self.key = key


@dataclass(frozen=True, slots=True)
class Listing:
    """What a provider offers of one kind."""

    items: tuple[Document, ...] = ()
    """As on the wire, each under the provider's own name or URI."""
    ttl_ms: int = 0
    private: bool = True
    """Whether it is for this caller only."""


class Change(Enum):
    """Which list changed."""

    TOOLS = "tools"
    PROMPTS = "prompts"
    RESOURCES = "resources"


UPDATED = "notifications/resources/updated"
CHANGED_KINDS = {
    Change.TOOLS: frozenset({Kind.TOOLS}),
    Change.PROMPTS: frozenset({Kind.PROMPTS}),
    Change.RESOURCES: frozenset({Kind.RESOURCES, Kind.TEMPLATES}),
}


@dataclass(frozen=True, slots=True)
class Updated:
    """A resource changed."""

    uri: str
    version: str = field(default="", compare=False)
    """What it is in now; empty where nobody can tell."""


@dataclass(frozen=True, slots=True)
class Open:
    """From here on nothing is missed; what changed before may have been."""


News = Change | Updated | Open


@dataclass(frozen=True, slots=True)
class UpstreamServer:
    """An MCP server that speaks streamable HTTP, in either era or both, with one or more instances."""

    name: str
    urls: tuple[str, ...]
    """Where its instances answer, the full address with its path."""
    tenant: str
    description: str
    document: Mapping[str, Any] = field(compare=False, hash=False, repr=False)
    """What its source knows of it besides."""
    source: "Source" = field(compare=False, hash=False, repr=False)
    """Who credentials requests to it."""
    revision: str = ""
    """Changes when another server takes its name: lists of the one before are not shown on."""
    transport: Transport | None = field(default=None, compare=False, hash=False, repr=False)
    """Reaches it where the gateway's own will not do, such as one that checks addresses again as it connects."""
    timeouts: Timeouts = field(default=UNLIMITED, compare=False, hash=False, repr=False)
    """How long its calls may take, within what the operator allows."""


class Source(Protocol):
    """Where upstream servers come from: the registry is one, stored servers are another."""

    async def servers(self, principal: Principal) -> list[UpstreamServer]:
        """All that the principal's tenant sees, the same for each of its principals. Raises `AgentNetError`."""
        ...

    async def credential(self, server: UpstreamServer, principal: Principal) -> Headers:
        """Headers that authenticate a request to `server`, names in lower case. Never the caller's own credential."""
        ...

    async def refused(self, server: UpstreamServer, principal: Principal) -> bool:
        """The server answered 401: forget what is cached. Whether another try with `credential` makes sense."""
        ...
