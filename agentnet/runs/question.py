"""Questions: what a run stops for until somebody answers, and how the answer finds its way back.

A question is journaled with the key of the call that asks; the run rests as `input-required`, holding no memory. The
next message is journaled as its answer, the run is replayed, and the call that asked goes on with it.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from a2a.types.a2a_pb2 import Message, Part, TaskState
from google.protobuf.struct_pb2 import Value

from agentnet.tasks.run import TaskRun
from agentnet.tasks.values import value_json

ASKED = "asked/"
ANSWER = "answer/"


@dataclass(frozen=True, slots=True)
class Question:
    """A question to whoever sent the task."""

    key: str
    """The call that asks, unique in the run."""
    text: str
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    """For programs: kind, tool, arguments, path of agents, as far as they apply."""
    state: TaskState = TaskState.TASK_STATE_INPUT_REQUIRED

    def parts(self) -> list[Part]:
        """The question as message parts: text for people, data for programs."""
        parts = [Part(text=self.text)]
        if self.data:
            value = Value()
            value.struct_value.update(self.data)
            parts.append(Part(data=value))
        return parts


async def remember(run: TaskRun, question: Question) -> None:
    """Journal that `question` is asked."""
    await run.journal(ASKED + question.key, json.dumps(asdict(question)).encode())


def answer_to(run: TaskRun, key: str) -> Message | None:
    """The answer to the question that the call `key` asked."""
    value = run.leased.journal.get(ANSWER + key)
    return Message.FromString(value) if value is not None else None


def answered_message_ids(run: TaskRun) -> set[str]:
    """Messages that were answers, and so are no new requests."""
    journal = run.leased.journal
    return {Message.FromString(value).message_id for key, value in journal.items() if key.startswith(ANSWER)}


async def take_answer(run: TaskRun, messages: list[Message]) -> None:
    """Journal the first of `messages`, none of which is an answer yet, as the answer to the open question, if any."""
    journal = run.leased.journal
    unanswered = [
        key[len(ASKED) :] for key in journal if key.startswith(ASKED) and ANSWER + key[len(ASKED) :] not in journal
    ]
    if unanswered and messages:  # one question is open at a time: the run rests with the first
        await run.journal(ANSWER + unanswered[0], messages[0].SerializeToString())


def text_of(message: Message) -> str:
    """The texts of a message, and its data as JSON."""
    texts: list[str] = []
    for part in message.parts:
        if part.HasField("text"):
            texts.append(part.text)
        elif part.HasField("data"):
            texts.append(json.dumps(value_json(part.data), ensure_ascii=False))
    return "\n".join(texts)


def data_of(message: Message) -> dict[str, Any]:
    """The first data part that is an object; empty if there is none."""
    for part in message.parts:
        if part.HasField("data"):
            value = value_json(part.data)
            if isinstance(value, dict):
                return value
    return {}
