"""The agents that the caller sees as tools: a provider beside the upstream servers."""

from collections.abc import AsyncIterator
from typing import Any

from mcp_types import CallToolResult, TextContent
from mcp_types.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND
from pydantic import BaseModel, ValidationError

from agentnet.directory import Entry
from agentnet.errors import AgentNetError
from agentnet.http_errors import invalid_input
from agentnet.identity import Principal
from gateway.calls import AgentCalls
from gateway.catalog import Catalog
from gateway.mcp.call import AgentCall
from gateway.mcp.envelope import object_or_empty
from gateway.mcp.errors import Document, McpError
from gateway.mcp.exchange import Exchange
from gateway.mcp.profile import Profile
from gateway.mcp.provider import Change, Kind, Listing, Updated
from gateway.mcp.tools import FIND_AGENTS, MAX_FOUND, AgentArguments, FindArguments, by_tool_name, list_tools

LIST_TTL_MS = 2000
NOTHING = Listing(ttl_ms=3_600_000, private=False)
KEPT_LISTINGS = 256


class AgentListings:
    """The same agents make the same list, the very same object: it is rendered once."""

    def __init__(self) -> None:
        self._kept: dict[str, Listing] = {}

    def of(self, entries: list[Entry]) -> Listing:
        """The tools of these agents."""
        key = "".join(f"{entry.name}\0{entry.description}\0{entry.document}\0" for entry in entries)
        listing = self._kept.get(key)
        if listing is None:
            if len(self._kept) >= KEPT_LISTINGS:
                self._kept.clear()
            listing = self._kept[key] = Listing(tuple(dumped(tool) for tool in list_tools(entries)), LIST_TTL_MS)
        return listing


class Agents:
    """The agents of one caller under one profile."""

    name = "agents"
    prefix = ""

    def __init__(
        self,
        catalog: Catalog,
        calls: AgentCalls,
        listings: AgentListings,
        principal: Principal,
        profile: Profile,
    ) -> None:
        self._catalog = catalog
        self._calls = calls
        self._listings = listings
        self._principal = principal
        self._profile = profile

    @property
    def capabilities(self) -> Document:
        """Tools are declared for everybody."""
        return {}

    def fresh(self, kind: Kind) -> Listing | None:
        """The registry is asked for agents; of the other kinds there is nothing."""
        return None if kind is Kind.TOOLS and self._profile.agents != [] else NOTHING

    async def listing(self, kind: Kind) -> Listing:
        """Every agent as a tool, beside `find_agents`."""
        if kind is not Kind.TOOLS or self._profile.agents == []:
            return NOTHING
        return self._listings.of(await self._visible())

    async def answer(self, exchange: Exchange, name: str) -> Document | None:
        """Call an agent, or search among them."""
        if exchange.method != "tools/call":
            raise McpError(METHOD_NOT_FOUND, f"Agents do not serve {exchange.method}.")
        try:
            return dumped(await self._call(exchange, name))
        except ValidationError as error:
            return dumped(refusal(invalid_input(error)))
        except McpError:
            raise
        except AgentNetError as error:
            return dumped(refusal(error))

    def owns_uri(self, uri: str) -> bool:
        """None: agents offer no resources yet."""
        return False

    def owns_task(self, task_id: str) -> bool:
        """None: a call is answered when the agent is done."""
        return False

    async def changes(self, uris: frozenset[str]) -> AsyncIterator[Change | Updated]:
        """None: that agents come and go shows in their list."""
        return
        yield Change.TOOLS

    async def _call(self, exchange: Exchange, name: str) -> CallToolResult:
        arguments = object_or_empty(exchange.params.get("arguments"))
        if name == FIND_AGENTS:
            return await self._find(FindArguments.model_validate(arguments))
        entry = by_tool_name(await self._visible()).get(name)
        if entry is None:
            raise McpError(INVALID_PARAMS, f"There is no tool {name!r} here.")
        request = AgentArguments.model_validate(arguments).request()
        return await AgentCall(self._calls, self._principal, entry, exchange.progress).run(request, exchange.trace)

    async def _visible(self) -> list[Entry]:
        entries = await self._catalog.visible(self._principal)
        return [entry for entry in entries if self._profile.shows_agent(entry.name)]

    async def _find(self, arguments: FindArguments) -> CallToolResult:
        found = await self._catalog.search(self._principal, arguments.need, MAX_FOUND)
        tools = {entry.name: name for name, entry in by_tool_name(await self._visible()).items()}
        agents: list[dict[str, Any]] = [
            {"tool": tools[entry.name], "description": entry.description, "skills": entry.skills}
            for entry in found
            if entry.name in tools
        ]
        text = "\n".join(f"{agent['tool']}: {agent['description']}" for agent in agents) or "No agent fits that."
        return CallToolResult(content=[TextContent(text=text)], structured_content={"agents": agents})


def refusal(error: AgentNetError) -> CallToolResult:
    """An error that the model may read and mend."""
    return CallToolResult(content=[TextContent(text=str(error))], is_error=True)


def dumped(model: BaseModel) -> Document:
    """A model of the SDK as it goes over the wire."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
