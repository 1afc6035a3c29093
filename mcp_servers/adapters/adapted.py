"""An MCP server in front of another one: every request goes on over the connection that serves the caller's session."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TypeVar

import mcp
import mcp_types as types
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from agentnet import __version__
from agentnet.errors import AgentNetError, UnavailableError
from agentnet.mcp.connection import End, Open, all_tools, is_closed
from agentnet.mcp.schemas import mismatch
from agentnet.runs.traits import traits_of
from agentnet.upstreams.declarations import Adapted
from mcp_servers.adapters.audience import ASK_SECONDS, MAX_WATCHED, Audience, Context, Key
from mcp_servers.adapters.lobby import Lobby
from mcp_servers.adapters.seats import Seats
from mcp_servers.hosting.caller import without_origin

CALL_SECONDS = 300.0 + ASK_SECONDS
"""Longest silence of a call; its host may be asked meanwhile."""
TOOLS_FRESH_SECONDS = 30.0

logger = logging.getLogger(__name__)

_PROTOCOL = "io.modelcontextprotocol/"
_PROGRESS_TOKEN = "progressToken"  # noqa: S105 - no secret

Result = TypeVar("Result")
Ask = Callable[[mcp.Client], Awaitable[Result]]
Connect = Callable[[Audience, End], AbstractAsyncContextManager[mcp.Client]]
"""Opens a client whose callbacks are the audience's; calls the `End` when the transport ends."""


class _BrokeOffError(UnavailableError):
    """The connection ended before the answer came."""


