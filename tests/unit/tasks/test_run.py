"""A run on an event loop that is busy."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from a2a.types.a2a_pb2 import (
    Artifact,
    Message,
    Part,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
)

from agentnet.tasks.events import status_update
from agentnet.tasks.feeds import Feeds
from agentnet.tasks.projection import Projection
from agentnet.tasks.records import Append, Lease, LeasedTask
from agentnet.tasks.run import TaskRun


def leased(task: Task) -> LeasedTask:
    return LeasedTask(
        lease=Lease(uuid4(), 1, 1),
        tenant="t",
        agent="a",
        context_id="c",
        principal="key:k",
        parent_id=None,
        root_id=uuid4(),
        chain=(),
        budget={},
        definition="1",
        last_seq=1,
        inputs=0,
        cancel_requested=False,
        projection=Projection(task),
    )


async def test_a_moment_that_has_passed_when_it_is_waited_for_does_not_fail_the_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[Append] = []

    async def append(write: Append) -> bool:
        written.append(write)
        return True

    async def read_log(*_: Any) -> list[Any]:
        return []

    def call_at_once(_when: float, callback: Callable[[], None]) -> asyncio.Handle:
        """What uvloop's `call_at` does on a busy loop: the handle has no `when`."""
        return asyncio.get_running_loop().call_soon(callback)

    monkeypatch.setattr(asyncio.get_running_loop(), "call_at", call_at_once)
    task = Task(id="task", history=[Message(message_id="m")])
    store = SimpleNamespace(feeds=Feeds(read_log), append=append)
    run = TaskRun(cast(Any, store), leased(task), lambda _: None)
    text = Artifact(artifact_id="x", parts=[Part(text="hello")])
    await run.emit(StreamResponse(artifact_update=TaskArtifactUpdateEvent(task_id="task", artifact=text)))
    await run.emit(status_update(task, TaskState.TASK_STATE_WORKING))
    await run.flush()
    assert sum(len(write.events) for write in written) == 2


async def test_pieces_of_one_text_are_stored_together_and_texts_of_other_file_names_apart() -> None:
    written: list[Append] = []

    async def append(write: Append) -> bool:
        written.append(write)
        return True

    async def read_log(*_: Any) -> list[Any]:
        return []

    store = SimpleNamespace(feeds=Feeds(read_log), append=append)
    run = TaskRun(cast(Any, store), leased(Task(id="task")), lambda _: None)
    for number, (text, name) in enumerate((("one ", "a"), ("two", "a"), ("three", "b"))):
        artifact = Artifact(artifact_id="x", parts=[Part(text=text, filename=name)])
        update = TaskArtifactUpdateEvent(task_id="task", artifact=artifact, append=number > 0)
        await run.emit(StreamResponse(artifact_update=update))
    await run.flush()
    stored = [StreamResponse.FromString(body) for write in written for _, body in write.events]
    parts = [part for event in stored for part in event.artifact_update.artifact.parts]
    assert [(part.text, part.filename) for part in parts] == [("one two", "a"), ("three", "b")]
