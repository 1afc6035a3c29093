"""What a task's events add up to. The one place that says what an event does to a task.

Applying an event costs the same whatever came before: streamed text is gathered in pieces and joined when the task is
asked for, and the history stands apart from the task, so that a snapshot does not carry it.
"""

from collections.abc import Iterable

from a2a.types.a2a_pb2 import Artifact, Message, StreamResponse, Task, TaskArtifactUpdateEvent, TaskState

from agentnet.tasks.events import SUBMITTED


class Projection:
    """A task as of its last applied event."""

    def __init__(self, task: Task | None = None, history: Iterable[Message] = ()) -> None:
        self.history: list[Message] = []
        """Messages, oldest first; the one in the current status is not among them."""
        self._begin(task or Task(), history)

    def _begin(self, task: Task, history: Iterable[Message] = ()) -> None:
        self._task = Task()
        self._task.CopyFrom(task)
        self.history = [*history, *task.history]
        self._task.ClearField("history")
        self._artifacts = {artifact.artifact_id: artifact for artifact in self._task.artifacts}
        self._tails: dict[str, list[str]] = {}

    @property
    def state(self) -> TaskState:
        """The state it is in."""
        return self._task.status.state

    def apply(self, event: StreamResponse) -> None:
        """Bring the task up to `event`.

        A new status moves the message of the old one into the history; a user's message sets the task to submitted.
        """
        match event.WhichOneof("payload"):
            case "artifact_update":
                self._apply_artifact(event.artifact_update)
            case "status_update":
                self._retire_status_message()
                self._task.status.CopyFrom(event.status_update.status)
            case "message":
                self._retire_status_message()
                self.history.append(event.message)
                self._task.status.state = SUBMITTED
            case "task":
                self._begin(event.task)
            case _:
                pass

    def task(self, history_length: int | None = None) -> Task:
        """A copy of the task with its last `history_length` messages, or all of them."""
        copy = self.snapshot()
        if history_length is None:
            copy.history.extend(self.history)
        elif history_length > 0:
            copy.history.extend(self.history[-history_length:])
        return copy

    def snapshot(self) -> Task:
        """A copy of the task without its history."""
        for artifact_id in list(self._tails):
            self._join(artifact_id)
        copy = Task()
        copy.CopyFrom(self._task)
        return copy

    def _retire_status_message(self) -> None:
        if self._task.status.HasField("message"):
            message = Message()
            message.CopyFrom(self._task.status.message)
            self.history.append(message)
            self._task.status.ClearField("message")

    def _apply_artifact(self, update: TaskArtifactUpdateEvent) -> None:
        artifact_id = update.artifact.artifact_id
        known = self._artifacts.get(artifact_id)
        if known is None:
            self._artifacts[artifact_id] = self._task.artifacts.add()
            self._artifacts[artifact_id].CopyFrom(update.artifact)
        elif not update.append:
            self._tails.pop(artifact_id, None)
            known.CopyFrom(update.artifact)
        else:
            self._append(known, update.artifact)

    def _append(self, artifact: Artifact, more: Artifact) -> None:
        for part in more.parts:
            last = artifact.parts[-1] if artifact.parts else None
            if (
                last is not None
                and last.HasField("text")
                and part.HasField("text")
                and last.media_type == part.media_type
                and last.metadata == part.metadata
            ):
                self._tails.setdefault(artifact.artifact_id, []).append(part.text)
            else:
                self._join(artifact.artifact_id)
                artifact.parts.append(part)
        if more.HasField("metadata"):
            artifact.metadata.MergeFrom(more.metadata)

    def _join(self, artifact_id: str) -> None:
        """Put the gathered text at the end of the artifact's last part: one text, not thousands of words."""
        pieces = self._tails.pop(artifact_id, None)
        if pieces:
            part = self._artifacts[artifact_id].parts[-1]
            part.text = "".join([part.text, *pieces])
