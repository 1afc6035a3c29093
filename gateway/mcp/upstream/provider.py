"""The seam of the door: who offers tools, resources and prompts, and where upstream MCP servers come from.

The agents are one provider, each upstream server is another; the aggregate asks all of them and knows no more of them.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from agentnet.identity import Principal
from agentnet.upstreams.timeouts import UNLIMITED, Timeouts
from gateway.http.transport import Headers, Transport
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.exchange import Exchange

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
class FollowedTasks:
    """Tasks (extension `io.modelcontextprotocol/tasks`) that a client is told of."""

    ids: list[str]
    changes: list[AsyncIterator[Document]]
    """Each gives some of the tasks as they are, then whenever they change (`DetailedTask`), until they have ended."""


class Provider(Protocol):
    """One source of tools, resources and prompts, as one caller sees it."""

    @property
    def name(self) -> str:
        """Stable, and unique among the providers of a caller."""
        ...

    @property
    def revision(self) -> str:
        """Changes when another server takes its name, so that the one before is not listened to any more."""
        ...

    @property
    def prefix(self) -> str:
        """Stands before the names of its tools and prompts, with two underscores; empty: they stand alone."""
        ...

    @property
    def is_outside(self) -> bool:
        """Whether it may lead to another network."""
        ...

    def fresh(self, kind: Kind) -> Listing | None:
        """The listing if it is at hand, or None where it has to be awaited."""
        ...

    def known(self, kind: Kind) -> Listing | None:
        """The listing that was had last, not too long ago: it tells whose item a name is. None: to be awaited."""
        ...

    async def listing(self, kind: Kind) -> Listing:
        """What it offers of `kind`; the same object for as long as nothing changed, so that it is rendered once.

        Raises `AgentNetError`: the others are listed without it.
        """
        ...

    async def answer(self, exchange: Exchange, name: str) -> Document | None:
        """Serve tools/call, prompts/get, resources/read, completion/complete, resources/subscribe, tasks/* of its own.

        `name` is the item's own name or URI, or the task's id. The result without `resultType` where it is complete;
        None when the answer went out through `exchange.reply` already. Raises `AgentNetError` (`McpError` for a code
        of its own) and lets `InputRequired` through. It is cancelled when the client cancels or leaves; a legacy
        client that left (`exchange.is_cancelled` is false) did not cancel.
        """
        ...

    def owns_uri(self, uri: str) -> bool:
        """Whether a resource that no list has told of is certainly one of its own."""
        ...

    def owns_task(self, task_id: str) -> bool:
        """Whether a task (extension `io.modelcontextprotocol/tasks`) is one of its own."""
        ...

    async def follow_tasks(self, exchange: Exchange, task_ids: list[str]) -> "FollowedTasks":
        """Those of these tasks of its own that are there for the caller, and what becomes of them."""
        ...

    async def versions(self, exchange: Exchange, uris: frozenset[str]) -> dict[str, str]:
        """Those of its resources `uris` that are there, each with its version; empty where nobody can tell.

        Raises `McpError` for more than it watches at once.
        """
        ...

    def changes(self, seen: Mapping[str, str]) -> AsyncIterator[News]:
        """What changes from now on, until closed; also its resources `seen`, by the versions that the client knows.

        `Open` comes whenever the provider begins to hear of changes. Lists that come out different when they are asked
        for again are noticed without it. A provider that cannot tell ends at once.
        """
        ...


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
        """All that the principal's tenant sees; cheap, for it is asked with every request. Raises `AgentNetError`."""
        ...

    async def credential(self, server: UpstreamServer, principal: Principal) -> Headers:
        """Headers that authenticate a request to `server`, names in lower case. Never the caller's own credential."""
        ...

    async def refused(self, server: UpstreamServer, principal: Principal) -> bool:
        """The server answered 401: forget what is cached. Whether another try with `credential` makes sense."""
        ...
