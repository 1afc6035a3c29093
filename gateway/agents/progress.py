"""Progress of a call, told to the host while the agent works: its steps, and its words as they come."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from a2a.types.a2a_pb2 import StreamResponse, TaskStatusUpdateEvent

from agentnet.tasks.parts import text_of, words_of
from agentnet.tasks.projection import Projection
from agentnet.tasks.steps import Step, step_of
from agentnet.tasks.values import struct_json

Report = Callable[[int, str], Awaitable[None]]
"""Takes the number of the notification and what it says."""

BURST = 20
"""Notifications that may go out at once."""
PER_SECOND = 10.0
"""Notifications from then on; what comes faster is told together."""
GATHER_SECONDS = 0.1
"""Words wait so long for more of them: a model writes 30 to 100 a second, each in a chunk of its own."""
MAX_PENDING_CHARACTERS = 16 * 1024
"""Of what waits to be told; the oldest of it is dropped."""
VERBS = {"delegation": "asks", "handoff": "hands over to"}


class Progress:
    """Turns events, of which `heard` is what they add up to, into notifications, counted from 1."""

    def __init__(self, heard: Projection, report: Report) -> None:
        self._heard = heard
        self._report = report
        self._count = 0
        self._tokens = float(BURST)
        self._filled = time.monotonic()
        self._pending = ""
        self._artifact: str | None = None
        """Whose words were told last; None where they were no artifact's."""
        self._flusher: asyncio.Task[None] | None = None

    async def tell(self, event: StreamResponse) -> None:
        """Report `event`, which was heard already, if it tells of anything."""
        message = self._message(event)
        if not message:
            return
        artifact = event.artifact_update.artifact.artifact_id if event.HasField("artifact_update") else None
        if self._flusher is None and artifact is None and self._may_tell():
            await self._send(message)
            return
        between = self._between(artifact, event.artifact_update.append) if self._pending else ""
        # The end is kept: what an agent does now tells more than what it did.
        self._pending = (self._pending + between + message)[-MAX_PENDING_CHARACTERS:]
        self._artifact = artifact
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush_later())

    async def finish(self) -> None:
        """Tell what waits: the result comes next."""
        # Nothing may come behind the result (MCP 2025-11-25, utilities/progress).
        self.drop()
        await self._flush()

    def drop(self) -> None:
        """Tell nothing more: the call was broken off, or is about to end."""
        if self._flusher is not None:
            self._flusher.cancel()
            self._flusher = None

    def _message(self, event: StreamResponse) -> str:
        if event.HasField("artifact_update"):
            artifact = event.artifact_update.artifact
            return "" if self._heard.is_from_peer(artifact.artifact_id) else text_of(artifact.parts)
        return step_line(event.status_update) if event.HasField("status_update") else ""

    def _between(self, artifact: str | None, goes_on: bool) -> str:
        """What stands between what waits and what comes, which are the words of `artifact`, or none's."""
        if artifact is None or self._artifact is None:
            return "\n"
        return "" if goes_on and artifact == self._artifact else "\n\n"

    def _may_tell(self) -> bool:
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled) * PER_SECOND)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    async def _flush_later(self) -> None:
        await asyncio.sleep(max(GATHER_SECONDS, (1 - self._tokens) / PER_SECOND))
        self._may_tell()
        # Free before it sends: what is told meanwhile needs a flusher of its own.
        self._flusher = None
        with suppress(OSError):  # a client that has gone is told of elsewhere
            await self._flush()

    async def _flush(self) -> None:
        message, self._pending = self._pending, ""
        if message:
            await self._send(message)

    async def _send(self, message: str) -> None:
        # Must rise with each notification (MCP 2025-11-25, utilities/progress), though most hosts show the words alone.
        self._count += 1
        await self._report(self._count, message)


def step_line(update: TaskStatusUpdateEvent) -> str:
    """What a status tells: its step in one line, or what the agent says; else nothing."""
    metadata: dict[str, Any] = struct_json(update.metadata)
    step = step_of(metadata)
    return line_of(step) if step else words_of(update.status.message)


def line_of(step: Step) -> str:
    """`concierge → researcher: knowledge_search (120 ms)`; a delegation says who asks whom for what.

    A model says what it waits for; that it goes on is seen from its words.
    """
    who, what = " → ".join(step.path), step.name
    if step.kind == "model":
        return f"{who}: {what}: {step.summary}" if step.summary else ""
    if step.kind in VERBS:
        what = f"{VERBS[step.kind]} {step.name}" + (f": {step.summary}" * bool(step.summary and step.phase == "start"))
    if step.phase == "start":
        return f"{who}: {what} …"
    took = f" ({step.ms} ms)" if step.ms is not None else ""
    return f"{who}: {what}{took}" + ("" if step.ok else " failed")
