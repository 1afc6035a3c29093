"""An executor that was written for a2a-sdk finds the same here: what it is told, and what becomes of what it says."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events.event_queue import EventQueue
from a2a.server.tasks import TaskUpdater
from a2a.types.a2a_pb2 import (
    Artifact,
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    Part,
    Role,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from google.protobuf.json_format import MessageToDict

from agentnet.identity import Principal
from tests.integration.tasks.replicas import Replica, replicas, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

SENT = {
    "authorization": "Bearer secret",
    "x-api-key": "secret",
    "cookie": "secret",
    "x-trace": "7",
    "a2a-version": "1.0",
}
EXTENSION = "https://example.org/loud"


def caller(**headers: str) -> ServerCallContext:
    state = {"principal": Principal("default", "key:ann"), "headers": {**SENT, **headers}}
    return ServerCallContext(state=state, requested_extensions={EXTENSION})


Play = Callable[[RequestContext, EventQueue], Awaitable[None]]


class Plays(AgentExecutor):
    """Plays one of `acts` for each of a task's messages, and keeps what it was told."""

    def __init__(self, *acts: Play) -> None:
        self.acts = list(acts)
        self.told: list[RequestContext] = []
        self.canceled: list[RequestContext] = []

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        self.told.append(context)
        await self.acts[len(self.told) - 1](context, event_queue)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        self.canceled.append(context)


def updater(context: RequestContext, queue: EventQueue) -> TaskUpdater:
    assert context.task_id and context.context_id
    return TaskUpdater(queue, context.task_id, context.context_id)


async def asks(context: RequestContext, queue: EventQueue) -> None:
    task = updater(context, queue)
    await task.requires_input(task.new_agent_message([Part(text="which?")]))


async def completes(context: RequestContext, queue: EventQueue) -> None:
    await updater(context, queue).complete()


async def hangs(context: RequestContext, queue: EventQueue) -> None:
    await updater(context, queue).start_work()
    await asyncio.Event().wait()


async def says(_: RequestContext, queue: EventQueue) -> None:
    await queue.enqueue_event(Message(message_id="a-1", role=Role.ROLE_AGENT, parts=[Part(text="hello")]))


def full(text: str, task: Task | None = None) -> Any:
    sent = request(text, task=task)
    sent.metadata.update({"trace": "t-1", "depth": 3})
    sent.configuration.accepted_output_modes.append("text/markdown")
    sent.configuration.history_length = 7
    return sent


def check_told(context: RequestContext) -> None:
    """All that a2a-sdk tells."""
    assert context.metadata == {"trace": "t-1", "depth": 3}
    assert context.configuration is not None
    assert list(context.configuration.accepted_output_modes) == ["text/markdown"]
    assert context.configuration.history_length == 7
    assert context.requested_extensions == {EXTENSION}
    assert context.call_context.user.is_authenticated
    assert context.call_context.user.user_name == "key:ann"
    assert context.tenant == context.call_context.tenant == "default"
    headers = context.call_context.state["headers"]
    assert headers["x-trace"] == "7"
    assert "secret" not in str(headers)
    assert context.message is not None and context.message.task_id == context.task_id


async def test_a_new_task_is_not_there_yet_and_one_that_goes_on_is(database_url: str) -> None:
    executor = Plays(asks, completes)
    async with replicas(database_url, executor) as [one]:
        asked = await one.handler.on_message_send(full("hello"), caller())
        assert isinstance(asked, Task)
        await one.handler.on_message_send(full("that", asked), caller())
    first, second = executor.told
    assert (first.current_task, first.get_user_input()) == (None, "hello")
    assert second.current_task is not None and second.current_task.id == asked.id
    assert [message.parts[0].text for message in second.current_task.history] == ["hello", "which?", "that"]
    assert second.get_user_input() == "that"
    for context in executor.told:
        check_told(context)


