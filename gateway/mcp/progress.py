"""Progress of a call, told to the host while the agent works: its steps, and its words as they come."""

from collections.abc import Awaitable, Callable
from typing import Any

from a2a.types.a2a_pb2 import Message, StreamResponse
from google.protobuf.json_format import MessageToDict

from agentnet.steps import Step, step_of
from gateway.mcp.answer import is_from_peer, text_of

Report = Callable[[float, float | None, str | None], Awaitable[None]]


class Progress:
    """Turns events into progress notifications, counted from 1; their total is not known."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._count = 0

    async def tell(self, event: StreamResponse) -> None:
        """Report `event` if it tells of anything."""
        if message := message_of(event):
            self._count += 1
            await self._report(self._count, None, message)


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
    """`researcher: knowledge_search (120 ms)`."""
    if step.phase == "start":
        return f"{step.agent}: {step.name} …"
    took = f" ({step.ms} ms)" if step.ms is not None else ""
    return f"{step.agent}: {step.name}{took}" + ("" if step.ok else " failed")


def _said(message: Message) -> str:
    return text_of(list(message.parts))
