"""Following one task of an agent until it rests, over streams that may break: the task goes on without them."""

import asyncio
from collections.abc import AsyncGenerator

import anyio
from a2a.types.a2a_pb2 import SendMessageRequest, StreamResponse

from agentnet.a2a.client.errors import RefusedError
from agentnet.errors import UnavailableError
from agentnet.tasks.projection import Projection
from gateway.agents.contact import Contact
from gateway.agents.progress import Progress

RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Pauses before a task is looked for again: together well over a lease, so that a takeover is waited for."""
POLL_SECONDS = 1.0
FIRST_SECONDS = 5.0
"""How long a call that was broken off waits to hear which task it began."""


class Following:
    """Has `heard` receive its events, and tells `progress`. What is raised: `RefusedError`, `UnavailableError`."""

    def __init__(self, contact: Contact, heard: Projection, progress: Progress) -> None:
        self._contact = contact
        self._heard = heard
        self._progress = progress
        self._seen = 0

    async def send(self, request: SendMessageRequest) -> None:
        """Send a message and follow its task until it rests."""
        self._heard.sent(request.message)
        try:
            await self._take(self._contact.stream(request), stops=False)
        except UnavailableError:
            # Without its id there is nothing to look for again.
            if not self._heard.task_id:
                raise
        await self.settle()

    async def settle(self) -> None:
        """Follow a task that is known until it rests; look for it again where its agent is away for a while."""
        if not self._heard.task_id and not self._heard.rests:
            raise UnavailableError(f"The agent {self._contact.name!r} ended its answer without a task.")
        failures = 0
        while not self._heard.rests:
            seen = self._seen
            try:
                await self._resume()
            except UnavailableError:
                # What brought events was no failure: a long task may lose many streams, one after the other.
                failures = 1 if self._seen > seen else failures + 1
                if failures > len(RETRY_SECONDS):
                    raise
                await asyncio.sleep(RETRY_SECONDS[failures - 1])

    async def _resume(self) -> None:
        task = await self._contact.get(self._heard.task_id)
        self._heard.receive(StreamResponse(task=task))
        if self._heard.rests:
            return
        try:
            await self._take(self._contact.subscribe(task.id), stops=True)
        except RefusedError as error:
            # Others are of the subscription alone: the task has just ended (-32004), or the agent does not stream.
            if error.is_unknown_task:
                raise
        if not self._heard.rests:  # an agent that does not tell of its tasks is asked again and again
            await asyncio.sleep(POLL_SECONDS)

    async def _take(self, events: AsyncGenerator[StreamResponse, None], *, stops: bool) -> None:
        """Take events in until they end; a subscription goes on beyond questions, so it `stops` at the first."""
        try:
            event = await self._first(events)
            while event is not None:
                self._seen += 1
                self._heard.receive(event)
                await self._progress.tell(event)
                if stops and self._heard.rests:
                    return
                event = await anext(events, None)
        finally:
            # Here and now: left to the garbage collector, its connection stays taken until that comes by.
            with anyio.CancelScope(shield=True):
                await events.aclose()

    async def _first(self, events: AsyncGenerator[StreamResponse, None]) -> StreamResponse | None:
        """The first event, which tells which task it is; a call that is broken off still waits a little for it."""
        # A host that leaves cancels its call: a task whose id was never heard could not be cancelled, and would run on.
        first = asyncio.ensure_future(anext(events, None))
        try:
            return await asyncio.shield(first)
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True):
                await asyncio.wait([first], timeout=FIRST_SECONDS)
                first.cancel()
                await asyncio.wait([first])
            if not first.cancelled() and first.exception() is None and (event := first.result()) is not None:
                self._heard.receive(event)
            raise
