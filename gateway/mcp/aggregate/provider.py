"""The seam of the aggregate: who offers tools, resources and prompts.

The agents are one provider, each upstream server is another; the aggregate asks all of them and knows no more of them.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from agentnet.identity import Principal
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.profile import Profile
from gateway.mcp.upstream.server import Kind, Listing, News

AGENTS = "agents"
"""Name of the network's own provider, the agents; no server has it."""


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
        """Whether a resource is certainly one of its own, whatever lists tell; also of a template of such resources."""
        ...

    async def is_away(self, tool: str) -> bool:
        """Whether a tool that it does not list is one of its own that is away for a while: `answer` says so then."""
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


class Providers(Protocol):
    """Where providers come from: the agents are one source of them, the upstream servers another."""

    async def all(self, principal: Principal, profile: Profile) -> list[Provider]:
        """Each that a caller sees under a profile. Raises `AgentNetError`."""
        ...

    async def one(self, principal: Principal, profile: Profile, name: str) -> Provider | None:
        """That with this name, which the caller saw under this profile before. Raises `AgentNetError`."""
        ...
