"""What `agentnet ask` does with an agent's events, over an agent that follows a script."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from a2a.types import (
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
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value

from agentnet.cli.command import exits
from agentnet.cli.tasks.ask import converse
from agentnet.cli.tasks.job import Job
from agentnet.cli.tasks.talk import Talk
from agentnet.errors import UnavailableError

pytestmark = pytest.mark.anyio

WORKING, ASKS = TaskState.TASK_STATE_WORKING, TaskState.TASK_STATE_INPUT_REQUIRED


def task(state: TaskState) -> Task:
    return Task(id="t", status=TaskStatus(state=state))


class Broken:
    """Its stream breaks; by the time it is subscribed to, its task asks, and the subscription stays open as it must."""

    name = "broken"
    in_pieces = False

    async def send(self, message: Message) -> AsyncIterator[StreamResponse]:
        yield StreamResponse(task=task(WORKING))
        raise UnavailableError("It broke off.")

    async def get(self, task_id: str) -> Task:
        return task(WORKING)

    async def subscribe(self, task_id: str) -> AsyncIterator[StreamResponse]:
        yield StreamResponse(task=task(WORKING))
        status = TaskStatus(state=ASKS, message=Message(message_id="m", parts=[Part(text="Which year?")]))
        yield StreamResponse(status_update=TaskStatusUpdateEvent(task_id="t", status=status))
        await asyncio.Event().wait()


async def test_a_question_after_a_stream_that_broke_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code = await converse(cast(Any, Broken()), Job("hello").message(0), Talk(as_json=True), timeout=60)
    assert code == exits.QUESTION
    assert "Which year?" in capsys.readouterr().out


def status(state: TaskState, text: str) -> StreamResponse:
    message = Message(message_id=text, parts=[Part(text=text)])
    return StreamResponse(
        status_update=TaskStatusUpdateEvent(task_id="t", status=TaskStatus(state=state, message=message))
    )


class Telling:
    """Says what it does while it works, and then how it ended."""

    name = "telling"
    in_pieces = False

    def __init__(self, end: TaskState) -> None:
        self.end = end

    async def send(self, message: Message) -> AsyncIterator[StreamResponse]:
        yield StreamResponse(task=task(WORKING))
        yield status(WORKING, "Reading the archive.")
        yield status(WORKING, "Comparing [red]two[/red] years.")
        yield status(self.end, "That was all.")


@pytest.mark.parametrize(
    "end", [TaskState.TASK_STATE_COMPLETED, TaskState.TASK_STATE_FAILED, TaskState.TASK_STATE_REJECTED, ASKS]
)
async def test_what_an_agent_says_while_it_works_is_shown_on_the_way(
    end: TaskState, capsys: pytest.CaptureFixture[str]
) -> None:
    await converse(cast(Any, Telling(end)), Job("hello").message(0), Talk(), timeout=60)
    told = capsys.readouterr()
    assert "Reading the archive.\nComparing [red]two[/red] years.\n" in told.err
    assert "Reading" not in told.out
    assert (told.out + told.err).count("That was all.") == 1


class Lost(Broken):
    """Its gateway goes away once the task is known, and stays away."""

    def __init__(self, *, begins: bool = True) -> None:
        self.begins = begins

    async def send(self, message: Message) -> AsyncIterator[StreamResponse]:
        if self.begins:
            yield StreamResponse(task=task(WORKING))
        raise UnavailableError("No gateway answers at http://gateway:8700.")

    async def get(self, task_id: str) -> Task:
        raise UnavailableError("No gateway answers at http://gateway:8700.")


async def test_who_loses_the_gateway_is_told_the_task_and_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentnet.cli.tasks.ask.RECONNECT_SECONDS", 0.0)
    with pytest.raises(UnavailableError) as lost:
        await converse(cast(Any, Lost()), Job("hello").message(0), Talk(), timeout=60)
    assert "task t" in str(lost.value)
    assert "agentnet watch t" in str(lost.value)
    assert "No gateway answers" in str(lost.value)
    with pytest.raises(UnavailableError) as never:
        await converse(cast(Any, Lost(begins=False)), Job("hello").message(0), Talk(), timeout=60)
    assert "watch" not in str(never.value)


class Counting(Telling):
    """Answers with a value."""

    async def send(self, message: Message) -> AsyncIterator[StreamResponse]:
        yield StreamResponse(task=task(WORKING))
        parts = [Part(data=ParseDict({"total": 5, "due": "ü"}, Value()), media_type="application/json")]
        update = TaskArtifactUpdateEvent(artifact=Artifact(artifact_id="response", parts=parts))
        yield StreamResponse(artifact_update=update)
        yield status(self.end, "")


@pytest.mark.parametrize("as_json", [True, False])
async def test_an_answer_that_is_a_value_is_printed_as_json_for_the_next_program(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    counting = Counting(TaskState.TASK_STATE_COMPLETED)
    await converse(cast(Any, counting), Job("hello").message(0), Talk(as_json=as_json), timeout=60)
    printed = json.loads(capsys.readouterr().out)
    assert (printed["data"] if as_json else printed) == {"total": 5, "due": "ü"}
