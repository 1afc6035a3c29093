"""An upstream's answer with the ids in it changed, event by event, where bytes cannot pass as they are."""

from collections.abc import Awaitable, Callable

import orjson

from gateway.http.transport import Incoming
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.jsonrpc import event, parse, write
from gateway.mcp.messages.reply import Reply
from gateway.mcp.upstream.events import events_of, message_in
from gateway.mcp.upstream.http import check_admitted, is_json, is_stream
from gateway.mcp.upstream.relay import whole
from gateway.mcp.upstream.sieve import Sieve
from gateway.mcp.upstream.statuses import OK, check_body, may_stream, refused

Change = Callable[[Document], Awaitable[Document | None]]
"""A message as the client is to see it; None: not at all."""
Mark = Callable[[str], str | None]
"""The id under which the client sees an event; None: without one."""


async def pass_mapped(
    reply: Reply, incoming: Incoming, server: str, change: Change, mark: Mark | None, sieve: Sieve
) -> None:
    """Give `incoming` to the client with each message changed, and each event's id marked where `mark` is given.

    `change` asks the `sieve` of the call what is its own.

    Raises `McpError`, `UnavailableError`.
    """
    check_admitted(incoming, server)
    if not (is_stream(incoming) and (incoming.status == OK or may_stream(incoming.status))):
        await _pass_whole(reply, incoming, server, change, sieve)
        return
    await reply.open_stream()
    await pass_events(reply, incoming, server, change, mark, sieve)
    sieve.end()
    await reply.end_answer()


async def pass_events(
    reply: Reply, incoming: Incoming, server: str, change: Change, mark: Mark | None, sieve: Sieve
) -> None:
    """The events of a stream into one that is open, and stays so. Raises `McpError`, `UnavailableError`."""
    async for one in events_of(incoming.chunks(), server):
        identifier = mark(one.id) if mark and one.id else None
        retry = b"retry: %b\n" % one.retry if one.retry else b""
        if not one.data:
            if identifier:
                sieve.may_break_off = True  # the client resumes it at the server
                await reply.stream(retry + event(b"", identifier))
            continue
        # Read fast first, and to the digit only where it is changed.
        message = message_in(one.data, server, orjson.loads)
        data = await changed_by(change, message, one.data) if sieve.hears(message) else None
        if data is not None:
            sieve.may_break_off = sieve.may_break_off or identifier is not None
            await reply.relay(retry + event(data, identifier))


async def changed_by(change: Change, message: Document, data: bytes) -> bytes | None:
    """The `message` in `data` as the client is to see it: the same bytes where nothing is changed; None: not at all."""
    changed = await change(message)
    if changed is None or (changed is message and b"\n" not in data):
        return None if changed is None else data
    return write(await change(parse(data)))


async def _pass_whole(reply: Reply, incoming: Incoming, server: str, change: Change, sieve: Sieve) -> None:
    body = await whole(incoming)
    if incoming.status != OK:
        check_body(body, server, incoming.status)
    if not is_json(incoming) or not body:
        raise refused(server, incoming.status)
    changed = await changed_by(change, sieve.answer(body), body)
    assert changed is not None  # the sieve has let it through
    await reply.finish_with(changed)
