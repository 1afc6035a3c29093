"""What an executor says is checked: what can be put right is, all else fails its task with what was wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events.event_queue import EventQueue
from a2a.types.a2a_pb2 import (
    Artifact,
    Message,
    Part,
    Role,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)

from agentnet.tasks.output import (
    MAX_JSON_DEPTH,
    MAX_JSON_VALUES,
    MAX_MESSAGE_BYTES,
    MAX_PARTS,
    MAX_TEXT_CHARACTERS,
    is_media_type,
)
from tests.integration.tasks.replicas import context, replicas, request

pytestmark = pytest.mark.anyio

MAX_FILE_BYTES = 1000
COMPLETED, FAILED = TaskState.TASK_STATE_COMPLETED, TaskState.TASK_STATE_FAILED
WORKING = TaskState.TASK_STATE_WORKING


class Says(AgentExecutor):
    """Says `events`, one after the other."""

    def __init__(self, *events: Any) -> None:
        self._events = events

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        for event in self._events:
            await event_queue.enqueue_event(event)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        pass


async def said(database_url: str, *events: Any) -> Task:
    async with replicas(database_url, Says(*events), max_file_bytes=MAX_FILE_BYTES) as [one]:
        answer = await one.handler.on_message_send(request("go"), context())
        assert isinstance(answer, Task)
        return answer


def artifact(part: Part, *more: Part, append: bool = False, **fields: Any) -> TaskArtifactUpdateEvent:
    return TaskArtifactUpdateEvent(
        artifact=Artifact(artifact_id="a", parts=[part, *more], **fields), append=append, last_chunk=False
    )


def status(state: Any = WORKING, **fields: Any) -> TaskStatusUpdateEvent:
    return TaskStatusUpdateEvent(status=TaskStatus(state=state, **fields))


def data(value: Any) -> Part:
    part = Part()
    part.data.struct_value.update({"value": value})
    return part


def deep(levels: int, value: Any = None) -> Any:
    for _ in range(levels):
        value = [value]
    return value


def spoken(*parts: Part, **fields: Any) -> Message:
    return Message(message_id="m", role=Role.ROLE_AGENT, parts=parts, **fields)


LARGE = "x" * MAX_TEXT_CHARACTERS
PARTS: dict[str, tuple[Part, str]] = {
    "a large file": (Part(raw=b"x" * (MAX_FILE_BYTES + 1)), "a file of 1001 bytes; the limit is 1000 bytes"),
    "a large text": (Part(text=f"{LARGE}x"), "a text of 1000001 characters"),
    "nothing": (Part(), "a part without text, raw, url and data"),
    "a local file": (Part(url="file:///etc/passwd"), "a file's url that is none of http or https"),
    "a script": (Part(url="javascript:alert(1)"), "a file's url that is none of http or https"),
    "an address without a host": (Part(url="https:///a"), "a file's url that is none of http or https"),
    "an address with a line break": (Part(url="https://a/\r\nX: 1"), "a file's url that is none of http or https"),
    "an address with a wrong host": (Part(url="https://[a/"), "a file's url that is none of http or https"),
    "deep data": (data(deep(MAX_JSON_DEPTH)), f"data nested more than {MAX_JSON_DEPTH} levels deep"),
    "many values": (data([0] * MAX_JSON_VALUES), f"data of more than {MAX_JSON_VALUES} values"),
    "deep metadata": (Part(text="x", metadata={"a": deep(MAX_JSON_DEPTH)}), "data nested more than"),
}
PLACES: dict[str, Callable[[Part], Any]] = {
    "artifact": artifact,
    "status": lambda part: status(message=spoken(part)),
    "message": spoken,
    "task": lambda part: Task(artifacts=[Artifact(artifact_id="a", parts=[part])]),
}


@pytest.mark.parametrize("place", PLACES)
async def test_a_part_that_may_not_be_fails_its_task_with_the_reason(database_url: str, place: str) -> None:
    for name, (part, reason) in PARTS.items():
        task = await said(database_url, PLACES[place](part))
        assert task.status.state == FAILED, name
        assert task.status.message.parts[0].text.startswith(f"The agent sent {reason}"), name
        assert not task.artifacts, name


WRONG: dict[str, tuple[list[Any], str]] = {
    "no event": (["hello"], "what is no event of a task (str)"),
    "nothing": ([None], "what is no event of a task (NoneType)"),
    "an empty status": ([TaskStatusUpdateEvent()], "a status without a state"),
    "a status without a state": ([status(0)], "a status without a state"),
    "a status of an unknown state": ([status(77)], "a status of an unknown state (77)"),
    "an empty artifact's event": ([TaskArtifactUpdateEvent()], "an artifact's event without an artifact"),
    "many parts": ([artifact(*[Part(text="x")] * (MAX_PARTS + 1))], f"{MAX_PARTS + 1} parts at once"),
    "many parts of a message": ([spoken(*[Part(text="x")] * (MAX_PARTS + 1))], f"{MAX_PARTS + 1} parts at once"),
    "a text in many pieces": (
        [artifact(Part(text=LARGE), append=number > 0) for number in range(5)],
        f"an artifact of more than {MAX_MESSAGE_BYTES} bytes",
    ),
    "a large message": ([spoken(*[Part(text=LARGE)] * 5)], f"a message of more than {MAX_MESSAGE_BYTES} bytes"),
    "a long id": ([TaskArtifactUpdateEvent(artifact=Artifact(artifact_id="x" * 300, parts=[Part(text="x")]))], "an id"),
    "another task's status": (
        [TaskStatusUpdateEvent(task_id="x", status=TaskStatus(state=WORKING))],
        "an event of another task",
    ),
    "another context's status": (
        [TaskStatusUpdateEvent(context_id="x", status=TaskStatus(state=WORKING))],
        "an event of another context",
    ),
    "another context's artifact": (
        [TaskArtifactUpdateEvent(context_id="x", artifact=Artifact(artifact_id="a", parts=[Part(text="x")]))],
        "an event of another context",
    ),
    "another task": ([Task(id="x")], "an event of another task"),
    "another context's task": ([Task(context_id="x")], "an event of another context"),
    "deep metadata of an artifact": (
        [artifact(Part(text="x"), metadata={"a": deep(MAX_JSON_DEPTH)})],
        "data nested more than",
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_event_fails_its_task_with_what_was_wrong(database_url: str, name: str) -> None:
    events, reason = WRONG[name]
    task = await said(database_url, *events)
    assert task.status.state == FAILED
    assert task.status.message.parts[0].text.startswith(f"The agent sent {reason}")


async def test_what_is_within_the_limits_passes_as_it_is(database_url: str) -> None:
    parts = [
        Part(raw=b"x" * MAX_FILE_BYTES, filename="Bericht für Q3 – Entwurf.pdf", media_type="application/pdf"),
        Part(url="https://example.org/a?b=ü", filename="👩‍💻.png", media_type="image/png"),
        Part(text=LARGE, media_type='text/plain; charset="utf-8"'),
        data(deep(MAX_JSON_DEPTH - 2)),
    ]
    task = await said(database_url, artifact(*parts))
    assert task.status.state == COMPLETED
    assert list(task.artifacts[0].parts) == parts


NAMES = {
    "../../../x\u202egnp.exe\r\nA: b\x01": "xgnp.exeA: b",
    "C:\\Users\\a.txt": "a.txt",
    "..": "file",
    "a/": "file",
    " a.txt. ": "a.txt",
    "x" * 300 + ".pdf": "x" * 116 + ".pdf",
}
MEDIA_TYPES = {
    "text/html\r\nX-Evil: 1": "application/octet-stream",
    "text": "application/octet-stream",
    "text/": "application/octet-stream",
    "a b/c": "application/octet-stream",
    "text/html": "text/html",
    "text/html ; charset=utf-8": "text/html ; charset=utf-8",
}


async def test_names_and_media_types_of_files_are_put_right(database_url: str) -> None:
    files = [Part(raw=b"x", filename=name) for name in NAMES] + [
        Part(raw=b"x", media_type=kind) for kind in MEDIA_TYPES
    ]
    task = await said(database_url, artifact(*files))
    shown = task.artifacts[0].parts
    assert [part.filename for part in shown if part.filename] == list(NAMES.values())
    assert [part.media_type for part in shown if part.media_type] == list(MEDIA_TYPES.values())


@pytest.mark.parametrize("text", ["a/b;" * 60, "a/b" + " " * 250, 'a/b;c="' + "\\" * 240])
def test_no_media_type_takes_long_to_read(text: str) -> None:
    assert not is_media_type(text.replace("a/b;", "a/b; ="))


async def test_words_of_an_agent_are_the_agents(database_url: str) -> None:
    message = Message(role=Role.ROLE_USER, parts=[Part(text="hello")], context_id="another")
    task = await said(database_url, status(message=message), status(COMPLETED, message=message))
    for shown in (task.history[-1], task.status.message):
        assert (shown.role, shown.context_id, shown.task_id) == (Role.ROLE_AGENT, task.context_id, task.id)
        assert shown.message_id


async def test_an_error_that_an_executor_handles_has_been_handled(database_url: str) -> None:
    class Handles(Says):
        async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
            with pytest.raises(Exception, match="the limit is 1000 bytes"):
                await event_queue.enqueue_event(artifact(Part(raw=b"x" * 2000)))
            await event_queue.enqueue_event(artifact(Part(text="too large to show")))

    async with replicas(database_url, Handles(), max_file_bytes=MAX_FILE_BYTES) as [one]:
        task = await one.handler.on_message_send(request("go"), context())
        assert isinstance(task, Task)
        assert (task.status.state, len(task.artifacts)) == (COMPLETED, 1)
