"""An upstream's answer on its way to the client: bytes, in whole events, with nothing in them read but whose they are.

Whole events only, so that a stream that breaks off can still end with a clear error for its call.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from agentnet.errors import UnavailableError
from agentnet.http.sse import whole_events
from agentnet.mcp.sessions import DOUBTFUL, is_lost
from gateway.http.transport import Headers, Incoming
from gateway.mcp.messages.errors import SESSION_NOT_FOUND, McpError
from gateway.mcp.messages.reply import Reply
from gateway.mcp.upstream.events import MAX_EVENT_BYTES, event_too_large
from gateway.mcp.upstream.http import check_admitted, is_json, is_stream
from gateway.mcp.upstream.sieve import Sieve
from gateway.mcp.upstream.statuses import OK, TAKEN, check_body, is_success, may_stream, not_taken, refused

MAX_ANSWER_BYTES = MAX_EVENT_BYTES
"""What is read at once holds all others up: 60 MB took 118 ms to be told an answer, and as long to be passed on."""


async def pass_on(reply: Reply, incoming: Incoming, server: str, sieve: Sieve | None = None) -> None:
    """Give the answer to a request to the client, through the `sieve` of its call; without one where it is the
    network's own, or a stream that answers no call.

    Raises `McpError`, `UnavailableError`.
    """
    check_admitted(incoming, server)
    if is_stream(incoming) and may_stream(incoming.status):
        await reply.open_stream()
        async for events in whole_events(incoming.chunks(), MAX_EVENT_BYTES, event_too_large):
            own = sieve.events(events) if sieve is not None else events
            if own:
                await reply.relay(own)
        if sieve is not None:
            sieve.end()
        await reply.end_answer()
        return
    body = await whole(incoming)
    if is_json(incoming) and body:
        if incoming.status != OK:
            check_body(body, server, incoming.status)
        await reply.finish_with(sieve.body(body) if sieve is not None else body)
    else:
        raise refused(server, incoming.status)


async def pass_word(reply: Reply, incoming: Incoming, server: str, method: str) -> None:
    """Give what a server says of a message without an answer, of a GET or of a DELETE to the client. Raises `McpError`,
    `UnavailableError`."""
    check_admitted(incoming, server)
    if method == "GET" and is_stream(incoming) and may_stream(incoming.status):
        await pass_on(reply, incoming, server)
    elif method in TAKEN and is_success(incoming.status):
        await reply.whole(TAKEN[method], [], b"")
    else:
        body = b"" if is_stream(incoming) else await whole(incoming)
        raise not_taken(body, server, method, incoming.status)


async def whole(incoming: Incoming) -> bytes:
    """The body of an answer that is no stream. Raises `UnavailableError`."""
    # Nearly always: two generators less than to read it as it comes.
    if (body := incoming.at_hand()) is not None:
        return body
    parts: list[bytes] = []
    size = 0
    async for chunk in incoming.chunks():
        parts.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise UnavailableError(f"The MCP server sent an answer of more than {MAX_ANSWER_BYTES} bytes.")
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def checked(incoming: Incoming, server: str) -> Incoming:
    """An answer within a session. Raises `McpError` (404) where it says that the server does not know the session."""
    if incoming.status not in DOUBTFUL:
        return incoming
    body = await whole(incoming)
    if is_lost(incoming.status, body):
        raise session_lost(server)
    return _Read(incoming.status, incoming.headers, body, incoming)


def session_lost(server: str) -> McpError:
    """The server has ended, or forgotten, a session."""
    return McpError(SESSION_NOT_FOUND, f"The MCP server {server!r} has ended the session.", heard=404)


@dataclass(slots=True)
class _Read:
    """An answer that was read whole, to be read again."""

    status: int
    headers: Headers
    body: bytes
    incoming: Incoming

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.body

    def at_hand(self) -> bytes | None:
        return self.body

    def limit_silence(self, seconds: float) -> None:
        """It came whole: there is none."""

    async def close(self) -> None:
        await self.incoming.close()
