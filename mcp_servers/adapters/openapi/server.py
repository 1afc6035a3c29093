"""The MCP server in front of an HTTP API. It keeps nothing between calls, so any replica answers any of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import jsonschema
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from agentnet import __version__
from agentnet.errors import AgentNetError, ConfigurationError, InvalidInputError, UnavailableError
from agentnet.ssrf import check_form, guarded_client
from agentnet.upstreams.declarations import OpenApiServer
from agentnet.upstreams.server import OutsideServer
from agentnet.upstreams.upstreams import Upstreams
from mcp_servers.adapters.openapi.answer import result_of
from mcp_servers.adapters.openapi.document import read_document
from mcp_servers.adapters.openapi.operation import Operation, operations_of
from mcp_servers.adapters.openapi.request import request_of
from mcp_servers.hosted import Hosted

MAX_ANSWER_BYTES = 4 * 1024 * 1024
CALL_SECONDS = 60.0
UNAUTHORIZED = 401

Context = ServerRequestContext[Any, Any]


class OpenApiTools:
    """Calls the operations of one API with the operator's credential, never the caller's."""

    def __init__(
        self, api: OutsideServer, operations: dict[str, Operation], upstreams: Upstreams, http: httpx.AsyncClient
    ) -> None:
        self._api = api
        self._operations = operations
        self._authorization = upstreams.authorization
        self._http = http

    async def list_tools(self) -> list[types.Tool]:
        """A tool for each operation, by name."""
        return [self._operations[name].tool for name in sorted(self._operations)]

    async def listing(self, _context: Context, _: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        """Answers tools/list."""
        return types.ListToolsResult(tools=await self.list_tools())

    async def call(self, _context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        """Answers tools/call; what the API refuses is an error that the model can read."""
        operation = self._operations.get(params.name)
        if operation is None:
            raise MCPError(types.INVALID_PARAMS, f"There is no tool {params.name!r} here.")
        arguments = params.arguments or {}
        try:
            _check(operation, arguments)
            return result_of(operation, await self._response(operation, arguments))
        except AgentNetError as error:
            return types.CallToolResult(content=[types.TextContent(text=str(error))], is_error=True)

    async def _response(self, operation: Operation, arguments: dict[str, Any]) -> httpx.Response:
        """The whole response, asked for again once when a fresh token may help. Raises `UnavailableError`."""
        try:
            with anyio.fail_after(CALL_SECONDS):
                headers = await self._authorization.headers(self._api)
                response = await self._send(operation, arguments, headers)
                if response.status_code == UNAUTHORIZED and self._authorization.refused(self._api, headers):
                    response = await self._send(operation, arguments, await self._authorization.headers(self._api))
                return response
        except (TimeoutError, httpx.HTTPError) as error:
            raise UnavailableError(f"The API of {self._api.name} does not answer ({type(error).__name__}).") from None

    async def _send(
        self, operation: Operation, arguments: dict[str, Any], headers: list[tuple[str, str]]
    ) -> httpx.Response:
        request = request_of(self._http, self._api.url, operation, arguments)
        request.headers.update(headers)
        return await self._http.send(request, follow_redirects=False)


async def create_openapi(declared: OpenApiServer, upstreams: Upstreams) -> Hosted:
    """The server of a declared API. Raises `ConfigurationError`, `UnsafeUrlError`, `UnavailableError`."""
    http = guarded_client(allow_private=upstreams.allow_private, max_bytes=MAX_ANSWER_BYTES)
    try:
        document = await read_document(declared.openapi, http)
        operations = operations_of(document, declared)
        base_url = str(check_form(declared.base_url or document.base_url()))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        await http.aclose()
        raise ConfigurationError(f"{declared.name}: the OpenAPI document is not well formed: {error!r}.") from None
    except BaseException:
        await http.aclose()
        raise
    info = document.document.get("info") or {}
    said = declared.description or str(info.get("description") or info.get("title") or "")[:2000]
    api = OutsideServer(declared.tenant, declared.name, base_url, said, declared.credential, True, None)
    tools = OpenApiTools(api, operations, upstreams, http)
    return Hosted(_server(api, tools, http), tools.list_tools, tenant=declared.tenant)


def _server(api: OutsideServer, tools: OpenApiTools, http: httpx.AsyncClient) -> Server[Any]:
    @asynccontextmanager
    async def lifespan(_: Server[Any]) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await http.aclose()

    return Server(
        api.name,
        version=__version__,
        description=api.description or None,
        lifespan=lifespan,
        get_tool_input_schema=lambda _name: None,  # checked by the call itself
        on_list_tools=tools.listing,
        on_call_tool=tools.call,
    )


def _check(operation: Operation, arguments: dict[str, Any]) -> None:
    try:
        jsonschema.Draft202012Validator(operation.tool.input_schema).validate(arguments)
    except jsonschema.ValidationError as error:
        where = ".".join(map(str, error.absolute_path)) or "arguments"
        raise InvalidInputError(f"{where}: {error.message[:300]}.") from None