async def test_an_executor_that_announces_its_task_as_under_the_sdk_has_one_task(database_url: str) -> None:
    async def announces(context: RequestContext, queue: EventQueue) -> None:
        assert context.current_task is None and context.message is not None
        task = Task(
            id=context.task_id,
            context_id=context.context_id,
            status=TaskStatus(state=TaskState.TASK_STATE_SUBMITTED),
            history=[context.message],
        )
        await queue.enqueue_event(task)
        await completes(context, queue)

    async with replicas(database_url, Plays(announces)) as [one]:
        done = await one.handler.on_message_send(full("hello"), caller())
        assert isinstance(done, Task)
        assert (done.status.state, len(done.history)) == (TaskState.TASK_STATE_COMPLETED, 1)


async def test_a_cancel_is_told_the_task(database_url: str) -> None:
    executor = Plays(hangs)
    async with replicas(database_url, executor) as [one]:
        sent = full("hello")
        sent.configuration.return_immediately = True
        task = await one.handler.on_message_send(sent, caller())
        assert isinstance(task, Task)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not executor.told:
                await asyncio.sleep(0.01)
        await one.handler.on_cancel_task(CancelTaskRequest(id=task.id), caller())
    [context] = executor.canceled
    assert context.current_task is not None and context.current_task.id == task.id
    check_told(context)


async def test_a_replica_that_takes_over_is_told_the_same(database_url: str) -> None:
    executor = Plays(hangs, completes)
    async with replicas(database_url, executor, 2) as [one, _]:
        sent = full("hello")
        sent.configuration.return_immediately = True
        task = await one.handler.on_message_send(sent, caller())
        assert isinstance(task, Task)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(await one.store.events_after(UUID(task.id), 0, 10)) < 2:
                await asyncio.sleep(0.01)
        await one.die()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(executor.told) < 2:
                await asyncio.sleep(0.01)
    for context in executor.told:
        assert context.current_task is None
        check_told(context)


async def test_a_replica_that_takes_from_the_queue_is_told_the_same(database_url: str) -> None:
    executor = Plays(completes, completes)
    async with replicas(database_url, executor, concurrency=1) as [one]:
        assert one.worker.reserve()  # it has no room of its own at first
        sent = full("hello")
        sent.configuration.return_immediately = True
        await one.handler.on_message_send(sent, caller())
        assert not executor.told
        one.worker.unreserve()
        one.look()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not executor.told:
                await asyncio.sleep(0.01)
    check_told(executor.told[0])


@pytest.mark.parametrize("names", [{}, {"task_id": "t"}, {"context_id": "c"}, {"task_id": "t", "context_id": "c"}])
async def test_a_bare_message_stays_a_message(database_url: str, names: dict[str, str]) -> None:
    async def answers(_: RequestContext, queue: EventQueue) -> None:
        said = Message(message_id="a-1", role=Role.ROLE_AGENT, parts=[Part(text="hello")], **names)
        await queue.enqueue_event(said)

    async with replicas(database_url, Plays(answers, answers)) as [one]:
        first = request("hi", message_id="m-1")
        answer = await one.handler.on_message_send(first, caller())
        assert isinstance(answer, Message)
        assert (answer.message_id, answer.parts[0].text, answer.task_id) == ("a-1", "hello", "")
        assert answer.context_id
        again = await one.handler.on_message_send(request("hi", message_id="m-1"), caller())
        assert again == answer
        streamed = [event async for event in one.handler.on_message_send_stream(request("hi"), caller())]
        assert [type(event) for event in streamed] == [Message]
        repeated = [
            event async for event in one.handler.on_message_send_stream(request("hi", message_id="m-1"), caller())
        ]
        assert repeated == [answer]
        stream = await one.handler.open_stream(request("hi", message_id="m-1"), caller())
        [item] = [item async for item in stream.frames() if item is not None]
        assert item.json.startswith(b'{"message":{"messageId":"a-1"')


async def begins(event: Any, context: RequestContext, queue: EventQueue) -> None:
    await queue.enqueue_event(event(context))
    await says(context, queue)


BEGINNINGS: list[Callable[[RequestContext], Any]] = [
    lambda context: Task(
        id=context.task_id, context_id=context.context_id, status=TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
    ),
    lambda context: TaskStatusUpdateEvent(status=TaskStatus(state=TaskState.TASK_STATE_WORKING)),
    lambda context: TaskArtifactUpdateEvent(artifact=Artifact(artifact_id="a", parts=[Part(text="x")])),
]


