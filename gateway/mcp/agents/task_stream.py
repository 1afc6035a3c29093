"""What an agent's task becomes, told to a client that listens for it (`notifications/tasks`, SEP-2663)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

from a2a.types.a2a_pb2 import StreamResponse

from agentnet.a2a.client.errors import RefusedError
from agentnet.errors import UnavailableError
from agentnet.tasks.projection import Projection
from gateway.agents.progress import step_line
from gateway.mcp.agents.task_ids import TaskRef
from gateway.mcp.agents.tasks import MAX_STATUS_CHARACTERS, AgentTasks
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.exchange import Exchange

PAUSE_SECONDS = 1.0
"""Before a task is looked for again whose stream has ended."""
STEP_SECONDS = 0.5
"""At least so long between two notifications of work that goes on."""


class TaskStream:
    """One task of one client."""

    def __init__(self, tasks: AgentTasks, exchange: Exchange, ref: TaskRef) -> None:
        self._tasks = tasks
        self._exchange = exchange
        self._ref = ref
        self._last: Document = {}
        self._told = 0.0

    async def changes(self) -> AsyncIterator[Document]:
        """The task as it is, then whenever it has changed (`DetailedTask`), until it has ended or is gone."""
        while True:
            try:
                contact = await self._tasks.contact(self._exchange, self._ref)
                heard = contact.heard()
                async with aclosing(contact.watch(self._ref.task_id)) as events:
                    async for event in events:
                        heard.receive(event)
                        step = step_in(event)
                        if step is not None and (news := self._news(heard, step)):
                            yield news
                if heard.is_over:
                    return
            except RefusedError as error:
                if error.is_unknown_task:
                    return
            except UnavailableError:
                pass  # its agent comes back
            await asyncio.sleep(PAUSE_SECONDS)

    def _news(self, heard: Projection, step: str) -> Document | None:
        """What is to be told; None for what was told, and for a step that follows another too fast."""
        news = self._tasks.told(self._exchange, self._ref, heard)
        # Progress is not allowed on tasks; the message of the status is the place for it (SEP-2663).
        if news["status"] == "working" and step:
            news["statusMessage"] = step
        now = time.monotonic()
        # What the client has to act on is never held back; of steps it can miss some.
        changed = news["status"] != self._last.get("status") or "inputRequests" in news
        if news == self._last or (not changed and (not step or now - self._told < STEP_SECONDS)):
            return None
        self._last, self._told = news, now
        return news


def step_in(event: StreamResponse) -> str | None:
    """The step that an event tells of, empty for the task as a whole; None: nothing to be told."""
    if event.HasField("task"):
        return ""
    return step_line(event.status_update)[:MAX_STATUS_CHARACTERS] if event.HasField("status_update") else None
