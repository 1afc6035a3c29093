"""The events of an upstream server's streams, and the messages in them."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from agentnet.errors import TooLargeError, UnavailableError
from agentnet.http.sse import Event, events_in
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.jsonrpc import check_size, parse

# The SDK's client ends at 1 MiB, and a text of 900 KB did not pass it: it is sent twice, in content and
# structuredContent.
MAX_EVENT_BYTES = 32 * 1024 * 1024


def events_of(chunks: AsyncIterator[bytes], server: str) -> AsyncIterator[Event]:
    """The events of a stream, those without data too when they have an id. Raises `UnavailableError`."""
    return events_in(chunks, MAX_EVENT_BYTES, lambda limit: event_too_large(limit, f"The MCP server {server!r}"))


def event_too_large(limit: int, who: str = "The MCP server") -> UnavailableError:
    """For an event that nobody could want whole in memory."""
    return UnavailableError(f"{who} sent an event of more than {limit} bytes.")


def message_in(data: bytes, server: str, parsed: Callable[[bytes], Any] = parse) -> Document:
    """The JSON-RPC message in an event. Raises `UnavailableError`."""
    try:
        check_size(data)
        message = parsed(data)
    except TooLargeError as error:
        raise UnavailableError(f"The MCP server {server!r} sent an event over a limit: {error.message}") from None
    except ValueError:
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("method", ""), str):
        raise UnavailableError(f"The MCP server {server!r} sent an event that holds no message.")
    return message
