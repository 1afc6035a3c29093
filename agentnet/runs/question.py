"""Questions: what a run stops for until somebody answers, and how the answer finds its way back.

A question is journaled with the key of the call that asks; the run rests as `input-required`, holding no memory. The
message that wakes it is journaled as its answer, the run is replayed, and the call that asked goes on with it. No other
message is: what came while the task worked was said by somebody who had not read the question.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from a2a.types.a2a_pb2 import Message, Part, TaskState
from google.protobuf.struct_pb2 import Value

from agentnet.tasks.events import QUESTION_ID, ROLE_AGENT, question_id
from agentnet.tasks.run import TaskRun
from agentnet.tasks.values import value_json

ASKED = "asked/"
ANSWER = "answer/"
ASTRAY = "astray/"
"""Of messages that named another question than the one that was open."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question to whoever sent the task."""

    key: str
    """The call that asks, unique in the run."""
    text: str
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    """For programs: kind, tool, arguments, path of agents, as far as they apply."""
    state: TaskState = TaskState.TASK_STATE_INPUT_REQUIRED

    def parts(self, run: TaskRun) -> list[Part]:
        """The question as message parts: text for people, data for programs."""
        value = Value()
        value.struct_value.update({**self.data, QUESTION_ID: _id_of(run, self.key, self.data)})
        text = ANOTHER + self.text if ASTRAY + run.leased.projection.woken_by in run.leased.journal else self.text
        return [Part(text=text), Part(data=value)]


ANOTHER = "The last message named another question than this one, and was not taken for an answer. "


async def remember(run: TaskRun, question: Question) -> None:
    """Journal that `question` is asked."""
    await run.journal(ASKED + question.key, json.dumps(asdict(question)).encode())


def answer_to(run: TaskRun, key: str) -> Message | None:
    """The answer to the question that the call `key` asked."""
    value = run.leased.journal.get(ANSWER + key)
    return Message.FromString(value) if value is not None else None


def answered_message_ids(run: TaskRun) -> set[str]:
    """Messages that were answers, if to another question, and so are no new requests."""
    journal = run.leased.journal
    answers = {Message.FromString(value).message_id for key, value in journal.items() if key.startswith(ANSWER)}
    return answers | {key.removeprefix(ASTRAY) for key in journal if key.startswith(ASTRAY)}


async def take_answer(run: TaskRun, messages: list[Message]) -> None:
    """Journal the one of `messages`, none of which is an answer yet, that woke the task as the answer to what it asked.

    One that names another question is put aside: its sender has not seen this one.
    """
    journal = run.leased.journal
    unanswered = {
        key.removeprefix(ASKED): value
        for key, value in journal.items()
        if key.startswith(ASKED) and ANSWER + key.removeprefix(ASKED) not in journal
    }
    woken_by = run.leased.projection.woken_by
    answer = next((message for message in messages if woken_by and message.message_id == woken_by), None)
    if answer is None or not unanswered:
        return
    ids = {key: _id_of(run, key, json.loads(value).get("data", {})) for key, value in unanswered.items()}
    key = _put(run, answer, ids)
    named = question_id(answer)
    if named and named != ids[key]:
        await run.journal(ASTRAY + answer.message_id, b"")
    else:
        await run.journal(ANSWER + key, answer.SerializeToString())


def _put(run: TaskRun, answer: Message, ids: Mapping[str, str]) -> str:
    """The key of the question that was open when `answer` came, of those in `ids`.

    By the log: a run that died before it rested may have remembered one question, and its replay have put another.
    """
    history = run.leased.projection.history
    came = next(number for number, message in enumerate(history) if message.message_id == answer.message_id)
    asked = next((question_id(message) for message in reversed(history[:came]) if message.role == ROLE_AGENT), "")
    return next((key for key, known in ids.items() if known == asked), [*ids][-1])


def _id_of(run: TaskRun, key: str, data: Mapping[str, Any]) -> str:
    """A question's id, the same at each look; a peer's question has the peer's, which gets the answer as it is."""
    known = data.get(QUESTION_ID)
    return known if known and isinstance(known, str) else str(uuid.uuid5(run.lease.task_id, key))


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
