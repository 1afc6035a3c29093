"""The MCP server in front of an HTTP API. It keeps nothing between calls, so any replica answers any of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from agentnet import __version__
from agentnet.errors import AgentNetError, ConfigurationError, InvalidInputError, UnavailableError
from agentnet.http.ssrf import check_form, guarded_client, read_body
from agentnet.mcp.schemas import mismatch
from agentnet.upstreams.authorization import Header
from agentnet.upstreams.declarations import OpenApiServer
from agentnet.upstreams.server import OutsideServer
from agentnet.upstreams.upstreams import Upstreams
from mcp_servers.adapters.openapi.answer import result_of
from mcp_servers.adapters.openapi.document import read_document
from mcp_servers.adapters.openapi.operation import MALFORMED, Operation, operations_of
from mcp_servers.adapters.openapi.request import request_of
from mcp_servers.hosting.hosted import Hosted

MAX_ANSWER_BYTES = 4 * 1024 * 1024
CALL_SECONDS = 60.0
UNAUTHORIZED = 401
ENCODED = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers that tell of the body as it came, not as it was read."""

Context = ServerRequestContext[Any, Any]


@dataclass(frozen=True, slots=True)
class _Described:
    """What the document says."""

    api: OutsideServer
    operations: dict[str, Operation]


class OpenApiTools:
    """Calls the operations of one API with the operator's credential, never the caller's."""

    def __init__(self, declared: OpenApiServer, upstreams: Upstreams) -> None:
        self._declared = declared
        self._authorization = upstreams.authorization
        self._http = guarded_client(
            allow_private=upstreams.allow_private or declared.allow_private, max_bytes=MAX_ANSWER_BYTES
        )
        self._found: _Described | None = None
        self._reading = asyncio.Lock()

    async def described(self) -> _Described:
        """What the document says; read once. Raises `ConfigurationError`, `UnsafeUrlError`, `UnavailableError`."""
        async with self._reading:
            if self._found is None:
                self._found = await self._read()
            return self._found

    async def list_tools(self) -> list[types.Tool]:
        """A tool for each operation, by name. Raises what `described` raises."""
        operations = (await self.described()).operations
        return [operations[name].tool for name in sorted(operations)]

    async def listing(self, _context: Context, _: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        """Answers tools/list."""
        try:
            return types.ListToolsResult(tools=await self.list_tools())
        except AgentNetError as error:
            raise MCPError(types.INTERNAL_ERROR, str(error)) from error

    async def call(self, _context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        """Answers tools/call; what the API refuses is an error that the model can read."""
        arguments = params.arguments or {}
        try:
            found = await self.described()
            operation = found.operations.get(params.name)
            if operation is None:
                raise MCPError(types.INVALID_PARAMS, f"There is no tool {params.name!r} here.")
            await asyncio.to_thread(_check, operation, arguments)  # the document's schema may take its time
            response = await self._response(found.api, operation, arguments)
            return await asyncio.to_thread(result_of, operation, response)  # to check a large one takes seconds
        except AgentNetError as error:
            return types.CallToolResult(content=[types.TextContent(text=str(error))], is_error=True)

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def _read(self) -> _Described:
        declared = self._declared
        try:
            document = await read_document(declared.openapi, self._http)
            operations = await asyncio.to_thread(operations_of, document, declared)
            base_url = _base(declared.base_url or _found(declared, document.base_url()))
        except ConfigurationError as error:
            raise ConfigurationError(f"{declared.name}: {error.message}", hint=error.hint) from None
        except MALFORMED as error:
            raise ConfigurationError(f"{declared.name}: the OpenAPI document is not well formed: {error!r}.") from None
        return _Described(declared.as_upstream(base_url), operations)

    async def _response(self, api: OutsideServer, operation: Operation, arguments: dict[str, Any]) -> httpx.Response:
        """The whole response, asked for again once when a fresh token may help. Raises `UnavailableError`."""
        try:
            with anyio.fail_after(CALL_SECONDS):
                headers = await self._authorization.headers(api)
                response = await self._send(api, operation, arguments, headers)
                # Once: a token may have been revoked before its time. A 401 did nothing, so the call may be sent again.
                if response.status_code == UNAUTHORIZED and self._authorization.refused(api, headers):
                    response = await self._send(api, operation, arguments, await self._authorization.headers(api))
                return response
        except (TimeoutError, httpx.HTTPError) as error:
            raise UnavailableError(f"The API of {api.name} does not answer ({type(error).__name__}).") from None

    async def _send(
        self, api: OutsideServer, operation: Operation, arguments: dict[str, Any], headers: list[Header]
    ) -> httpx.Response:
        request = request_of(self._http, api.url, operation, arguments)
        request.headers.update(headers)
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            body = await read_body(response, MAX_ANSWER_BYTES)
        finally:
            await response.aclose()
        # The body was decoded as it was read; httpx would decode it again.
        kept = [(name, value) for name, value in response.headers.multi_items() if name not in ENCODED]
        return httpx.Response(response.status_code, headers=kept, content=body, request=request)


def create_openapi(declared: OpenApiServer, upstreams: Upstreams) -> Hosted:
    """The server of a declared API. Its document is read when it is asked for its tools, and again until it can be
    used: it is written by others, so no fault of it stops a start. Raises `ConfigurationError` for a `base_url` that
    paths cannot follow, `UnsafeUrlError`."""
    if declared.base_url:
        _base(declared.base_url)
    tools = OpenApiTools(declared, upstreams)

    async def ready() -> None:
        await tools.described()

    return Hosted(_server(declared, tools), tools.list_tools, ready, declared.tenant)


def _server(declared: OpenApiServer, tools: OpenApiTools) -> Server[Any]:
    @asynccontextmanager
    async def lifespan(_: Server[Any]) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await tools.close()

    return Server(
        declared.name,
        version=__version__,
        description=declared.description or None,
        lifespan=lifespan,
        get_tool_input_schema=lambda _name: None,  # checked by the call itself
        on_list_tools=tools.listing,
        on_call_tool=tools.call,
    )


def _found(declared: OpenApiServer, url: str) -> str:
    """Where a document says that the API is. Raises `ConfigurationError` where it would lead a credential elsewhere."""
    source, api = httpx.URL(declared.openapi), httpx.URL(url)
    fetched = source.scheme in {"http", "https"}
    if fetched and declared.credential and (source.scheme, source.netloc) != (api.scheme, api.netloc):
        raise ConfigurationError(
            f"The document says that the API is at {api.host}, not where the document is.",
            hint="The credential goes there only if you say so: set base_url.",
        )
    return url


def _base(url: str) -> str:
    """`url` if the paths of operations can follow it. Raises `ConfigurationError`, `UnsafeUrlError`."""
    parsed = check_form(url)
    if parsed.query or parsed.fragment:
        raise ConfigurationError("The API's address has a ? or a # in it; the paths of operations must follow it.")
    return str(parsed)


def _check(operation: Operation, arguments: dict[str, Any]) -> None:
    try:
        error = mismatch(operation.tool.input_schema, arguments)
    except RecursionError:
        raise InvalidInputError("arguments: are nested too deeply.") from None
    if error is not None:
        where = ".".join(map(str, error.absolute_path)) or "arguments"
        raise InvalidInputError(f"{where}: {error.message[:300]}.")
