"""An MCP server in front of another one: every request goes on over the connection of the caller's tenant."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import mcp
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from agentnet import __version__
from agentnet.errors import AgentNetError, UnavailableError
from agentnet.mcp_connection import is_closed
from agentnet.runs.traits import traits_of
from agentnet.upstreams.declarations import Adapted
from mcp_servers.adapters.seats import Seats
from mcp_servers.caller import caller_of

CALL_SECONDS = 300.0
TOOLS_FRESH_SECONDS = 30.0
MAX_TOOLS = 2000

logger = logging.getLogger(__name__)

_PROTOCOL = "io.modelcontextprotocol/"
_PROGRESS_TOKEN = "progressToken"  # noqa: S105 - no secret

Context = ServerRequestContext[Any, Any]
Result = TypeVar("Result")
Ask = Callable[[mcp.Client], Awaitable[Result]]


class _BrokeOffError(UnavailableError):
    """The connection ended before the answer came."""


class AdaptedServer(Server[Any]):
    """A server that `mcp_servers.service` can serve; what it offers is the other server's."""

    def __init__(self, declared: Adapted, seats: Seats) -> None:
        self.tenant = declared.tenant
        self._seats = seats
        self._tools: list[types.Tool] = []
        self._tools_until = 0.0

        @asynccontextmanager
        async def lifespan(_: Server[Any]) -> AsyncIterator[None]:
            async with seats.running():
                yield

        super().__init__(
            declared.name,
            version=__version__,
            description=declared.description or None,
            lifespan=lifespan,
            get_tool_input_schema=lambda _name: None,  # the other server checks its arguments
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
        )

    async def list_tools(self) -> list[types.Tool]:
        """Its tools, the same for every tenant; kept for a while. Raises `UnavailableError`."""
        if time.monotonic() >= self._tools_until:
            self._tools = await self._ask(self.tenant, _all_tools)
            self._tools_until = time.monotonic() + TOOLS_FRESH_SECONDS
        return self._tools

    async def ready(self) -> None:
        """Raises `UnavailableError` when the other server cannot be reached."""
        await self.list_tools()

    async def _ask(self, tenant: str, ask: Ask[Result], *, repeatable: bool = True) -> Result:
        """One request over the tenant's connection, once more over a new one when that breaks off and it may be."""
        try:
            return await self._ask_once(tenant, ask)
        except _BrokeOffError:
            if not repeatable:
                raise
        return await self._ask_once(tenant, ask)

    async def _ask_once(self, tenant: str, ask: Ask[Result]) -> Result:
        async with self._seats.client(tenant) as client:
            try:
                return await ask(client)
            except MCPError as error:
                if is_closed(error):
                    raise _BrokeOffError(f"{self.name} broke off; whether the call took effect is unknown.") from error
                raise

    async def _answer(self, context: Context, ask: Ask[Result], *, repeatable: bool = True) -> Result:
        try:
            return await self._ask(caller_of(context).tenant, ask, repeatable=repeatable)
        except AgentNetError as error:
            raise MCPError(types.INTERNAL_ERROR, str(error)) from error

    async def _list_tools(self, _context: Context, _: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        try:
            return types.ListToolsResult(tools=await self.list_tools())
        except AgentNetError as error:
            raise MCPError(types.INTERNAL_ERROR, str(error)) from error

    async def _call_tool(
        self, context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        async def call(client: mcp.Client) -> types.CallToolResult | types.InputRequiredResult:
            return await client.session.call_tool(
                params.name,
                params.arguments,
                CALL_SECONDS,
                context.session.report_progress,
                input_responses=params.input_responses,
                request_state=params.request_state,
                meta=_forwarded(context),
                allow_input_required=True,
            )

        try:
            return await self._answer(context, call, repeatable=self._may_repeat(params.name))
        except RuntimeError as error:  # what the SDK's client raises for a result that the tool's schema forbids
            logger.warning("%s of %s broke its own output schema: %s", params.name, self.name, error)
            said = f"The answer of {params.name} is not as its own output schema says."
            return types.CallToolResult(content=[types.TextContent(text=said)], is_error=True)

    def _may_repeat(self, tool: str) -> bool:
        """Whether the tool says that a second call changes nothing more; what is not said is taken for the worst."""
        hints = next((each.annotations for each in self._tools if each.name == tool), None)
        return traits_of(hints).repeatable

    async def _list_resources(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        async def ask(client: mcp.Client) -> types.ListResourcesResult:
            if client.server_capabilities.resources is None:
                return types.ListResourcesResult(resources=[])
            return await client.list_resources(cursor=params.cursor if params else None)

        return await self._answer(context, ask)

    async def _list_templates(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        async def ask(client: mcp.Client) -> types.ListResourceTemplatesResult:
            if client.server_capabilities.resources is None:
                return types.ListResourceTemplatesResult(resource_templates=[])
            return await client.list_resource_templates(cursor=params.cursor if params else None)

        return await self._answer(context, ask)

    async def _read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        return await self._answer(context, lambda client: client.read_resource(params.uri))

    async def _list_prompts(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        async def ask(client: mcp.Client) -> types.ListPromptsResult:
            if client.server_capabilities.prompts is None:
                return types.ListPromptsResult(prompts=[])
            return await client.list_prompts(cursor=params.cursor if params else None)

        return await self._answer(context, ask)

    async def _get_prompt(self, context: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        return await self._answer(context, lambda client: client.get_prompt(params.name, params.arguments))


async def _all_tools(client: mcp.Client) -> list[types.Tool]:
    tools: list[types.Tool] = []
    cursor: str | None = None
    while len(tools) < MAX_TOOLS:
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return tools[:MAX_TOOLS]


def _forwarded(context: Context) -> Any:
    """What a caller says beside the call that another server may read: all but the protocol's own."""
    meta = dict(context.meta or {})
    return {key: value for key, value in meta.items() if not key.startswith(_PROTOCOL) and key != _PROGRESS_TOKEN}
