"""Progress of a call, told to the host while the agent works: its steps, and its words as they come."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from a2a.types.a2a_pb2 import Message, StreamResponse
from google.protobuf.json_format import MessageToDict

from agentnet.tasks.steps import Step, step_of
from gateway.mcp.agents.answer import is_from_peer
from gateway.mcp.agents.content import text_of

Report = Callable[[int, str], Awaitable[None]]
"""Takes the number of the notification and what it says."""

BURST = 20
"""Notifications that may go out at once."""
PER_SECOND = 10.0
"""Notifications from then on; what comes faster is told together."""
MAX_PENDING_CHARACTERS = 16 * 1024
"""Of what waits to be told; the oldest of it is dropped."""
VERBS = {"delegation": "asks", "handoff": "hands over to"}


class Progress:
    """Turns events into notifications, counted from 1."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._count = 0
        self._tokens = float(BURST)
        self._filled = time.monotonic()
        self._pending = ""
        self._flusher: asyncio.Task[None] | None = None

    async def tell(self, event: StreamResponse) -> None:
        """Report `event` if it tells of anything."""
        message = message_of(event)
        if not message:
            return
        if self._flusher is None and self._may_tell():
            await self._send(message)
            return
        between = "" if event.HasField("artifact_update") or not self._pending else "\n"
        self._pending = (self._pending + between + message)[-MAX_PENDING_CHARACTERS:]
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush_later())

    async def finish(self) -> None:
        """Tell what waits: the result comes next."""
        self.drop()
        await self._flush()

    def drop(self) -> None:
        """Tell nothing more: the call was broken off, or is about to end."""
        if self._flusher is not None:
            self._flusher.cancel()
            self._flusher = None

    def _may_tell(self) -> bool:
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled) * PER_SECOND)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    async def _flush_later(self) -> None:
        await asyncio.sleep((1 - self._tokens) / PER_SECOND)
        self._may_tell()
        self._flusher = None
        with suppress(OSError):  # a client that has gone is told of elsewhere
            await self._flush()

    async def _flush(self) -> None:
        message, self._pending = self._pending, ""
        if message:
            await self._send(message)

    async def _send(self, message: str) -> None:
        self._count += 1
        await self._report(self._count, message)


def message_of(event: StreamResponse) -> str:
    """What `event` tells, in one line for a step, word for word for text, else nothing."""
    if event.HasField("artifact_update"):
        artifact = event.artifact_update.artifact
        return "" if is_from_peer(artifact) else text_of(list(artifact.parts))
    if event.HasField("status_update"):
        metadata: dict[str, Any] = MessageToDict(event.status_update.metadata)
        step = step_of(metadata)
        return line_of(step) if step else _said(event.status_update.status.message)
    return ""


def line_of(step: Step) -> str:
    """`concierge → researcher: knowledge_search (120 ms)`; a delegation says who asks whom for what."""
    who, what = " → ".join(step.path), step.name
    if step.kind in VERBS:
        what = f"{VERBS[step.kind]} {step.name}" + (f": {step.summary}" * bool(step.summary and step.phase == "start"))
    if step.phase == "start":
        return f"{who}: {what} …"
    took = f" ({step.ms} ms)" if step.ms is not None else ""
    return f"{who}: {what}{took}" + ("" if step.ok else " failed")


def _said(message: Message) -> str:
    return text_of(list(message.parts))
