"""What a task's events add up to. The one place that says what an event does to a task.

The engine applies the events of its log; whoever asks an agent (a delegation, the MCP endpoint, the command line)
receives those of its stream, and reads here what the agent said. Applying an event costs the same whatever came before:
streamed text is gathered in pieces and joined when the task is asked for, and the history stands apart from the task,
so that a snapshot does not carry it.
"""

import json
import re
from collections.abc import Iterable, Sequence

from a2a.types.a2a_pb2 import (
    Artifact,
    Message,
    Part,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)

from agentnet.tasks.events import COMPLETED, INTERRUPTED_STATES, SUBMITTED, TERMINAL_STATES
from agentnet.tasks.parts import continues, is_file, joined, text_of, words_of
from agentnet.tasks.steps import ANSWER, SOURCE
from agentnet.tasks.values import value_json


class Projection:
    """A task as of its last applied event.

    Parts stay as they came, but that a chunk goes on with the text before it. Of a server that gives texts `in_pieces`
    (see `keeps_pieces`), the neighbouring texts of an artifact in a whole task are taken for such chunks.
    """

    def __init__(self, task: Task | None = None, history: Iterable[Message] = (), *, in_pieces: bool = False) -> None:
        self.in_pieces = in_pieces
        self.history: list[Message] = []
        """Messages, oldest first; the one in the current status is not among them."""
        self.woken_by = ""
        """Id of the message that came last while it waited for an answer."""
        self._begin(task or Task(), history)

    def _begin(self, task: Task, history: Iterable[Message] = ()) -> None:
        self.history = [*history, *task.history]
        self._task = Task(id=task.id, context_id=task.context_id, artifacts=task.artifacts)  # the history is not copied
        if task.HasField("status"):
            self._task.status.CopyFrom(task.status)
        if task.HasField("metadata"):
            self._task.metadata.CopyFrom(task.metadata)
        if self.in_pieces:
            for artifact in self._task.artifacts:
                whole = list(joined(artifact.parts))
                del artifact.parts[:]
                artifact.parts.extend(whole)
        # By id: to look through the list at each chunk would cost the number of artifacts. protobuf keeps references to
        # its messages alive while the list grows.
        self._artifacts = {artifact.artifact_id: artifact for artifact in self._task.artifacts}
        self._tails: dict[str, list[str]] = {}

    @property
    def task_id(self) -> str:
        """The task's id; empty while it is not known, and where the agent answered without a task."""
        return self._task.id

    @property
    def context_id(self) -> str:
        """The context's id, once known."""
        return self._task.context_id

    @property
    def status(self) -> TaskStatus:
        """The status it is in, not to be changed."""
        return self._task.status

    @property
    def state(self) -> TaskState:
        """The state it is in."""
        return self._task.status.state

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end."""
        return self.state in TERMINAL_STATES

    @property
    def asks(self) -> bool:
        """Whether it waits for an answer."""
        return self.state in INTERRUPTED_STATES

    @property
    def rests(self) -> bool:
        """Whether nothing more comes by itself."""
        return self.is_over or self.asks

    @property
    def artifacts(self) -> Sequence[Artifact]:
        """All artifacts, in the order of a snapshot; not to be changed.

        Reading them joins what was gathered, which costs their size: for the end of a stream, not for every chunk.
        """
        self._join_all()
        return sorted(self._task.artifacts, key=_rank)

    @property
    def own_artifacts(self) -> list[Artifact]:
        """Those of the agent's own making: its answer."""
        return [artifact for artifact in self.artifacts if SOURCE not in artifact.metadata]

    @property
    def text(self) -> str:
        """The texts of its own artifacts, a paragraph each."""
        return "\n\n".join(text for artifact in self.own_artifacts if (text := text_of(artifact.parts)))

    @property
    def answer(self) -> str:
        """Its words for whoever asked: the texts of its own artifacts, and behind them what it says in the end."""
        return "\n\n".join(filter(None, (self.text, self.closing)))

    @property
    def data(self) -> Part | None:
        """Its answer where that is one value, for programs, and no words; None else."""
        if self.answer:
            return None
        found = [(artifact, part) for artifact in self.own_artifacts for part in artifact.parts if _is_value(part)]
        answers = [part for artifact, part in found if artifact.artifact_id.startswith(ANSWER)]
        if answers:
            return answers[-1]
        return found[0][1] if len(found) == 1 else None

    @property
    def answer_or_data(self) -> str:
        """Its words; where it has none but one value, that as JSON."""
        data = self.data
        # Sorted: protobuf keeps the fields of an object in no order, and it is not the same in each process.
        return self.answer if data is None else json.dumps(value_json(data.data), ensure_ascii=False, sort_keys=True)

    @property
    def closing(self) -> str:
        """What it says where it rests, be it an end, a reason or a question; empty where its artifacts say it too."""
        said = self.said if self.rests else ""
        # Whole words: "on" does not stand in "none".
        repeated = re.search(rf"(?<!\w){re.escape(said.strip())}(?!\w)", self.text) if said else None
        return "" if repeated else said

    @property
    def sent_along(self) -> list[Artifact]:
        """The files of the message that it ended with as an artifact under the message's id, if there are any.

        With the data of an answer without a task: beside a task they are an aside for programs.
        """
        if not self.is_over or not self._task.status.HasField("message"):
            return []
        message = self._task.status.message
        parts = [part for part in message.parts if is_file(part) or (part.HasField("data") and not self.task_id)]
        return [Artifact(artifact_id=message.message_id, parts=parts)] if parts else []

    @property
    def said(self) -> str:
        """What the agent says in its status: a question, why it failed, or an answer that needed no artifact."""
        return words_of(self._task.status.message)

    def is_from_peer(self, artifact_id: str) -> bool:
        """Whether a delegation passed it on. Only its first chunk says so: later ones bring no metadata."""
        artifact = self._artifacts.get(artifact_id)
        return artifact is not None and SOURCE in artifact.metadata

    def receive(self, event: StreamResponse) -> None:
        """Bring the task up to `event` of an agent's stream (A2A 1.0, section 3.1.2).

        There a message is the agent's whole answer, in place of a task; and where a stream was joined late, or its
        server never shows the task itself, the updates tell whose they are.
        """
        match event.WhichOneof("payload"):
            case "message":
                self._belong_to(event.message)
                self._task.status.CopyFrom(TaskStatus(state=COMPLETED, message=event.message))
            case "status_update":
                self._belong_to(event.status_update)
                self.apply(event)
            case "artifact_update":
                self._belong_to(event.artifact_update)
                self.apply(event)
            case _:
                self.apply(event)

    def sent(self, message: Message) -> None:
        """Its user has sent `message`: what it asked is no longer asked."""
        self.apply(StreamResponse(message=message))

    def _belong_to(self, told: Message | TaskStatusUpdateEvent | TaskArtifactUpdateEvent) -> None:
        if told.task_id:
            self._task.id = told.task_id
        if told.context_id:
            self._task.context_id = told.context_id

    def apply(self, event: StreamResponse) -> None:
        """Bring the task up to `event` of its log.

        A new status moves the message of the old one into the history; a user's message sets the task to submitted.
        """
        match event.WhichOneof("payload"):
            case "artifact_update":
                self._apply_artifact(event.artifact_update)
            case "status_update":
                self._retire_status_message()
                self._task.status.CopyFrom(event.status_update.status)
            case "message":
                if self.asks:
                    self.woken_by = event.message.message_id
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
        copy.history.extend(self.last(history_length))
        return copy

    def last(self, history_length: int | None = None) -> list[Message]:
        """So many of its last messages, or all of them."""
        if history_length is None:
            return self.history
        return self.history[-history_length:] if history_length > 0 else []

    def snapshot(self) -> Task:
        """A copy of the task without its history, the agent's answer before what it was made of."""
        self._join_all()
        copy = Task()
        copy.CopyFrom(self._task)
        if len(copy.artifacts) > 1:  # what was passed on begins before the answer does (issue 10)
            copy.artifacts.sort(key=_rank)
        return copy

    def _retire_status_message(self) -> None:
        if self._task.status.HasField("message"):
            # As a2a-sdk's TaskManager does it: clients look for what was said before in the history.
            message = Message()
            message.CopyFrom(self._task.status.message)
            self.history.append(message)
            self._task.status.ClearField("message")

    def _apply_artifact(self, update: TaskArtifactUpdateEvent) -> None:
        artifact_id = update.artifact.artifact_id
        known = self._artifacts.get(artifact_id)
        if known is None:
            # Even if it says `append`: a2a-sdk refuses that (A2A 1.0, section 4.2.2) and loses what the chunk brings.
            self._artifacts[artifact_id] = self._task.artifacts.add()
            self._artifacts[artifact_id].CopyFrom(update.artifact)
        elif not update.append:
            # What was gathered belongs to what is replaced.
            self._tails.pop(artifact_id, None)
            known.CopyFrom(update.artifact)
        else:
            self._append(known, update.artifact)

    def _append(self, artifact: Artifact, more: Artifact) -> None:
        for number, part in enumerate(more.parts):
            # Gathered, not added to the text: protobuf copies the whole of it, for 5,000 chunks 5,000 times (issue 9).
            # Only a chunk's first part goes on with what was there: those that came together are apart.
            if number == 0 and artifact.parts and continues(artifact.parts[-1], part):
                self._tails.setdefault(artifact.artifact_id, []).append(part.text)
            else:
                self._join(artifact.artifact_id)
                artifact.parts.append(part)
        # Merged: only the first chunk tells whose the artifact is, and later ones may bring other keys (issue 10).
        if more.HasField("metadata"):
            artifact.metadata.MergeFrom(more.metadata)

    def _join_all(self) -> None:
        for artifact_id in list(self._tails):
            self._join(artifact_id)

    def _join(self, artifact_id: str) -> None:
        """Put the gathered text at the end of the artifact's last part: one text, not thousands of words."""
        pieces = self._tails.pop(artifact_id, None)
        if pieces:
            part = self._artifacts[artifact_id].parts[-1]
            part.text = "".join([part.text, *pieces])


def _is_value(part: Part) -> bool:
    return part.HasField("data") and not is_file(part)


def _rank(artifact: Artifact) -> int:
    """The answer, then what else is of the agent's making, then its peers'; each in the order in which it began."""
    if artifact.HasField("metadata") and SOURCE in artifact.metadata:
        return 2
    return 0 if artifact.artifact_id.startswith(ANSWER) else 1