@pytest.mark.parametrize("event", BEGINNINGS)
async def test_a_message_behind_a_task_that_was_begun_completes_it(database_url: str, event: Any) -> None:
    async def play(context: RequestContext, queue: EventQueue) -> None:
        await begins(event, context, queue)

    async with replicas(database_url, Plays(play)) as [one]:
        task = await one.handler.on_message_send(request("hi"), caller())
        assert isinstance(task, Task)
        assert (task.status.state, task.status.message.parts[0].text) == (TaskState.TASK_STATE_COMPLETED, "hello")
        assert task.status.message.task_id == task.id


async def test_a_message_that_answers_a_question_completes_its_task(database_url: str) -> None:
    async with replicas(database_url, Plays(asks, says)) as [one]:
        asked = await one.handler.on_message_send(request("hi"), caller())
        assert isinstance(asked, Task)
        done = await one.handler.on_message_send(request("that", task=asked), caller())
        assert isinstance(done, Task)
        assert done.status.state == TaskState.TASK_STATE_COMPLETED


async def rested(one: Replica, begun: asyncio.Event, go: asyncio.Event, text: str) -> Task:
    """A task that was sent `text` while it worked, at its next rest."""
    sent = request("one")
    sent.configuration.return_immediately = True
    task = await one.handler.on_message_send(sent, caller())
    assert isinstance(task, Task)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await begun.wait()
        second = request(text, task=task)
        second.configuration.return_immediately = True
        await one.handler.on_message_send(second, caller())
        go.set()
        await one.worker.finished(UUID(task.id))
    found = await one.handler.on_get_task(GetTaskRequest(id=task.id), caller())
    assert isinstance(found, Task)
    return found


@pytest.mark.parametrize("end", ["complete", "failed", "message"])
async def test_the_last_message_of_an_execution_that_another_follows_is_kept(database_url: str, end: str) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def first(context: RequestContext, queue: EventQueue) -> None:
        task = updater(context, queue)
        await task.start_work()
        begun.set()
        await go.wait()
        if end == "message":
            await says(context, queue)
        else:
            await getattr(task, end)(task.new_agent_message([Part(text="hello")]))

    async with replicas(database_url, Plays(first, completes)) as [one]:
        done = await rested(one, begun, go, "two")
        said = [message.parts[0].text for message in done.history if message.role == Role.ROLE_AGENT]
        assert said == ["hello"], MessageToDict(done)
        assert done.status.state == TaskState.TASK_STATE_COMPLETED


@pytest.mark.parametrize("end", ["requires_input", "requires_auth"])
async def test_a_question_is_asked_though_a_message_came_before_it_and_that_is_kept(
    database_url: str, end: str
) -> None:
    """What was said before a question is no answer to it: a call would be approved that nobody has seen."""
    begun, go = asyncio.Event(), asyncio.Event()
    heard: list[str] = []

    async def first(context: RequestContext, queue: EventQueue) -> None:
        task = updater(context, queue)
        await task.start_work()
        begun.set()
        await go.wait()
        await getattr(task, end)(task.new_agent_message([Part(text="sure?")]))

    async def second(context: RequestContext, queue: EventQueue) -> None:
        assert context.current_task is not None
        heard.extend(
            message.parts[0].text for message in context.current_task.history if message.role == Role.ROLE_USER
        )
        await completes(context, queue)

    async with replicas(database_url, Plays(first, second)) as [one]:
        asking = await rested(one, begun, go, "yes")
        assert asking.status.message.parts[0].text == "sure?"
        assert asking.status.state in (TaskState.TASK_STATE_INPUT_REQUIRED, TaskState.TASK_STATE_AUTH_REQUIRED)
        done = await one.handler.on_message_send(request("now", task=asking), caller())
        assert isinstance(done, Task)
        assert done.status.state == TaskState.TASK_STATE_COMPLETED
        assert heard == ["one", "yes", "now"]