class AdaptedServer(Server[Any]):
    """A server that `mcp_servers.service` can serve, with sessions; what it offers is the other server's."""

    def __init__(self, declared: Adapted, connect: Connect) -> None:
        self._own = Key(declared.tenant)
        self._connect = connect
        # Whom a command asks over standard output cannot be told from the question, but from who has the process.
        self._lobby = Lobby(self._close)
        self._seats = Seats(declared.name, self._open_for, self._lobby.is_watched)

        @asynccontextmanager
        async def lifespan(_: Server[Any]) -> AsyncIterator[None]:
            async with self._seats.running():
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
            on_subscribe_resource=self._subscribe,
            on_unsubscribe_resource=self._unsubscribe,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
            on_completion=self._complete,
        )
        self.add_request_handler("logging/setLevel", types.SetLevelRequestParams, self._set_level)
        self.middleware.append(self._lobby)

    def create_initialization_options(self, *_: Any, **__: Any) -> InitializationOptions:
        """As the SDK's, and that lists change."""
        return super().create_initialization_options(NotificationOptions(True, True, True))

    async def list_tools(self) -> list[types.Tool]:
        """Its tools as everybody of its tenant sees them; kept for a while. Raises `UnavailableError`."""
        return await self._tools_of(self._own)

    async def ready(self) -> None:
        """Raises `UnavailableError` when the other server cannot be reached."""
        await self.list_tools()

    async def _tools_of(self, key: Key) -> list[types.Tool]:
        audience = self._lobby.audience(key)
        # One at a time: all who come meanwhile get its list.
        async with audience.listing:
            if time.monotonic() >= audience.tools_until:
                audience.tools_until = time.monotonic() + TOOLS_FRESH_SECONDS  # before asking: it may change meanwhile
                try:
                    audience.tools = await self._ask(key, all_tools)
                except BaseException:
                    audience.tools_until = 0.0
                    raise
            return audience.tools

    def _open_for(self, key: Key) -> Open:
        audience = self._lobby.audience(key)

        @asynccontextmanager
        async def opened(end: End) -> AsyncIterator[mcp.Client]:
            async with self._connect(audience, end) as client:
                # The process before it took the subscriptions with it.
                for uri in audience.watched:
                    with suppress(MCPError):
                        await _subscribe(client, types.SubscribeRequestParams(uri=uri))
                yield client

        return opened

    async def _close(self, key: Key) -> None:
        await self._seats.close(key)

    async def _ask(self, key: Key, ask: Ask[Result], *, repeatable: bool = True) -> Result:
        """One request over the key's connection, once more over a new one when that breaks off and it may be."""
        try:
            return await self._ask_once(key, ask)
        except _BrokeOffError:
            # Whether the call took effect is not known; once more only where its tool says that this changes nothing.
            if not repeatable:
                raise
        return await self._ask_once(key, ask)

    async def _ask_once(self, key: Key, ask: Ask[Result]) -> Result:
        async with self._seats.client(key) as (client, connection):
            try:
                return await ask(client)
            except MCPError as error:
                # A tool may answer with that very code: its connection is whole.
                if is_closed(error) and await connection.has_ended():
                    raise _BrokeOffError(f"{self.name} broke off; whether the call took effect is unknown.") from error
                raise

    async def _answer(self, context: Context, ask: Ask[Result], *, repeatable: bool = True) -> Result:
        host = self._lobby.host(context)
        try:
            with self._lobby.audience(host.key).calling(host, context):
                return await self._ask(host.key, ask, repeatable=repeatable)
        except AgentNetError as error:
            raise MCPError(types.INTERNAL_ERROR, str(error)) from error

    async def _list_tools(self, context: Context, _: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        try:
            return types.ListToolsResult(tools=await self._tools_of(self._lobby.host(context).key))
        except AgentNetError as error:
            raise MCPError(types.INTERNAL_ERROR, str(error)) from error

    async def _call_tool(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        async def call(client: mcp.Client) -> types.CallToolResult:
            return await client.call_tool(
                params.name,
                params.arguments,
                read_timeout_seconds=CALL_SECONDS,
                progress_callback=context.session.report_progress,
                meta=_forwarded(context),
            )

        try:
            tool = self._tool(context, params.name)
            # What is not said is taken for the worst.
            repeatable = traits_of(tool.annotations if tool else None).repeatable
            return await self._checked(tool, await self._answer(context, call, repeatable=repeatable))
        except (RuntimeError, ValidationError) as error:  # what the SDK's client raises for a result that is none
            logger.warning("%s of %s answered with no result: %s", params.name, self.name, type(error).__name__)
            return _failure(f"The answer of {params.name} is no result of a tool.")

    async def _checked(self, tool: types.Tool | None, result: types.CallToolResult) -> types.CallToolResult:
        """The result, if it is as the tool's own schema says: a host's client would raise for one that is not."""
        schema = tool.output_schema if tool is not None and not result.is_error else None
        if tool is None or schema is None:
            return result
        try:
            error = await asyncio.to_thread(mismatch, dict(schema), result.structured_content)
            if error is None and result.structured_content is not None:
                return result
        except RecursionError:
            pass
        logger.warning("%s of %s broke its own output schema", tool.name, self.name)
        return _failure(f"The answer of {tool.name} is not as its own output schema says.")

    def _tool(self, context: Context, name: str) -> types.Tool | None:
        """The tool, as it was listed last."""
        tools = self._lobby.audience(self._lobby.host(context).key).tools or self._lobby.audience(self._own).tools
        return next((each for each in tools if each.name == name), None)

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

    async def _subscribe(self, context: Context, params: types.SubscribeRequestParams) -> types.EmptyResult:
        host = self._lobby.host(context)
        if len(host.watched) >= MAX_WATCHED:
            raise MCPError(types.INVALID_PARAMS, f"A session may subscribe to {MAX_WATCHED} resources.")
        result = await self._answer(context, lambda client: _subscribe(client, params))
        host.watched.add(params.uri)
        return result

    async def _unsubscribe(self, context: Context, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        host = self._lobby.host(context)
        host.watched.discard(params.uri)
        if params.uri in self._lobby.audience(host.key).watched:  # another session still waits for it
            return types.EmptyResult()
        request = types.UnsubscribeRequest(params=params)
        return await self._answer(context, lambda client: client.session.send_request(request, types.EmptyResult))

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

    async def _complete(self, context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        argument = params.argument.model_dump()
        given = params.context.arguments if params.context else None
        return await self._answer(context, lambda client: client.complete(params.ref, argument, given))

    async def _set_level(self, context: Context, params: types.SetLevelRequestParams) -> types.EmptyResult:
        async def ask(client: mcp.Client) -> types.EmptyResult:
            if client.server_capabilities.logging is None:
                return types.EmptyResult()
            return await client.session.send_request(types.SetLevelRequest(params=params), types.EmptyResult)

        return await self._answer(context, ask)


def _failure(said: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=said)], is_error=True)


async def _subscribe(client: mcp.Client, params: types.SubscribeRequestParams) -> types.EmptyResult:
    return await client.session.send_request(types.SubscribeRequest(params=params), types.EmptyResult)


def _forwarded(context: Context) -> Any:
    """What a caller says beside the call that another server may read: not the protocol's own, nor this network's."""
    meta = without_origin(dict(context.meta or {}))
    return {key: value for key, value in meta.items() if not key.startswith(_PROTOCOL) and key != _PROGRESS_TOKEN}
