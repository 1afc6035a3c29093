"""The agents as the gateway itself asks them, on behalf of a caller at its MCP endpoint."""

import asyncio
from contextlib import suppress

import anyio
from a2a.types.a2a_pb2 import SendMessageRequest, StreamResponse, Task

from agentnet.a2a.client.agent import AgentClient
from agentnet.a2a.client.transport import Headers, Response
from agentnet.discovery.directory import Entry
from agentnet.errors import AgentNetError
from agentnet.identity import Principal
from agentnet.tasks.parts import keeps_pieces
from agentnet.tasks.projection import Projection
from gateway.a2a.upstream import Upstream

CANCEL_SECONDS = 5.0
"""How long a task that nobody waits for any more is tried to be cancelled."""


class Contact(AgentClient):
    """One agent, as one caller reaches it."""

    def __init__(self, upstream: Upstream, principal: Principal, entry: Entry, trace: Headers = ()) -> None:
        super().__init__(AgentTransport(upstream, principal, entry, trace))
        self.entry = entry

    @property
    def name(self) -> str:
        """The agent's."""
        return self.entry.name

    def heard(self, task: Task | None = None) -> Projection:
        """What is heard of a task of the agent's, from `task` on."""
        return Projection(task, in_pieces=keeps_pieces(self.entry.document))

    async def begin(self, request: SendMessageRequest) -> StreamResponse:
        """SendMessage; the task that it begins is cancelled when its client leaves before it knows of it."""
        # Shielded: the agent may have begun by now, and which task it is stands in its answer alone.
        sending = asyncio.ensure_future(self.send(request))
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True), anyio.move_on_after(CANCEL_SECONDS), suppress(AgentNetError):
                await self.cancel((await sending).task.id)
            raise


class AgentTransport:
    """To any instance of an agent, over the connections that the relay uses, within the trace of a request."""

    def __init__(self, upstream: Upstream, principal: Principal, entry: Entry, trace: Headers) -> None:
        self._upstream = upstream
        self._principal = principal
        self._entry = entry
        self._trace = trace

    async def post(self, body: bytes, headers: Headers, *, stream: bool) -> Response:
        """The response, from the first instance that can be had; must be closed. Raises `UnavailableError`."""
        sent = [*headers, *self._trace]
        return await self._upstream.open(self._principal, self._entry, "POST", "", sent, lambda: body)
