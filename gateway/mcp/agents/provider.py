"""The agents that the caller sees: a provider beside the upstream servers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from mcp_types import CallToolResult, TextContent
from mcp_types.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND
from pydantic import ValidationError

from agentnet.a2a.client.transport import Headers
from agentnet.discovery.directory import Entry
from agentnet.errors import AgentNetError, NotFoundError, UnavailableError
from agentnet.files.store import FileStore
from agentnet.http.errors import invalid_input
from agentnet.identity import Principal
from agentnet.identity.sealing import Seal
from gateway.a2a.catalog import Catalog
from gateway.a2a.upstream import Upstream
from gateway.agents.contact import Contact
from gateway.mcp.agents.addresses import is_ours
from gateway.mcp.agents.call import AgentCall
from gateway.mcp.agents.listings import NOTHING, TEMPLATE_LISTING, AgentListings
from gateway.mcp.agents.prompts import completed, examples_of
from gateway.mcp.agents.resource_news import ResourceNews
from gateway.mcp.agents.resources import Reader
from gateway.mcp.agents.task_ids import TaskIds, is_task_id
from gateway.mcp.agents.task_stream import TaskStream
from gateway.mcp.agents.tasks import AgentTasks
from gateway.mcp.agents.tools import FIND_AGENTS, MAX_FOUND, MAX_NAME, AgentArguments, FindArguments, by_tool_name
from gateway.mcp.agents.wire import dumped
from gateway.mcp.aggregate.provider import AGENTS, FollowedTasks, Provider
from gateway.mcp.changes.subscriptions import SUBSCRIBE, UNSUBSCRIBE, Subscriptions
from gateway.mcp.messages.envelope import TASK_METHODS
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.jsonrpc import object_or_empty
from gateway.mcp.messages.profile import Profile
from gateway.mcp.resumption.event_ids import EventIds
from gateway.mcp.upstream.addressing import TASKS
from gateway.mcp.upstream.server import Kind, Listing, News

OWN_SHARE = 0.95
"""Of the time that a call may take: an agent that still works then is told of, and not cut off."""
MAX_COMPLETIONS = 100
"""The specification's limit."""


class Means:
    """What serves the agents of every caller."""

    def __init__(self, catalog: Catalog, upstream: Upstream, seal: Seal, files: FileStore, base_url: str) -> None:
        self.catalog = catalog
        self.upstream = upstream
        self.ids = TaskIds(seal)
        self.event_ids = EventIds(seal)
        self.files = files
        self.base_url = base_url
        self.listings = AgentListings()


