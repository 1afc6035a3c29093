"""Streams of server-sent events that last no longer than the key that they were opened with."""

import logging
import time
from collections.abc import Awaitable, Callable

from starlette.types import Message, Send

from agentnet.errors import AgentNetError, UnauthenticatedError

logger = logging.getLogger(__name__)

RECHECK_SECONDS = 30.0
"""How often a key is looked at again; streams are never silent for longer than their keep-alive."""


class Rechecked:
    """Stands in for `send`; `check` raises `UnauthenticatedError` once the key is not taken any more.

    The stream then ends, and the app finds the client gone.
    """

    def __init__(self, send: Send, check: Callable[[], Awaitable[object]]) -> None:
        self._send = send
        self._check = check
        self._due: float | None = None
        """When to look again; None: this is no stream."""
        self._is_over = False

    async def __call__(self, message: Message) -> None:
        """Send on."""
        if self._is_over:  # the app goes on until it looks; the server would call more messages an error
            return
        if message["type"] == "http.response.start":
            if _is_stream(message):
                self._due = time.monotonic() + RECHECK_SECONDS
        elif self._due is not None and time.monotonic() >= self._due:
            self._due = time.monotonic() + RECHECK_SECONDS
            if not await self._is_taken():
                self._is_over = True
                message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _is_taken(self) -> bool:
        try:
            await self._check()
        except UnauthenticatedError:
            logger.info("a stream ends: its key is not valid any more")
            return False
        except AgentNetError as error:  # nobody can say now
            logger.info("the key of a stream is not looked at: %s", error)
        return True


def _is_stream(message: Message) -> bool:
    for name, value in message["headers"]:
        if value.startswith(b"text/event-stream") and name.lower() == b"content-type":
            return True
    return False
