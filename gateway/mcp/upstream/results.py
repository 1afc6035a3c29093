"""The answer to a request of the gateway at an upstream server: a document, or the end of a stream."""

from collections.abc import Awaitable, Callable

from mcp_types.jsonrpc import INTERNAL_ERROR

from agentnet.errors import TooLargeError, UnavailableError
from gateway.http.transport import Incoming
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.jsonrpc import check_size, read
from gateway.mcp.upstream.events import events_of, message_in
from gateway.mcp.upstream.http import is_stream
from gateway.mcp.upstream.relay import whole
from gateway.mcp.upstream.statuses import result_in

Take = Callable[[Document], Awaitable[None]]
"""Takes what a stream holds before the result: a message with a method, a question if it has an id."""


MAX_DROPPED = 1000
"""Messages before a result that nobody wants; who sends more has no result to give."""


async def drop(_: Document) -> None:
    """For whoever wants nothing but the result."""


async def result_of(incoming: Incoming, server: str, identifier: str, take: Take = drop) -> Document:
    """The result of the request of that id. Raises `McpError`, `UnavailableError`."""
    if not is_stream(incoming):
        body = await whole(incoming)
        return result_in(_read(body, server, incoming.status), server, incoming.status)
    told = 0
    async for event in events_of(incoming.chunks(), server):
        told += 1
        if take is drop and told > MAX_DROPPED:
            raise UnavailableError(f"The MCP server {server!r} sent {MAX_DROPPED} messages and no result.")
        message = message_in(event.data, server) if event.data else {}
        if "method" in message:
            await take(message)
        elif message.get("id") == identifier:
            return result_in(message, server, incoming.status)
    raise UnavailableError(f"The MCP server {server!r} ended its answer without a result.")


def _read(data: bytes, server: str, status: int) -> object:
    try:
        check_size(data)
        return read(data)
    except TooLargeError as error:
        raise UnavailableError(f"The MCP server {server!r} sent an answer over a limit: {error.message}") from None
    except McpError:
        raise McpError(
            INTERNAL_ERROR, f"The MCP server {server!r} answered HTTP {status} without MCP in it.", heard=status
        ) from None
