"""Sections 3.4 and 3.5: contexts, tasks, turns, and streams to many."""

import asyncio
from contextlib import aclosing
from uuid import UUID, uuid4

import pytest

from tests.conformance.a2a.messages import begun, collected, kinds, message, numbers, sent, state, text_of
from tests.conformance.a2a.script import stage
from tests.conformance.a2a.server import Server
from tests.conformance.a2a.wire import Door, Json, RefusedError
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


async def test_3_4_1_a_context_is_made_and_told(any_door: Door) -> None:
    first, second = await sent(any_door, "hello"), await sent(any_door, "hello")
    assert first["contextId"]
    assert first["contextId"] != second["contextId"]


@pytest.mark.parametrize("context", ["mine", "c" * 60, "ünï-✓"])
async def test_3_4_1_a_clients_context_is_kept(any_door: Door, context: str) -> None:
    context = f"{context}-{uuid4().hex}"
    task = await sent(any_door, "hello", contextId=context)
    assert task["contextId"] == context
    again = await sent(any_door, "hello", contextId=context)
    assert again["contextId"] == context
    assert again["id"] != task["id"]


async def test_3_4_1_a_context_that_cannot_be_taken_is_refused_and_not_replaced(door: Door) -> None:
    with pytest.raises(RefusedError, match="context"):
        await sent(door, "hello", contextId="x" * 1000)


async def test_3_4_2_every_task_has_an_id_of_its_own(any_door: Door) -> None:
    made = [await sent(any_door, "hello") for _ in range(3)]
    assert len({UUID(task["id"]) for task in made}) == 3


async def test_3_4_2_a_client_cannot_choose_a_tasks_id(any_door: Door) -> None:
    with pytest.raises(RefusedError) as refused:
        await sent(any_door, "hello", taskId=str(uuid4()))
    assert refused.value.reason == "TASK_NOT_FOUND"


async def test_3_4_3_context_is_inferred_from_the_task(any_door: Door) -> None:
    asked = await sent(any_door, "ask")
    again = await sent(any_door, "ask", taskId=asked["id"])
    done = await sent(any_door, "answer", taskId=asked["id"])
    assert asked["contextId"] == again["contextId"] == done["contextId"]
    assert {item["contextId"] for item in done["history"]} == {asked["contextId"]}
    assert state(done) == "COMPLETED"


async def test_3_4_3_the_context_in_a_streams_events_is_the_tasks(any_door: Door) -> None:
    asked = await sent(any_door, "ask")
    events = await collected(any_door.stream(message("answer", taskId=asked["id"])))
    contexts = {next(iter(event.values()))["contextId"] for event in events}
    assert contexts == {asked["contextId"]}


async def test_3_4_3_a_context_that_is_not_the_tasks_is_refused(any_door: Door) -> None:
    asked = await sent(any_door, "ask")
    with pytest.raises(RefusedError):
        await sent(any_door, "answer", taskId=asked["id"], contextId="another")
    assert state(await any_door.get(asked["id"])) == "INPUT_REQUIRED"


async def test_3_4_3_a_task_goes_on_with_its_context_named(any_door: Door) -> None:
    asked = await sent(any_door, "ask")
    done = await sent(any_door, "answer", taskId=asked["id"], contextId=asked["contextId"])
    assert state(done) == "COMPLETED"


async def test_3_4_3_a_task_can_ask_again_and_again(any_door: Door) -> None:
    task = await sent(any_door, "ask")
    for _ in range(3):
        task = await sent(any_door, "ask", taskId=task["id"])
        assert state(task) == "INPUT_REQUIRED"
    assert state(await sent(any_door, "fine", taskId=task["id"])) == "COMPLETED"


async def test_3_4_3_tasks_may_be_referred_to(door: Door) -> None:
    first = await sent(door, "hello")
    second = await sent(door, "again", contextId=first["contextId"], referenceTaskIds=[first["id"]])
    read = await door.get(second["id"])
    assert read["history"][0]["referenceTaskIds"] == [first["id"]]


async def test_3_5_2_events_come_in_the_order_in_which_they_were_made(any_door: Door) -> None:
    events = await collected(any_door.stream(message("count 200")))
    assert text_of(events) == numbers(200)


async def test_3_5_2_every_stream_of_a_task_sees_the_same(server: Server, any_door: Door) -> None:
    gate = uuid4().hex
    task = await begun(any_door, f"wait {gate} count 100")
    ready = asyncio.Event()
    waiting = 6

    async def follow(door: Door) -> list[Json]:
        nonlocal waiting
        events = []
        async with aclosing(door.subscribe(task["id"])) as stream:
            async for event in stream:
                if not events:
                    waiting -= 1
                    if not waiting:
                        ready.set()
                events.append(event)
        return events

    async with server.door("JSONRPC-1.0") as other:
        followers = [asyncio.create_task(follow(door)) for door in (any_door, other) * 3]
        await ready.wait()
        stage.gates[gate].set()
        seen = await asyncio.gather(*followers)
    assert {text_of(events) for events in seen} == {numbers(100)}
    assert {state(events[-1]["statusUpdate"]) for events in seen} == {"COMPLETED"}


async def test_3_5_2_a_stream_that_is_left_disturbs_neither_the_task_nor_others(any_door: Door) -> None:
    gate = uuid4().hex
    task = await begun(any_door, f"wait {gate} count 10")
    async with aclosing(any_door.subscribe(task["id"])) as left:
        await anext(left)
    async with aclosing(any_door.subscribe(task["id"])) as kept:
        events = [await anext(kept)]
        stage.gates[gate].set()
        events += [event async for event in kept]
    assert text_of(events) == numbers(10)
    assert state(await any_door.get(task["id"])) == "COMPLETED"


async def test_3_5_2_the_client_that_sent_the_message_may_leave(any_door: Door) -> None:
    gate = uuid4().hex
    async with aclosing(any_door.stream(message(f"wait {gate} done"))) as stream:
        task = (await anext(stream))["task"]
    stage.gates[gate].set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while state(await any_door.get(task["id"])) != "COMPLETED":
            await asyncio.sleep(0.01)


async def test_7_6_1_a_task_that_needs_authorisation_says_why_and_takes_an_answer(any_door: Door) -> None:
    task = await sent(any_door, "authorise")
    assert state(task) == "AUTH_REQUIRED"
    assert task["status"]["message"]["parts"][0]["text"] == "log in first"
    assert state(await sent(any_door, "done", taskId=task["id"])) == "COMPLETED"


async def test_11_7_a_stream_closes_at_an_interruption(any_door: Door) -> None:
    events = await collected(any_door.stream(message("ask")))
    assert kinds(events)[-1] == "statusUpdate"
    assert state(events[-1]["statusUpdate"]) == "INPUT_REQUIRED"