class Agents:
    """The agents of one caller under one profile."""

    name = AGENTS
    prefix = ""
    is_outside = False
    revision = ""

    def __init__(self, means: Means, subscriptions: Subscriptions, principal: Principal, profile: Profile) -> None:
        self._means = means
        self._subscriptions = subscriptions
        self._principal = principal
        self._profile = profile
        self._tasks = AgentTasks(means.ids, self._find)
        self._news = ResourceNews(means.files, principal.tenant, self._reach)
        self._handlers: dict[str, Callable[[Exchange, str], Awaitable[Document]]] = {
            "tools/call": self._call,
            "prompts/get": self._prompt,
            "completion/complete": self._complete,
            "resources/read": self._resource,
            SUBSCRIBE: self._subscribe,
            UNSUBSCRIBE: self._unsubscribe,
            **dict.fromkeys(sorted(TASK_METHODS), self._task),
        }

    def fresh(self, kind: Kind) -> Listing | None:
        """The registry is asked for agents; a profile may have none."""
        if self._profile.agents == []:
            return NOTHING
        if kind is Kind.TEMPLATES:
            return TEMPLATE_LISTING
        entries = self._means.catalog.visible_at_hand(self._principal)
        return None if entries is None else self._means.listings.of(kind, self._shown(entries))

    def known(self, kind: Kind) -> Listing | None:
        """No more than what is fresh: the registry's word is at hand."""
        return self.fresh(kind)

    async def listing(self, kind: Kind) -> Listing:
        """Every agent as a tool, beside `find_agents`; their cards; a prompt for each example."""
        return self.fresh(kind) or self._means.listings.of(kind, await self._visible())

    async def answer(self, exchange: Exchange, name: str) -> Document | None:
        """Serve what is the agents' own."""
        handler = self._handlers.get(exchange.method)
        if handler is None:
            raise McpError(METHOD_NOT_FOUND, f"Agents do not serve {exchange.method}.")
        return await handler(exchange, name)

    def owns_uri(self, uri: str) -> bool:
        """By its scheme."""
        return self._profile.agents != [] and is_ours(uri)

    async def is_away(self, tool: str) -> bool:
        """Whether it is the tool of an agent that was there and has no replica now, or while nobody can say."""
        return await self._absence(tool) is not None

    def owns_task(self, task_id: str) -> bool:
        """By its form; whose it is shows when it is read."""
        return is_task_id(task_id)

    async def follow_tasks(self, exchange: Exchange, task_ids: list[str]) -> FollowedTasks:
        """Those of the caller's."""
        refs = [ref for task_id in task_ids if (ref := self._means.ids.read(self._principal, task_id))]
        changes = [TaskStream(self._tasks, exchange, ref).changes() for ref in refs]
        return FollowedTasks([ref.id for ref in refs], changes)

    async def versions(self, exchange: Exchange, uris: frozenset[str]) -> dict[str, str]:
        """Those that can be read."""
        return await self._news.versions(uris)

    def changes(self, seen: Mapping[str, str]) -> AsyncIterator[News]:
        """What becomes of the resources `seen`; that agents come and go shows in their lists."""
        return self._news.changes(seen)

    async def _call(self, exchange: Exchange, name: str) -> Document:
        """Call an agent, or search among them. Errors are results, which the model may read and mend."""
        try:
            return await self._called(exchange, name)
        except ValidationError as error:
            return dumped(refusal(invalid_input(error)))
        except McpError:
            raise
        except AgentNetError as error:
            return dumped(refusal(error))

    async def _called(self, exchange: Exchange, name: str) -> Document:
        arguments = object_or_empty(exchange.params.get("arguments"))
        if name == FIND_AGENTS:
            return dumped(await self._search(FindArguments.model_validate(arguments)))
        entry = by_tool_name(await self._visible()).get(name)
        if entry is None:
            raise await self._absence(name) or McpError(INVALID_PARAMS, f"There is no tool {name!r} here.")
        asked, contact = AgentArguments.model_validate(arguments), self._contact(entry, exchange.trace)
        # With state it goes on with what began as a call, and must end as one.
        if exchange.era is Era.MODERN and exchange.has_extension(TASKS) and exchange.state() is None:
            return await self._tasks.begin(exchange, contact, asked)
        seconds = exchange.deadline.seconds * OWN_SHARE
        return dumped(await AgentCall(contact, exchange, seconds, self._means.event_ids).run(asked))

    async def _task(self, exchange: Exchange, name: str) -> Document:
        return await self._tasks.answer(exchange)

    async def _resource(self, exchange: Exchange, uri: str) -> Document:
        means = self._means
        return await Reader(means.files, self._find, means.base_url).read(exchange, uri)

    async def _subscribe(self, exchange: Exchange, uri: str) -> Document:
        """Taken for what can be read."""
        versions = await self._news.versions(frozenset({uri}))
        if uri not in versions:
            raise exchange.no_resource(uri)
        await self._subscriptions.keep(exchange, self.name, uri, versions[uri])
        return {}

    async def _unsubscribe(self, exchange: Exchange, uri: str) -> Document:
        """Also from what is there no more."""
        # What was watched may be gone since: taking it back is no error.
        if not await self._subscriptions.forget(exchange) and uri not in await self._news.versions(frozenset({uri})):
            raise exchange.no_resource(uri)
        return {}

    async def _prompt(self, exchange: Exchange, name: str) -> Document:
        example = examples_of(await self._visible()).get(name)
        if example is None:
            raise McpError(INVALID_PARAMS, f"There is no prompt {name!r} here.")
        return dumped(example.get(object_or_empty(exchange.params.get("arguments"))))

    async def _complete(self, exchange: Exchange, name: str) -> Document:
        """Agents' names for the templates, examples for the prompts."""
        argument = object_or_empty(exchange.params.get("argument"))
        values: list[str] = []
        if object_or_empty(exchange.params.get("ref")).get("type") == "ref/prompt":
            example = examples_of(await self._visible()).get(name)
            values = completed(example, argument) if example else []
        elif argument.get("name") == "agent":
            begin = str(argument.get("value", ""))
            values = [entry.name for entry in await self._visible() if entry.name.startswith(begin)]
        shown = values[:MAX_COMPLETIONS]
        return {"completion": {"values": shown, "total": len(values), "hasMore": len(values) > len(shown)}}

    async def _find(self, exchange: Exchange, agent: str) -> Contact:
        """The agent of that name, within the trace of the exchange. Raises `NotFoundError`, `UnavailableError`."""
        return self._contact(await self._entry(agent), exchange.trace)

    async def _reach(self, agent: str) -> Contact:
        """The agent of that name. Raises `NotFoundError`, `UnavailableError` for one that is away."""
        return self._contact(await self._entry(agent))

    async def _absence(self, tool: str) -> UnavailableError | None:
        """Why an agent's tool is not there; None for one that is, or that there is none of."""
        # Tools have underscores where their agents may have hyphens.
        for agent in dict.fromkeys((tool, tool.replace("_", "-"))):
            if len(tool) <= MAX_NAME and self._profile.shows_agent(agent):
                try:
                    await self._means.catalog.get(self._principal, agent)
                except UnavailableError as error:
                    return error
                except NotFoundError:
                    pass
        return None

    async def _entry(self, agent: str) -> Entry:
        for entry in await self._visible():
            if entry.name == agent:
                return entry
        if not self._profile.shows_agent(agent):
            raise NotFoundError(f"There is no agent {agent!r} here now.")
        return await self._means.catalog.get(self._principal, agent)

    def _contact(self, entry: Entry, trace: Headers = ()) -> Contact:
        return Contact(self._means.upstream, self._principal, entry, trace)

    async def _visible(self) -> list[Entry]:
        return self._shown(await self._means.catalog.visible(self._principal))

    def _shown(self, entries: list[Entry]) -> list[Entry]:
        return [entry for entry in entries if self._profile.shows_agent(entry.name)]

    async def _search(self, arguments: FindArguments) -> CallToolResult:
        found = await self._means.catalog.search(self._principal, arguments.need, MAX_FOUND)
        tools = {entry.name: name for name, entry in by_tool_name(await self._visible()).items()}
        agents: list[dict[str, Any]] = [
            {"tool": tools[entry.name], "description": entry.description, "skills": entry.skills}
            for entry in found
            if entry.name in tools
        ]
        text = "\n".join(f"{agent['tool']}: {agent['description']}" for agent in agents) or "No agent fits that."
        return CallToolResult(content=[TextContent(text=text)], structured_content={"agents": agents})


class AgentProviders:
    """The agents as `Providers`: one provider for all of them."""

    def __init__(self, means: Means, subscriptions: Subscriptions) -> None:
        self._means = means
        self._subscriptions = subscriptions

    async def all(self, principal: Principal, profile: Profile) -> list[Provider]:
        """The agents of the caller."""
        return [Agents(self._means, self._subscriptions, principal, profile)]

    async def one(self, principal: Principal, profile: Profile, name: str) -> Provider | None:
        """The agents, under their name."""
        return Agents(self._means, self._subscriptions, principal, profile) if name == Agents.name else None


def refusal(error: AgentNetError) -> CallToolResult:
    """An error as a result, which says when it is worth trying again."""
    pause = error.data.get("retry_after")
    said = f"{error} Try again in {float(pause):g} s." if pause else str(error)
    return CallToolResult(content=[TextContent(text=said)], is_error=True)
