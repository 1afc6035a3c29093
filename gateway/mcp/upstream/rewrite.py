"""An upstream's answer with the ids in it changed, event by event, where bytes cannot pass as they are."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from agentnet.errors import UnavailableError
from gateway.http.transport import Incoming
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.jsonrpc import event, parse, write
from gateway.mcp.messages.reply import Reply
from gateway.mcp.upstream.http import check_admitted, is_stream
from gateway.mcp.upstream.relay import MAX_EVENT_BYTES, refused, whole

Change = Callable[[Document], Awaitable[Document | None]]
"""A message as the client is to see it; None: not at all."""
Mark = Callable[[str], str | None]
"""The id under which the client sees an event; None: without one."""


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    data: bytes
    id: str | None
    retry: bytes | None


async def pass_mapped(reply: Reply, incoming: Incoming, server: str, change: Change, mark: Mark | None) -> None:
    """Give `incoming` to the client with each message changed, and each event's id marked where `mark` is given.

    Raises `McpError`, `UnavailableError`.
    """
    check_admitted(incoming, server)
    if not is_stream(incoming):
        await _pass_whole(reply, incoming, server, change)
        return
    await reply.open_stream()
    await pass_events(reply, incoming, server, change, mark)
    await reply.end_answer()


async def pass_events(reply: Reply, incoming: Incoming, server: str, change: Change, mark: Mark | None) -> None:
    """The events of a stream into one that is open, and stays so. Raises `UnavailableError`."""
    async for one in events_of(incoming.chunks(), server):
        identifier = mark(one.id) if mark and one.id else None
        retry = b"retry: %b\n" % one.retry if one.retry else b""
        if not one.data:
            if identifier:
                await reply.stream(retry + event(b"", identifier))
            continue
        data = await changed_by(change, message_in(one.data, server, orjson.loads), one.data)
        if data is not None:
            await reply.relay(retry + event(data, identifier))


async def changed_by(change: Change, message: Document, data: bytes) -> bytes | None:
    """The `message` in `data` as the client is to see it: the same bytes where nothing is changed; None: not at all."""
    changed = await change(message)
    if changed is None or (changed is message and b"\n" not in data):
        return None if changed is None else data
    return write(await change(parse(data)))


async def events_of(chunks: AsyncIterator[bytes], server: str) -> AsyncIterator[Event]:
    """The events of a stream, those without data too when they have an id. Raises `UnavailableError`."""
    rest, data = b"", list[bytes]()
    identifier, retry = None, None
    async for chunk in chunks:
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        for line in (line.removesuffix(b"\r") for line in lines):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                data.append(value)
            elif field == b"id":
                identifier = value.decode("utf-8", "replace")
            elif field == b"retry":
                retry = value if value.isdigit() else None
            elif not line and (data or identifier):
                yield Event(b"\n".join(data), identifier, retry)
                data, identifier, retry = [], None, None
        if len(rest) + sum(map(len, data)) > MAX_EVENT_BYTES:
            raise UnavailableError(f"The MCP server {server!r} sent an event of more than {MAX_EVENT_BYTES} bytes.")


def message_in(data: bytes, server: str, parsed: Callable[[bytes], Any] = parse) -> Document:
    """The JSON-RPC message in an event. Raises `UnavailableError`."""
    try:
        message = parsed(data)
    except ValueError:
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("method", ""), str):
        raise UnavailableError(f"The MCP server {server!r} sent an event that holds no message.")
    return message


async def _pass_whole(reply: Reply, incoming: Incoming, server: str, change: Change) -> None:
    body = await whole(incoming)
    if incoming.status < 300 and not body:
        await reply.whole(incoming.status, [], b"")
        return
    try:
        message = orjson.loads(body)
    except ValueError:
        message = None
    if not isinstance(message, dict) or not ("result" in message or "error" in message):
        raise refused(server, incoming.status)
    await reply.finish_with(await changed_by(change, message, body) or body, incoming.status)
