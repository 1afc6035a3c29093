import asyncio
import json
from contextlib import aclosing
from typing import Any
from uuid import uuid4

import pytest
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Part,
    SubscribeToTaskRequest,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatusUpdateEvent,
)
from a2a.utils.errors import (
    InvalidParamsError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)

from agentnet.a2a.handler import PRINCIPAL
from agentnet.a2a.stream import TaskStream
from agentnet.identity import Budget, Delegation, Principal
from agentnet.tasks.position import Position
from agentnet.testing.faults import stand_still
from tests.integration.tasks.replicas import Script, context, replicas, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

DONE = TaskState.TASK_STATE_COMPLETED


def _texts(task: Task) -> dict[str, str]:
    return {artifact.artifact_id: "".join(part.text for part in artifact.parts) for artifact in task.artifacts}


async def _sent(handler: object, *args: object) -> Task:
    answer = await handler.on_message_send(*args)  # type: ignore[attr-defined]
    assert isinstance(answer, Task)
    return answer


async def test_a_blocking_message_answers_with_the_finished_task(database_url: str) -> None:
    async with replicas(database_url, Script()) as [one]:
        task = await _sent(one.handler, request("hello"), context())
        assert task.status.state == DONE
        assert _texts(task) == {"hello": "hello"}
        read = await one.handler.on_get_task(GetTaskRequest(id=task.id), context())
        assert read == task


async def test_a_stream_begins_with_the_task_and_ends_with_its_rest(database_url: str) -> None:
    async with replicas(database_url, Script()) as [one]:
        events = [event async for event in one.handler.on_message_send_stream(request("count 50"), context())]
        assert isinstance(events[0], Task)
        assert isinstance(events[-1], TaskStatusUpdateEvent)
        assert events[-1].status.state == DONE
        chunks = [event.artifact.parts[0].text for event in events if isinstance(event, TaskArtifactUpdateEvent)]
        assert "".join(chunks) == "".join(f"{number} " for number in range(50))
        stored = await one.store.events_after(_uuid(events[0].id), 0, 1000)
        assert [item.seq for item in stored] == list(range(1, len(stored) + 1))
        assert len(stored) < len(events)  # words are coalesced before they are stored


async def test_a_message_sent_twice_finds_the_same_task(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script, 2) as [one, two]:
        first = await _sent(one.handler, request("hello", message_id="m-1"), context())
        again = await _sent(two.handler, request("hello", message_id="m-1"), context())
        assert again.id == first.id
        assert again.status.state == DONE
        other = await _sent(one.handler, request("hello", message_id="m-1"), context(subject="key:other"))
        assert other.id != first.id
        assert len(script.begun) == 2


async def test_a_question_rests_and_its_answer_goes_on_at_another_replica(database_url: str) -> None:
    async with replicas(database_url, Script(), 2) as [one, two]:
        asked = await _sent(one.handler, request("ask"), context())
        assert asked.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        assert asked.status.message.parts[0].text == "which?"
        assert one.worker.room == 16
        done = await _sent(two.handler, request("that", task=asked), context())
        assert done.id == asked.id
        assert done.context_id == asked.context_id
        assert done.status.state == DONE
        assert [message.parts[0].text for message in done.history] == ["ask", "which?", "that"]
        assert await one.handler.on_get_task(GetTaskRequest(id=asked.id), context()) == done
        short = await one.handler.on_get_task(GetTaskRequest(id=asked.id, history_length=1), context())
        assert short is not None
        assert [message.parts[0].text for message in short.history] == ["that"]


async def test_a_second_question_is_possible_with_the_task_id_alone(database_url: str) -> None:
    async with replicas(database_url, Script()) as [one]:
        asked = await _sent(one.handler, request("ask"), context())
        again = await _sent(one.handler, request("ask", task=asked), context())
        assert again.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        done = await _sent(one.handler, request("fine", task=again), context())
        assert done.status.state == DONE


async def test_a_message_to_a_running_task_is_taken_before_it_rests(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script, 2) as [one, two]:
        task = await _sent(one.handler, request("wait first", at_once=True), context())
        follow_up = asyncio.create_task(_sent(two.handler, request("second", task=task), context()))
        await _until(lambda: one.store.inputs(_uuid(task.id)), lambda found: found[0] == 1)
        script.go.set()
        done = await follow_up
        assert done.status.state == DONE
        assert _texts(done) == {"first": "first", "second": "second"}


