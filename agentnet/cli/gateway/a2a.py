"""An agent behind the gateway, as the command line asks it: what goes wrong is told in its own errors."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager

import httpx
from a2a.types import Message, SendMessageRequest, StreamResponse, Task

from agentnet.a2a.client.agent import AgentClient
from agentnet.a2a.client.errors import HttpAnswerError, RefusedError
from agentnet.a2a.client.transport import HttpxTransport
from agentnet.cli.gateway.answers import error_for
from agentnet.errors import AgentNetError, ConflictError, InvalidInputError, NotFoundError

_ERRORS: dict[int | None, type[AgentNetError]] = {
    -32001: NotFoundError,
    -32002: ConflictError,
    -32004: ConflictError,
    -32602: InvalidInputError,
}
"""By A2A's codes (A2A 1.0, section 5.4) and JSON-RPC's; the status of HTTP tells the others apart."""


class AgentConnection:
    """One agent behind a gateway."""

    def __init__(self, http: httpx.AsyncClient, url: str, name: str, *, in_pieces: bool = True) -> None:
        # No limit on silence: a person waits, sees the steps, and has Ctrl-C.
        self._agent = AgentClient(HttpxTransport(http, url, name, idle_seconds=None))
        self.name = name
        self.in_pieces = in_pieces
        """Whether its server may give a text that was streamed in pieces."""

    def send(self, message: Message) -> AsyncIterator[StreamResponse]:
        """SendStreamingMessage: every event until the task rests."""
        return _told(self._agent.stream(SendMessageRequest(message=message)))

    def subscribe(self, task_id: str) -> AsyncIterator[StreamResponse]:
        """SubscribeToTask: the task as it is, then every event. Raises `ConflictError` for one that has ended."""
        return _told(self._agent.subscribe(task_id))

    async def get(self, task_id: str) -> Task:
        """GetTask. Raises `NotFoundError`."""
        with _own_errors():
            return await self._agent.get(task_id)

    async def cancel(self, task_id: str) -> Task:
        """CancelTask. Raises `ConflictError` for a task that has ended."""
        with _own_errors():
            return await self._agent.cancel(task_id)


async def _told(events: AsyncGenerator[StreamResponse, None]) -> AsyncIterator[StreamResponse]:
    with _own_errors():
        async with aclosing(events):
            async for event in events:
                yield event


@contextmanager
def _own_errors() -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        if kind := _ERRORS.get(error.code):
            raise kind(error.message) from None
        raise error_for(error.message, error.answered, error.retry_after) from None
    except HttpAnswerError as error:
        raise error_for(error.message, error.answered, error.retry_after) from None
