"""What an agent said so far in a call, gathered from its A2A events, and the MCP result that it makes."""

import base64
import json
from typing import Any

import mcp_types as types
from a2a.types.a2a_pb2 import (
    DESCRIPTOR,
    Artifact,
    Message,
    Part,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
)
from google.protobuf.json_format import MessageToDict

from agentnet.steps import SOURCE

STATE_NAMES = {
    value.number: value.name.removeprefix("TASK_STATE_").lower().replace("_", "-")
    for value in DESCRIPTOR.enum_types_by_name["TaskState"].values
}
ASKING = frozenset({TaskState.TASK_STATE_INPUT_REQUIRED, TaskState.TASK_STATE_AUTH_REQUIRED})
FAILED = frozenset({TaskState.TASK_STATE_FAILED, TaskState.TASK_STATE_REJECTED, TaskState.TASK_STATE_CANCELED})
OVER = FAILED | {TaskState.TASK_STATE_COMPLETED}


class Answer:
    """Feed it every event of one call."""

    def __init__(self) -> None:
        self.task_id = ""
        self.context_id = ""
        self.state: int = TaskState.TASK_STATE_UNSPECIFIED
        self._said: list[Part] = []
        self._artifacts: dict[str, list[Part]] = {}

    @property
    def is_over(self) -> bool:
        """Whether the task has come to its end."""
        return self.state in OVER

    @property
    def text(self) -> str:
        """The answer: the text of its artifacts, or what the agent said last where there are none."""
        found = [text for parts in self._artifacts.values() if (text := text_of(parts))]
        return "\n\n".join(found) or text_of(self._said)

    def feed(self, event: StreamResponse) -> None:
        """Take one event in."""
        if event.HasField("task"):
            self._take_task(event.task)
        elif event.HasField("status_update"):
            self._place(event.status_update.task_id, event.status_update.context_id)
            self._take_status(event.status_update.status)
        elif event.HasField("artifact_update"):
            self._place(event.artifact_update.task_id, event.artifact_update.context_id)
            self._take_artifact(event.artifact_update)
        elif event.HasField("message"):
            self._take_message(event.message)

    def result(self) -> types.CallToolResult:
        """The tool's result: an error for a task that failed, the question for one that asks."""
        if self.state in FAILED:
            reason = text_of(self._said) or self.text or f"The task was {STATE_NAMES[self.state]}."
            return self._result([types.TextContent(text=reason)], reason, is_error=True)
        if self.state in ASKING:
            question = text_of(self._said) or "The agent needs more to go on."
            said = f"{question}\n\n(Call this tool again with task_id {self.task_id!r} and the answer as message.)"
            return self._result([types.TextContent(text=said)], question)
        return self._result(self._content(), self.text)

    def _result(self, content: list[types.ContentBlock], answer: str, is_error: bool = False) -> types.CallToolResult:
        structured = {
            "task_id": self.task_id,
            "context_id": self.context_id,
            "state": STATE_NAMES.get(self.state, "unspecified"),
            "answer": answer,
        }
        return types.CallToolResult(content=content, structured_content=structured, is_error=is_error)

    def _content(self) -> list[types.ContentBlock]:
        blocks: list[types.ContentBlock] = [types.TextContent(text=self.text)] if self.text else []
        for identifier, parts in self._artifacts.items():
            blocks += [block for part in parts if (block := block_of(part, f"{self.task_id}/{identifier}"))]
        return blocks or [types.TextContent(text="The agent is done and has nothing to say.")]

    def _take_task(self, task: Task) -> None:
        self._place(task.id, task.context_id)
        self._take_status(task.status)
        for artifact in task.artifacts:
            if not is_from_peer(artifact):
                self._artifacts[artifact.artifact_id] = list(artifact.parts)

    def _take_status(self, status: TaskStatus) -> None:
        self.state = status.state
        if status.HasField("message"):
            self._said = list(status.message.parts)

    def _take_artifact(self, event: TaskArtifactUpdateEvent) -> None:
        artifact = event.artifact
        if is_from_peer(artifact):
            return
        kept = self._artifacts.get(artifact.artifact_id, []) if event.append else []
        self._artifacts[artifact.artifact_id] = [*kept, *artifact.parts]

    def _take_message(self, message: Message) -> None:
        self._place(message.task_id, message.context_id)
        self.state = TaskState.TASK_STATE_COMPLETED
        self._said = list(message.parts)

    def _place(self, task_id: str, context_id: str) -> None:
        self.task_id = task_id or self.task_id
        self.context_id = context_id or self.context_id


def is_from_peer(artifact: Artifact) -> bool:
    """Whether a delegation passed it on: then it is not the agent's own answer."""
    return SOURCE in artifact.metadata


def text_of(parts: list[Part]) -> str:
    """The text of the text parts; chunks of one stream follow each other without a break."""
    return "".join(part.text for part in parts if part.HasField("text"))


def block_of(part: Part, place: str) -> types.ContentBlock | None:
    """A part that is not text as MCP content; `place` names it where it has no name."""
    name = part.filename or "file"
    if part.HasField("raw"):
        data = base64.b64encode(part.raw).decode()
        if part.media_type.startswith("image/"):
            return types.ImageContent(data=data, mime_type=part.media_type)
        uri = f"agentnet-artifact:{place}/{name}"
        return types.EmbeddedResource(
            resource=types.BlobResourceContents(uri=uri, mime_type=part.media_type or None, blob=data)
        )
    if part.HasField("url"):
        return types.ResourceLink(name=name, uri=part.url, mime_type=part.media_type or None)
    if part.HasField("data"):
        value: Any = MessageToDict(part.data)
        return types.TextContent(text=json.dumps(value, ensure_ascii=False))
    return None
