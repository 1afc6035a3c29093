"""A run on an event loop that is busy."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

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
from agentnet.tasks.log import LogEvent
from agentnet.tasks.position import Position
from agentnet.tasks.projection import Projection
from agentnet.tasks.records import Append, Lease, LeasedTask
from agentnet.tasks.run import COALESCE_CHARACTERS, TaskRun
from tests.patience import PATIENCE_SECONDS


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


ONE = ("one", False)
END = ("", True)
CLOSED_TEXTS = {
    "an empty end": [ONE, END],
    "an end with words": [ONE, (" two", True)],
    "an empty end behind many pieces": [ONE, (" two", False), (" three", False), END],
    "an empty piece amid the text": [ONE, ("", False), (" two", False), END],
    "an empty beginning": [("", False), ONE, END],
    "nothing but its beginning and its end": [("", False), END],
    "a long text, stored before it ends": [("x" * COALESCE_CHARACTERS, False), (" two", False), END],
    "one that is closed at once": [("one", True)],
}


def update(text: str, last: bool, begins: bool) -> StreamResponse:
    artifact = Artifact(artifact_id="x", parts=[Part(text=text)])
    return StreamResponse(
        artifact_update=TaskArtifactUpdateEvent(artifact=artifact, append=not begins, last_chunk=last)
    )


async def followed(feeds: Feeds, task_id: UUID, after: Position) -> list[tuple[Position, str, bool]]:
    """What a follower sees behind `after` until the text is closed: each place with its words."""
    seen: list[tuple[Position, str, bool]] = []
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(feeds.follow(task_id, after)) as items:
        async for item in items:
            assert item is not None
            shown = item.event.artifact_update
            seen.append((item.position, shown.artifact.parts[0].text, shown.last_chunk))
            if shown.last_chunk:
                return seen
    raise AssertionError("The feed ended.")


@pytest.mark.parametrize("pieces", CLOSED_TEXTS.values(), ids=CLOSED_TEXTS)
async def test_a_text_ends_for_its_followers_from_wherever_they_follow_it(pieces: list[tuple[str, bool]]) -> None:
    log: list[LogEvent] = []

    async def append(write: Append) -> bool:
        for _, body in write.events:
            log.append(LogEvent(2 + len(log), 1, StreamResponse.FromString(body)))
        return True

    async def read_log(_: UUID, after: int, limit: int) -> list[LogEvent]:
        return [stored for stored in log if stored.seq > after][:limit]

    store = SimpleNamespace(feeds=Feeds(read_log), append=append)
    task = leased(Task(id="task"))
    run = TaskRun(cast(Any, store), task, lambda _: None)
    whole, begin = "".join(text for text, _ in pieces), run.position()
    task_id = task.lease.task_id
    live = asyncio.create_task(followed(store.feeds, task_id, begin))
    await asyncio.sleep(0)
    for number, (text, last) in enumerate(pieces):
        await run.emit(update(text, last, begins=number == 0))
    seen = await live
    assert "".join(text for _, text, _ in seen) == whole

    await run.flush()
    elsewhere = Feeds(read_log)
    places = [(begin, whole)]
    for position, text, last in seen:
        places += [] if last else [(position, places[-1][1][len(text) :])]
    for place, missing in places:
        for feeds in (store.feeds, elsewhere):
            again = await followed(feeds, task_id, place)
            assert ("".join(text for _, text, _ in again), again[-1][2]) == (missing, True)
    async with aclosing(elsewhere.stored(task_id, seen[-1][0])) as behind:
        assert [item async for item in behind] == []
