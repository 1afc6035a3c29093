"""Batches of the 2025-03-26 revision: each message is served by itself, and the answers are put together."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from starlette.types import Message

from agentnet.errors import AgentNetError
from gateway.mcp.messages.envelope import BATCH_VERSION
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.inbound import Inbound
from gateway.mcp.messages.jsonrpc import MAX_BATCH, is_notification, is_response, write
from gateway.mcp.messages.reply import JSON_HEADERS, Reply

logger = logging.getLogger(__name__)

Serve = Callable[[Document, Inbound], Awaitable[None]]


class Collector:
    """Stands where an HTTP response goes, and keeps the JSON-RPC response in it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        """Take a part of the response."""
        if message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))

    @property
    def answer(self) -> bytes:
        """The response: the whole body, or the last event of a stream; empty for a message that has none."""
        body = b"".join(self._parts)
        events = [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]
        return next((data for data in reversed(events) if data), b"") if events else body


def is_batch(message: Any, version: str) -> bool:
    """Whether it is a batch in the one revision that has them."""
    if version != BATCH_VERSION or not isinstance(message, list) or not 0 < len(message) <= MAX_BATCH:
        return False
    return all(is_notification(one) or is_response(one) for one in message)


async def serve_batch(inbound: Inbound, messages: list[Document], serve: Serve) -> None:
    """Serve all of them at once, and answer with an array, or with 202 when nothing wants an answer.

    Raises what was wrong with a message that wants none, where no other one has an answer.
    """
    collectors = [Collector() for _ in messages]
    works: list[Awaitable[None]] = []
    for message, collector in zip(messages, collectors, strict=True):
        # The answers are one array: none of them can be streamed.
        reply = Reply(collector.send, may_stream=False)
        works.append(serve(message, replace(inbound, body=write(message), reply=reply)))
    # One that is refused must not cost the others their answers: their tools have been called.
    ends = await asyncio.gather(*works, return_exceptions=True)
    failures = [end for end in ends if end is not None]
    for failure in failures:
        is_expected = isinstance(failure, AgentNetError)
        logger.info("a message of a batch went amiss: %r", failure, exc_info=None if is_expected else failure)
    answers = [collector.answer for collector in collectors if collector.answer]
    if answers:
        await inbound.reply.whole(200, JSON_HEADERS, b"[%b]" % b",".join(answers))
    elif failures:
        raise failures[0]
    else:
        await inbound.reply.whole(202, [], b"")
