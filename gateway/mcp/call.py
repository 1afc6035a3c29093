"""One call of an agent on behalf of an MCP host: its events become progress, its end the tool's result."""

import asyncio
import logging
from contextlib import suppress

import anyio
import mcp_types as types
from a2a.types.a2a_pb2 import SendMessageRequest, StreamResponse

from agentnet.directory import Entry
from agentnet.errors import AgentNetError
from agentnet.identity import Principal
from gateway.calls import AgentCalls
from gateway.mcp.answer import Answer
from gateway.mcp.progress import Progress, Report
from gateway.transport import Headers

logger = logging.getLogger(__name__)

CANCEL_SECONDS = 5.0


class AgentCall:
    """Run it once. When it is cancelled, because the host left, the agent's task is cancelled too."""

    def __init__(self, calls: AgentCalls, principal: Principal, entry: Entry, report: Report) -> None:
        self._calls = calls
        self._principal = principal
        self._entry = entry
        self._progress = Progress(report)
        self._answer = Answer()

    async def run(self, request: SendMessageRequest, trace: Headers) -> types.CallToolResult:
        """The result. A question ends the call: asking the host within it takes this place.

        Raises what `AgentCalls.stream` raises.
        """
        events = self._calls.stream(self._principal, self._entry, request, trace)
        first = asyncio.ensure_future(anext(events))  # goes on when the host leaves: it tells which task to cancel
        try:
            event: StreamResponse | None = await asyncio.shield(first)
            while event is not None:
                self._answer.feed(event)
                await self._progress.tell(event)
                event = await anext(events, None)
        except anyio.get_cancelled_exc_class():
            await self._cancel(first)
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await events.aclose()
        return self._answer.result()

    async def _cancel(self, first: "asyncio.Future[StreamResponse]") -> None:
        with anyio.CancelScope(shield=True), anyio.move_on_after(CANCEL_SECONDS):
            with suppress(AgentNetError, StopAsyncIteration):
                event = await first
                if not self._answer.task_id:
                    self._answer.feed(event)
            await self._cancel_task()

    async def _cancel_task(self) -> None:
        answer = self._answer
        if not answer.task_id or answer.is_over:
            return
        try:
            await self._calls.cancel(self._principal, self._entry, answer.task_id)
        except AgentNetError as error:
            logger.info("task %s of %s was not cancelled: %s", answer.task_id, self._entry.name, error)