async def test_every_follower_on_every_replica_sees_the_same_events(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script, 2) as [one, two]:
        task = await _sent(one.handler, request("wait count 200", at_once=True), context())

        begun = [asyncio.Event() for _ in range(3)]

        async def follow(replica: object, follows: asyncio.Event) -> str:
            text = ""
            stream = replica.handler.on_subscribe_to_task(SubscribeToTaskRequest(id=task.id), context())  # type: ignore[attr-defined]
            async with aclosing(stream) as events:
                async for event in events:
                    follows.set()
                    if isinstance(event, Task):
                        text += "".join(_texts(event).values())
                    elif isinstance(event, TaskArtifactUpdateEvent):
                        text += event.artifact.parts[0].text
            return text

        followers = [
            asyncio.create_task(follow(replica, follows))
            for replica, follows in zip((one, two, two), begun, strict=True)
        ]
        for follows in begun:
            await follows.wait()
        script.go.set()
        expected = "".join(f"{number} " for number in range(200))
        assert await asyncio.gather(*followers) == [expected] * 3


async def test_a_client_that_has_seen_the_end_is_told_so_and_does_not_wait(database_url: str) -> None:
    async with replicas(database_url, Script()) as [one]:
        stream = await one.handler.open_stream(request("hello"), context())
        seen = [item async for item in stream.frames() if item is not None]
        again = SubscribeToTaskRequest(id=json.loads(seen[0].json)["task"]["id"])
        rest = await one.handler.subscribe(again, context(), seen[1].position)
        assert [item.json async for item in rest.frames() if item] == [item.json for item in seen[2:]]
        with pytest.raises(UnsupportedOperationError, match="has ended"):
            await one.handler.subscribe(again, context(), seen[-1].position)


@pytest.mark.parametrize("after", ["4.1.-1.3", "9.1.-1.3", "9.1.7.0"])
async def test_no_event_id_whatever_it_says_makes_a_client_wait_at_an_ended_task(database_url: str, after: str) -> None:
    async with replicas(database_url, Script(), 2) as [one, two]:
        task = await one.handler.on_message_send(request("hello"), context())
        again = SubscribeToTaskRequest(id=task.id)  # type: ignore[union-attr]
        for replica in (one, two):
            async with asyncio.timeout(PATIENCE_SECONDS):
                with pytest.raises(UnsupportedOperationError, match="has ended"):
                    await replica.handler.subscribe(again, context(), Position.parse(after))


@pytest.mark.parametrize("after", ["99.0.-1.99", "99.7.-1.99", "99.0.-1.1", "99.1.5.99", "2147483647.0.-1.0"])
async def test_a_place_that_a_running_task_has_not_reached_is_refused(database_url: str, after: str) -> None:
    async with replicas(database_url, Script(), 2) as [one, two]:
        task = await one.handler.on_message_send(request("ask"), context())
        assert isinstance(task, Task)
        place = Position.parse(after)
        for replica in (one, two):
            with pytest.raises(InvalidParamsError, match="behind the last event"):
                await replica.handler.subscribe(SubscribeToTaskRequest(id=task.id), context(), place)


@pytest.mark.parametrize("after", ["99.1.-1.1", "99.1.5.1", "99.1.-1.0", "9999999.1.-1.2"])
async def test_a_stream_from_a_place_that_never_comes_ends_with_the_task(database_url: str, after: str) -> None:
    async with replicas(database_url, Script(), 2) as [one, two]:
        task = await one.handler.on_message_send(request("ask"), context())
        assert isinstance(task, Task)
        subscribed = SubscribeToTaskRequest(id=task.id)
        streams = [await each.handler.subscribe(subscribed, context(), Position.parse(after)) for each in (one, two)]

        async def end(stream: TaskStream) -> str:
            return [item.json async for item in stream.frames() if item is not None][-1].decode()

        async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
            ends = [group.create_task(end(stream)) for stream in streams]
            await one.handler.on_cancel_task(CancelTaskRequest(id=task.id), context())
        assert all("TASK_STATE_CANCELED" in each.result() for each in ends)


