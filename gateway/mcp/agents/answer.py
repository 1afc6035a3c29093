"""What an agent said so far in a call, gathered from its A2A events, and the MCP result that it makes."""

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

from agentnet.tasks.events import INTERRUPTED_STATES, TERMINAL_STATES
from agentnet.tasks.steps import SOURCE
from gateway.mcp.agents.content import Contents, text_of

STATE_NAMES = {
    value.number: value.name.removeprefix("TASK_STATE_").lower().replace("_", "-")
    for value in DESCRIPTOR.enum_types_by_name["TaskState"].values
}
FAILED = TERMINAL_STATES - {TaskState.TASK_STATE_COMPLETED}
MAX_TEXT_CHARACTERS = 200_000
"""Of an answer's text, which stands in a result twice; hosts take little more."""


class Answer:
    """Feed it every event of one call of `agent`."""

    def __init__(self, agent: str, task_id: str = "") -> None:
        self._agent = agent
        self.task_id = task_id
        self.context_id = ""
        self.status = TaskStatus()
        self._said: list[Part] = []
        self._artifacts: dict[str, list[Part]] = {}

    @property
    def state(self) -> TaskState:
        """The task's."""
        return self.status.state

    @property
    def is_over(self) -> bool:
        """Whether the task has come to its end."""
        return self.state in TERMINAL_STATES

    @property
    def asks(self) -> bool:
        """Whether the task waits for an answer."""
        return self.state in INTERRUPTED_STATES

    @property
    def rests(self) -> bool:
        """Whether nothing more comes by itself."""
        return self.is_over or self.asks

    @property
    def text(self) -> str:
        """The answer: the text of its artifacts, or what the agent said last where there are none."""
        found = [text for parts in self._artifacts.values() if (text := text_of(parts))]
        return shortened("\n\n".join(found) or text_of(self._said))

    def reopen(self) -> None:
        """The task has been sent a message: what it asked is no longer asked."""
        self.status = TaskStatus()

    def feed(self, event: StreamResponse) -> None:
        """Take one event in."""
        if event.HasField("task"):
            self.take(event.task)
        elif event.HasField("status_update"):
            self._place(event.status_update.task_id, event.status_update.context_id)
            self._take_status(event.status_update.status)
        elif event.HasField("artifact_update"):
            self._place(event.artifact_update.task_id, event.artifact_update.context_id)
            self._take_artifact(event.artifact_update)
        elif event.HasField("message"):
            self._take_message(event.message)

    def take(self, task: Task) -> None:
        """Take in the task as it is, which is all there is to know."""
        self._place(task.id, task.context_id)
        self._take_status(task.status)
        self._artifacts = {
            artifact.artifact_id: list(artifact.parts) for artifact in task.artifacts if not is_from_peer(artifact)
        }

    def result(self) -> types.CallToolResult:
        """The tool's result: an error for a task that failed, the question for one that asks."""
        if self.state in FAILED:
            reason = text_of(self._said) or self.text or f"The task was {STATE_NAMES[self.state]}."
            return self._result([types.TextContent(text=reason)], reason, is_error=True)
        if self.asks:
            question = text_of(self._said) or "The agent needs more to go on."
            said = f"{question}\n\n(Call this tool again with task_id {self.task_id!r} and the answer as message.)"
            return self._result([types.TextContent(text=said)], question)
        if self.task_id and not self.is_over:
            said = f"The agent still works. Call this tool again with task_id {self.task_id!r} and an empty message."
            return self._result([types.TextContent(text=said)], self.text)
        return self._result(self._content(), self.text)

    def left(self, reason: str) -> types.CallToolResult:
        """The result of a call that ends while its task goes on: an error that says how to have the task's result."""
        said = f"{reason} Call this tool again with task_id {self.task_id!r} and an empty message."
        return self._result([types.TextContent(text=said)], self.text, is_error=True)

    def _result(self, content: list[types.ContentBlock], answer: str, is_error: bool = False) -> types.CallToolResult:
        structured = {
            "task_id": self.task_id,
            "context_id": self.context_id,
            "state": STATE_NAMES.get(self.state, "unspecified"),
            "answer": answer,
        }
        return types.CallToolResult(content=content, structured_content=structured, is_error=is_error)

    def _content(self) -> list[types.ContentBlock]:
        text, contents = self.text, Contents(self._agent, self.task_id)
        if text:
            contents.add_text(text)
        for identifier, parts in self._artifacts.items():
            for part in parts:
                contents.add(part, identifier)
        return contents.blocks or [types.TextContent(text="The agent is done and has nothing to say.")]

    def _take_status(self, status: TaskStatus) -> None:
        self.status = status
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
        self.status = TaskStatus(state=TaskState.TASK_STATE_COMPLETED)
        self._said = list(message.parts)

    def _place(self, task_id: str, context_id: str) -> None:
        self.task_id = task_id or self.task_id
        self.context_id = context_id or self.context_id


def is_from_peer(artifact: Artifact) -> bool:
    """Whether a delegation passed it on: then it is not the agent's own answer."""
    return SOURCE in artifact.metadata


def shortened(text: str) -> str:
    """`text` as far as a result holds it."""
    if len(text) <= MAX_TEXT_CHARACTERS:
        return text
    return f"{text[:MAX_TEXT_CHARACTERS]}\n\n(Cut at {MAX_TEXT_CHARACTERS} of {len(text)} characters.)"
