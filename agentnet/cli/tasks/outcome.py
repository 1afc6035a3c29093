"""What has become of a task, gathered from its events."""

import json
from dataclasses import dataclass, field
from typing import Any

from a2a.types import Artifact, Message, Part, StreamResponse, Task, TaskArtifactUpdateEvent, TaskState, TaskStatus

from agentnet.cli.gateway.wire import as_dict, as_value, content_of, kind_of, state_name
from agentnet.tasks.steps import SOURCE, Step, step_of

WAITING = frozenset({TaskState.TASK_STATE_INPUT_REQUIRED, TaskState.TASK_STATE_AUTH_REQUIRED})
ENDED = frozenset(
    {
        TaskState.TASK_STATE_COMPLETED,
        TaskState.TASK_STATE_FAILED,
        TaskState.TASK_STATE_CANCELED,
        TaskState.TASK_STATE_REJECTED,
    }
)


@dataclass(slots=True)
class Outcome:
    """Fed with events in their order; a task snapshot replaces what was known of the artifacts."""

    task_id: str = ""
    context_id: str = ""
    state: TaskState = TaskState.TASK_STATE_UNSPECIFIED
    said: str = ""
    """Text of the last status message: the question, the reason of a failure."""
    reply: list[Part] = field(default_factory=list[Part])
    """Parts of an answer that came as a message without a task."""
    artifacts: dict[str, Artifact] = field(default_factory=dict[str, Artifact])
    steps: dict[str, Step] = field(default_factory=dict[str, Step])
    """The newest phase of each step, in the order in which they began."""

    @property
    def rests(self) -> bool:
        """Whether nothing more comes without the user."""
        return self.state in ENDED or self.state in WAITING or bool(self.reply)

    @property
    def waits(self) -> bool:
        """Whether it waits for an answer."""
        return self.state in WAITING

    @property
    def succeeded(self) -> bool:
        """Whether there is a result."""
        return self.state == TaskState.TASK_STATE_COMPLETED or bool(self.reply)

    @property
    def state_name(self) -> str:
        """Such as `completed`, `input-required`."""
        return state_name(self.state) if self.state else ("completed" if self.reply else "unknown")

    def take(self, event: StreamResponse) -> Step | None:
        """Take an event; the step that it tells of, if it does."""
        kind = kind_of(event, "payload")
        if kind == "task":
            self._take_task(event.task)
        elif kind == "message":
            self._take_message(event.message)
        elif kind == "artifact_update":
            self._take_artifact(event.artifact_update)
        elif kind == "status_update":
            update = event.status_update
            self._name(update.task_id, update.context_id)
            self._take_status(update.status)
            return self._take_step(as_dict(update.metadata))
        return None

    def answer(self) -> str:
        """The result as Markdown: the texts and data of the agent's own artifacts."""
        parts = list(self.reply)
        for artifact in self.artifacts.values():
            if source_of(artifact) is None:
                parts += artifact.parts
        texts = [text for text in map(text_of, parts) if text]
        return "\n\n".join(texts) or (self.said if self.succeeded else "")

    def _name(self, task_id: str, context_id: str) -> None:
        self.task_id = task_id or self.task_id
        self.context_id = context_id or self.context_id

    def _take_task(self, task: Task) -> None:
        self._name(task.id, task.context_id)
        self._take_status(task.status)
        self.artifacts = {artifact.artifact_id: artifact for artifact in task.artifacts}

    def _take_message(self, message: Message) -> None:
        self._name(message.task_id, message.context_id)
        self.reply = list(message.parts)

    def _take_status(self, status: TaskStatus) -> None:
        self.state = status.state
        # data beside the text is for programs
        self.said = "\n\n".join(part.text for part in status.message.parts if part.text)

    def _take_artifact(self, update: TaskArtifactUpdateEvent) -> None:
        self._name(update.task_id, update.context_id)
        known = self.artifacts.get(update.artifact.artifact_id)
        if known is None or not update.append:
            self.artifacts[update.artifact.artifact_id] = update.artifact
            return
        for part in update.artifact.parts:
            _append(known, part)

    def _take_step(self, metadata: dict[str, Any]) -> Step | None:
        step = step_of(metadata)
        if step is not None:
            self.steps[step.id] = step
        return step


def _append(artifact: Artifact, part: Part) -> None:
    """A chunk of text continues the text before it."""
    last = artifact.parts[-1] if artifact.parts else None
    if last is not None and content_of(part) == content_of(last) == "text" and not last.filename:
        last.text += part.text
    else:
        artifact.parts.append(part)


def text_of(part: Part) -> str:
    """A part as Markdown; empty for a file."""
    kind = content_of(part)
    if kind == "text" and not part.filename:
        return part.text
    if kind == "data" and not part.filename:
        return f"```json\n{json.dumps(as_value(part.data), indent=2, ensure_ascii=False)}\n```"
    return ""


def source_of(artifact: Artifact) -> tuple[str, ...] | None:
    """The path of agents that passed an artifact on; None for the asked agent's own."""
    source = as_dict(artifact.metadata).get(SOURCE)
    if source is None:
        return None
    if isinstance(source, dict):
        source = source.get("path", ())
    return (source,) if isinstance(source, str) else tuple(str(name) for name in source)