async def test_what_was_seen_of_a_dead_writer_is_put_right_at_an_ended_task(database_url: str) -> None:
    async with replicas(database_url, Script()) as [one]:
        task = await one.handler.on_message_send(request("hello"), context())
        again = SubscribeToTaskRequest(id=task.id)  # type: ignore[union-attr]
        rest = await one.handler.subscribe(again, context(), Position.parse("9.7.-1.2"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            events = [json.loads(item.json) async for item in rest.frames() if item is not None]
    assert [next(iter(event)) for event in events] == ["task", "artifactUpdate", "statusUpdate"]


async def test_a_client_that_leaves_in_the_middle_of_an_accept_delays_nothing(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script) as [one]:
        asked = await _sent(one.handler, request("ask"), context())
        script.begun.clear()
        for sent, statement in ((request("hello"), "accept"), (request("that", task=asked), "resume")):
            entered, go = asyncio.Event(), asyncio.Event()
            write = getattr(one.store, statement)

            async def slow(
                *args: object, write: Any = write, entered: asyncio.Event = entered, go: asyncio.Event = go, **more: Any
            ) -> Any:
                stored = await write(*args, **more)
                entered.set()
                await go.wait()
                return stored

            setattr(one.store, statement, slow)
            call = asyncio.create_task(one.handler.on_message_send(sent, context()))
            await entered.wait()
            call.cancel()
            go.set()
            with pytest.raises(asyncio.CancelledError):
                await call
            setattr(one.store, statement, write)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(script.begun) < 2 or one.worker.room < 16:
                await asyncio.sleep(0.01)
        page = await one.handler.on_list_tasks(ListTasksRequest(), context())
        mine = [task.status.state for task in page.tasks]
        assert mine == [DONE, DONE]


async def test_a_task_is_canceled_from_another_replica(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script, 2) as [one, two]:
        task = await _sent(one.handler, request("wait", at_once=True), context())
        await _until_begun(script)
        canceled = await two.handler.on_cancel_task(CancelTaskRequest(id=task.id), context())
        assert canceled is not None
        assert canceled.status.state == TaskState.TASK_STATE_CANCELED
        assert script.canceled == 1
        assert one.worker.room == 16
        with pytest.raises(TaskNotCancelableError):
            await one.handler.on_cancel_task(CancelTaskRequest(id=task.id), context())


async def test_a_task_whose_owner_hangs_is_canceled_all_the_same(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script, 2) as [one, two]:
        task = await _sent(one.handler, request("wait", at_once=True), context())
        await _until_begun(script)
        await one.signals.close()
        stand_still(one.worker)
        canceled = await two.handler.on_cancel_task(CancelTaskRequest(id=task.id), context())
        assert canceled is not None
        assert canceled.status.state == TaskState.TASK_STATE_CANCELED
        script.go.set()
        await one.worker.finished(_uuid(task.id))
        after = await two.handler.on_get_task(GetTaskRequest(id=task.id), context())
        assert after == canceled


async def test_a_task_of_a_dead_replica_goes_on_elsewhere(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script, 2) as [one, two]:
        task = await _sent(one.handler, request("wait done", at_once=True), context())
        await _until_begun(script)
        await one.die()
        stream = two.handler.on_subscribe_to_task(SubscribeToTaskRequest(id=task.id), context())
        async with asyncio.timeout(PATIENCE_SECONDS), aclosing(stream) as events:
            await anext(events)
            script.go.set()
            seen = [event async for event in events]
        assert isinstance(seen[-1], TaskStatusUpdateEvent)
        assert seen[-1].status.state == DONE
        assert len(script.begun) == 2
        stored = await two.store.events_after(_uuid(task.id), 0, 100)
        assert [item.seq for item in stored] == list(range(1, len(stored) + 1))


async def test_a_replica_that_stops_gives_its_tasks_back_at_once(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script, 2) as [one, two]:
        task = await _sent(one.handler, request("wait done", at_once=True), context())
        await _until_begun(script)
        await one.worker.close()
        script.go.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await two.handler.on_get_task(GetTaskRequest(id=task.id), context())).status.state != DONE:  # type: ignore[union-attr]
                await asyncio.sleep(0.01)
        assert len(script.begun) == 2


async def test_work_that_may_not_be_repeated_fails_with_the_reason(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script, 2, repeatable=False) as [one, two]:
        task = await _sent(one.handler, request("wait", at_once=True), context())
        await _until_begun(script)
        await one.die()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                read = await two.handler.on_get_task(GetTaskRequest(id=task.id), context())
                if read is not None and read.status.state == TaskState.TASK_STATE_FAILED:
                    break
                await asyncio.sleep(0.02)
        assert "may be repeated" in read.status.message.parts[0].text
        assert len(script.begun) == 1


async def test_tasks_beyond_the_room_wait_and_all_are_done(database_url: str) -> None:
    async with replicas(database_url, Script(), 2, concurrency=2) as [one, two]:
        tasks = await asyncio.gather(*(_sent(one.handler, request(f"t{n}"), context()) for n in range(20)))
        assert all(task.status.state == DONE for task in tasks)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while one.worker.room < 2 or two.worker.room < 2:
                await asyncio.sleep(0.01)


async def test_an_internal_failure_shows_no_detail(database_url: str) -> None:
    async with replicas(database_url, Script()) as [one]:
        task = await _sent(one.handler, request("fail"), context())
        assert task.status.state == TaskState.TASK_STATE_FAILED
        assert "secret detail" not in str(task)


async def test_a_task_over_its_time_limit_fails_and_says_so(database_url: str) -> None:
    async with replicas(database_url, Script(), timeout_seconds=0.05) as [one]:
        task = await _sent(one.handler, request("wait"), context())
        assert task.status.state == TaskState.TASK_STATE_FAILED
        assert "limit of 0.05 s" in task.status.message.parts[0].text


async def test_another_tenants_task_is_not_there(database_url: str) -> None:
    script = Script()
    async with replicas(database_url, script) as [one]:
        task = await _sent(one.handler, request("wait", at_once=True), context())
        stranger = context("other")
        for call in (
            one.handler.on_get_task(GetTaskRequest(id=task.id), stranger),
            one.handler.on_cancel_task(CancelTaskRequest(id=task.id), stranger),
            one.handler.on_message_send(request("x", task=task), stranger),
            anext(one.handler.on_subscribe_to_task(SubscribeToTaskRequest(id=task.id), stranger)),
        ):
            with pytest.raises(TaskNotFoundError):
                await call
        listed = await one.handler.on_list_tasks(ListTasksRequest(), stranger)
        assert listed.total_size == 0


async def test_pages_of_tasks_are_complete_and_in_order(database_url: str) -> None:
    async with replicas(database_url, Script()) as [one]:
        made = [(await _sent(one.handler, request(f"t{n}"), context())).id for n in range(7)]
        asked = await _sent(one.handler, request("ask"), context())
        seen: list[str] = []
        token = ""
        while True:
            page = await one.handler.on_list_tasks(ListTasksRequest(page_size=3, page_token=token), context())
            seen += [task.id for task in page.tasks]
            assert all(not task.artifacts for task in page.tasks)
            assert page.total_size == 8
            token = page.next_page_token
            if not token:
                break
        assert seen == [asked.id, *reversed(made)]
        waiting = ListTasksRequest(status=TaskState.TASK_STATE_INPUT_REQUIRED)
        assert [task.id for task in (await one.handler.on_list_tasks(waiting, context())).tasks] == [asked.id]
        with pytest.raises(InvalidParamsError, match="page token"):
            await one.handler.on_list_tasks(ListTasksRequest(page_token="nonsense"), context())


async def test_wrong_messages_are_refused_in_words(database_url: str) -> None:
    async with replicas(database_url, Script()) as [one]:
        done = await _sent(one.handler, request("x"), context())
        with pytest.raises(UnsupportedOperationError, match="has ended"):
            await one.handler.on_message_send(request("more", task=done), context())
        wrong = request("x", task=await _sent(one.handler, request("ask"), context()))
        wrong.message.context_id = "another"
        with pytest.raises(InvalidParamsError, match="belongs to context"):
            await one.handler.on_message_send(wrong, context())
        big = request("x")
        big.message.parts.append(Part(raw=b"x" * 1001, filename="big.bin"))
        with pytest.raises(InvalidParamsError, match="limit is 1000 bytes"):
            await one.handler.on_message_send(big, context())
        with pytest.raises(TaskNotFoundError):
            await one.handler.on_get_task(GetTaskRequest(id="no-such-task"), context())
        nul = request("x", message_id="a\x00b")
        with pytest.raises(InvalidParamsError, match="NUL"):
            await one.handler.on_message_send(nul, context())
        long_context = request("x")
        long_context.message.context_id = "c" * 60
        assert (await _sent(one.handler, long_context, context())).context_id == "c" * 60


async def test_loops_and_depth_are_refused_with_the_path(database_url: str) -> None:
    async with replicas(database_url, Script()) as [one]:
        me = f"agent:{one.agent}"
        below = Delegation(str(uuid4()), str(uuid4()), Budget(1))
        loop = context()
        loop.state[PRINCIPAL] = Principal("default", "key:test", chain=(me, "agent:b"), delegation=below)
        with pytest.raises(UnsupportedOperationError, match=f"loop .{me} → agent:b → {me}"):
            await one.handler.on_message_send(request("x"), loop)
        deep = context()
        spent = Delegation(str(uuid4()), str(uuid4()), Budget(-1))
        deep.state[PRINCIPAL] = Principal("default", "key:test", chain=("agent:a",), delegation=spent)
        with pytest.raises(UnsupportedOperationError, match="too deep"):
            await one.handler.on_message_send(request("x"), deep)


def _uuid(text: str) -> "object":
    from uuid import UUID

    return UUID(text)


async def _until(read: object, holds: object) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds(await read()):  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def _until_begun(script: Script) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not script.begun:
            await asyncio.sleep(0.01)
