"""The events of a task, their kinds and the states they bring.

An event is an A2A StreamResponse: the task itself (always and only the first), a user's message, a status update or an
artifact update. What an event does to a task is said in projection.py.
"""

import time
from datetime import UTC, datetime, timedelta

from a2a.types.a2a_pb2 import (
    Message,
    Part,
    Role,
    StreamResponse,
    Task,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from google.protobuf.timestamp_pb2 import Timestamp

from agentnet.ids import new_id
from agentnet.tasks.steps import STEPS
from agentnet.tasks.values import value_json

TERMINAL_STATES = frozenset(
    {
        TaskState.TASK_STATE_COMPLETED,
        TaskState.TASK_STATE_FAILED,
        TaskState.TASK_STATE_CANCELED,
        TaskState.TASK_STATE_REJECTED,
    }
)
INTERRUPTED_STATES = frozenset({TaskState.TASK_STATE_INPUT_REQUIRED, TaskState.TASK_STATE_AUTH_REQUIRED})
RESTING_STATES = TERMINAL_STATES | INTERRUPTED_STATES

SUBMITTED = TaskState.TASK_STATE_SUBMITTED
WORKING = TaskState.TASK_STATE_WORKING
COMPLETED = TaskState.TASK_STATE_COMPLETED
FAILED = TaskState.TASK_STATE_FAILED
CANCELED = TaskState.TASK_STATE_CANCELED
INPUT_REQUIRED = TaskState.TASK_STATE_INPUT_REQUIRED
ROLE_USER = Role.ROLE_USER
ROLE_AGENT = Role.ROLE_AGENT
"""Read once: protobuf looks an enum's members up by name each time."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TASK_FIELD = StreamResponse.DESCRIPTOR.fields_by_name["task"].number

QUESTION_ID = "question_id"
"""In the data of a question, and of an answer that says which question it answers."""
QUESTION_META = "agentnet.dev/question_id"
"""The same as metadata of an answer in words."""

KIND_TASK = 1
KIND_MESSAGE = 2
KIND_STATUS = 3
KIND_STATUS_WITH_MESSAGE = 4
KIND_ARTIFACT = 5
KIND_STEP = 6
"""A status that tells of a step and of nothing else: streamed and stored like any other, but never pushed."""


def now_timestamp() -> Timestamp:
    """This moment, in microseconds. Only ever shown to people: leases go by the database's clock."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return Timestamp(seconds=seconds, nanos=nanoseconds // 1000 * 1000)  # PostgreSQL keeps no more


def moment_of(timestamp: Timestamp) -> datetime:
    """As `Timestamp.ToDatetime(UTC)`, for a third of its price."""
    return EPOCH + timedelta(seconds=timestamp.seconds, microseconds=timestamp.nanos // 1000)


def submitted(task_id: str, context_id: str, message: Message) -> Task:
    """The task that `message` begins."""
    status = TaskStatus(state=SUBMITTED, timestamp=now_timestamp())
    return Task(id=task_id, context_id=context_id, status=status, history=[message])


def task_event(task: Task) -> bytes:
    """The stored event of `task`: `StreamResponse(task=task)` as bytes, for which the task is not copied."""
    return _framed(_TASK_FIELD, task.SerializeToString())


def status_update(task: Task, state: TaskState, message: Message | None = None) -> StreamResponse:
    """A status event of `task`, stamped now."""
    status = TaskStatus(state=state, message=message, timestamp=now_timestamp())
    return StreamResponse(
        status_update=TaskStatusUpdateEvent(task_id=task.id, context_id=task.context_id, status=status)
    )


def agent_message(task: Task, text: str) -> Message:
    """A message of the agent's, for a status."""
    return Message(
        message_id=new_id(),
        role=ROLE_AGENT,
        task_id=task.id,
        context_id=task.context_id,
        parts=[Part(text=text)],
    )


def question_id(message: Message) -> str:
    """The question that `message` asks, or says that it answers; empty where it names none."""
    if QUESTION_META in message.metadata.fields:
        return message.metadata.fields[QUESTION_META].string_value
    for part in message.parts:
        if part.HasField("data") and QUESTION_ID in part.data.struct_value.fields:
            return str(value_json(part.data.struct_value.fields[QUESTION_ID]) or "")
    return ""


def failed(task: Task, reason: str) -> StreamResponse:
    """The event that ends `task` as failed, with the reason in words for people."""
    return status_update(task, FAILED, agent_message(task, reason))


def kind_of(event: StreamResponse) -> int:
    """Which of the kinds `event` is."""
    match event.WhichOneof("payload"):
        case "task":
            return KIND_TASK
        case "message":
            return KIND_MESSAGE
        case "status_update":
            return _kind_of_status(event.status_update)
        case _:
            return KIND_ARTIFACT


def _kind_of_status(update: TaskStatusUpdateEvent) -> int:
    if update.status.HasField("message"):
        return KIND_STATUS_WITH_MESSAGE
    is_step = update.status.state == WORKING and STEPS in update.metadata
    return KIND_STEP if is_step else KIND_STATUS


def state_of(event: StreamResponse) -> TaskState | None:
    """The state that `event` brings the task into, or None if it brings none."""
    match event.WhichOneof("payload"):
        case "status_update":
            return event.status_update.status.state
        case "task":
            return event.task.status.state
        case "message":
            return SUBMITTED  # a user's word wakes a task that waited for it: RESUME in sql.py writes the same
        case _:
            return None


def bare_answer(status: TaskStatus) -> Message | None:
    """The message that is an agent's whole answer, in place of a task (A2A 1.0 section 3.1.1); it names no task."""
    if status.state == COMPLETED and status.HasField("message") and not status.message.task_id:
        return status.message
    return None


def messages_of(event: StreamResponse) -> list[Message]:
    """The messages that `event` adds to the history, sooner or later."""
    match event.WhichOneof("payload"):
        case "task":
            return list(event.task.history)
        case "message":
            return [event.message]
        case "status_update" if event.status_update.status.HasField("message"):
            return [event.status_update.status.message]
        case _:
            return []


def _framed(field: int, message: bytes) -> bytes:
    """A message that holds nothing but `message` in `field` (protobuf's encoding: a tag, a length, the bytes)."""
    length, left = bytearray([field << 3 | 2]), len(message)
    while left > 0x7F:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    length.append(left)
    return bytes(length) + message
