"""What has become of a task, gathered from its events, as the command line tells it."""

import json
from collections.abc import Iterator, Sequence

from a2a.types import Artifact, Message, Part, StreamResponse, TaskState

from agentnet.cli.gateway.wire import content_of, kind_of, state_name
from agentnet.tasks.events import COMPLETED
from agentnet.tasks.parts import is_file
from agentnet.tasks.projection import Projection
from agentnet.tasks.steps import SOURCE, Step, step_of
from agentnet.tasks.values import struct_json, value_json


class Outcome:
    """Fed with events in their order; a task snapshot replaces what was known of the artifacts.

    `in_pieces` says how the asked server gives texts (see `agentnet.tasks.parts.keeps_pieces`).
    """

    def __init__(self, *, in_pieces: bool = True) -> None:
        self.heard = Projection(in_pieces=in_pieces)
        self.steps: dict[str, Step] = {}
        """The newest phase of each step, in the order in which they began."""

    @property
    def task_id(self) -> str:
        """Empty until it is known, and for an answer without a task."""
        return self.heard.task_id

    @property
    def context_id(self) -> str:
        """Empty until it is known."""
        return self.heard.context_id

    @property
    def said(self) -> str:
        """Text of the last status message: the question, the reason of a failure."""
        return self.heard.said

    @property
    def rests(self) -> bool:
        """Whether nothing more comes without the user."""
        return self.heard.rests

    @property
    def waits(self) -> bool:
        """Whether it waits for an answer."""
        return self.heard.asks

    @property
    def succeeded(self) -> bool:
        """Whether there is a result."""
        return self.heard.state == COMPLETED

    @property
    def refused(self) -> bool:
        """Whether the agent would not take the task."""
        return self.heard.state == TaskState.TASK_STATE_REJECTED

    @property
    def state_name(self) -> str:
        """Such as `completed`, `input-required`."""
        return state_name(self.heard.state) if self.heard.state else "unknown"

    def take(self, event: StreamResponse) -> Step | None:
        """Take an event; the step that it tells of, if it does."""
        self.heard.receive(event)
        if kind_of(event, "payload") != "status_update":
            return None
        step = step_of(struct_json(event.status_update.metadata))
        if step is not None:
            self.steps[step.id] = step
        return step

    def sent(self, message: Message) -> None:
        """The user has sent `message`."""
        self.heard.sent(message)

    @property
    def data(self) -> Part | None:
        """The result where it is one value for programs, and no words; None else."""
        return self.heard.data if self.succeeded else None

    def answer(self) -> str:
        """The result as Markdown: the texts and data of the agent's own artifacts, and what it says in the end.

        Why a task failed and what it asks are `said`, and told apart.
        """
        texts = [text_of(part) for artifact in self.heard.own_artifacts for part in artifact.parts]
        # Not the status of a task with data beside its words: that data is for programs.
        texts += map(text_of, reply) if (reply := self._reply()) else [self.heard.closing] * self.succeeded
        return "\n\n".join(filter(None, texts))

    def files(self) -> Iterator[tuple[Artifact, Part]]:
        """Every file, its artifact with it; those of what the agent says in the end come in one of that message."""
        for artifact in (*self.heard.sent_along, *self.heard.artifacts):
            for part in artifact.parts:
                if is_file(part):
                    yield artifact, part

    def _reply(self) -> Sequence[Part]:
        """The parts of an answer that came as a message without a task; its data is no aside for programs."""
        return () if self.task_id or not self.succeeded else self.heard.status.message.parts


def text_of(part: Part) -> str:
    """A part as Markdown; empty for a file."""
    kind = content_of(part)
    if kind == "text" and not part.filename:
        return part.text
    if kind == "data" and not part.filename:
        return f"```json\n{json.dumps(value_json(part.data), indent=2, ensure_ascii=False)}\n```"
    return ""


def source_of(artifact: Artifact) -> tuple[str, ...] | None:
    """The path of agents that passed an artifact on; None for the asked agent's own."""
    source = struct_json(artifact.metadata).get(SOURCE)
    if source is None:
        return None
    if isinstance(source, dict):
        source = source.get("path", ())
    return (source,) if isinstance(source, str) else tuple(str(name) for name in source)
