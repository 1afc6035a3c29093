"""Section 3.1: what each operation does, in every binding and both versions."""

import asyncio
from contextlib import aclosing
from uuid import uuid4

import pytest

from tests.conformance.a2a.messages import (
    AT_ONCE,
    begun,
    collected,
    kinds,
    message,
    numbers,
    sent,
    state,
    text_of,
)
from tests.conformance.a2a.script import stage
from tests.conformance.a2a.server import Server
from tests.conformance.a2a.wire import Door, RefusedError
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

NOWHERE = "00000000-0000-4000-8000-000000000000"


async def test_3_1_1_a_message_becomes_a_task_with_its_result(any_door: Door) -> None:
    task = await sent(any_door, "hello")
    assert state(task) == "COMPLETED"
    assert [part["text"] for artifact in task["artifacts"] for part in artifact["parts"]] == ["hello"]


async def test_3_1_1_work_goes_on_after_the_answer(any_door: Door) -> None:
    gate = uuid4().hex
    task = await begun(any_door, f"wait {gate} done")
    assert state(task) in {"SUBMITTED", "WORKING"}
    stage.gates[gate].set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while state(task) != "COMPLETED":
            task = await any_door.get(task["id"])


@pytest.mark.parametrize("text", ["hello", "fail", "reject"])
async def test_3_1_1_a_task_that_has_ended_takes_no_more_messages(any_door: Door, text: str) -> None:
    task = await sent(any_door, text)
    with pytest.raises(RefusedError) as refused:
        await sent(any_door, "more", taskId=task["id"])
    assert refused.value.reason == "UNSUPPORTED_OPERATION"


@pytest.mark.parametrize("task_id", [NOWHERE, "no-such-task"])
async def test_3_1_1_a_message_to_no_task_is_refused(any_door: Door, task_id: str) -> None:
    with pytest.raises(RefusedError) as refused:
        await sent(any_door, "hello", taskId=task_id)
    assert refused.value.reason == "TASK_NOT_FOUND"


async def test_3_1_1_a_media_type_that_is_not_taken_is_refused(door: Door) -> None:
    part = {"raw": "AAA=", "mediaType": "image/x-unheard-of"}
    with pytest.raises(RefusedError) as refused:
        await door.send(message("") | {"parts": [part]})
    assert refused.value.reason == "CONTENT_TYPE_NOT_SUPPORTED"


async def test_3_1_2_a_stream_begins_with_the_task_and_ends_with_its_end(any_door: Door) -> None:
    events = await collected(any_door.stream(message("hello count 5")))
    assert kinds(events)[0] == "task"
    assert set(kinds(events)[1:]) == {"statusUpdate", "artifactUpdate"}
    assert state(events[-1]["statusUpdate"]) == "COMPLETED"
    assert text_of(events) == numbers(5)


@pytest.mark.parametrize(("text", "end"), [("fail", "FAILED"), ("reject", "REJECTED")])
async def test_3_1_2_a_stream_ends_with_every_kind_of_end(any_door: Door, text: str, end: str) -> None:
    events = await collected(any_door.stream(message(text)))
    assert state(events[-1]["statusUpdate"]) == end


async def test_3_1_2_a_stream_tells_of_progress_while_the_work_goes_on(any_door: Door) -> None:
    gate = uuid4().hex
    async with aclosing(any_door.stream(message(f"first wait {gate} second"))) as events:
        async for event in events:
            if "artifactUpdate" in event:
                stage.gates[gate].set()  # only what was told of before the end can open the gate
    assert state(event["statusUpdate"]) == "COMPLETED"


async def test_3_1_2_a_stream_for_an_ended_task_is_refused(any_door: Door) -> None:
    task = await sent(any_door, "hello")
    with pytest.raises(RefusedError) as refused:
        await collected(any_door.stream(message("more", taskId=task["id"])))
    assert refused.value.reason == "UNSUPPORTED_OPERATION"


async def test_3_1_2_a_stream_for_no_task_is_refused(any_door: Door) -> None:
    with pytest.raises(RefusedError) as refused:
        await collected(any_door.stream(message("more", taskId=NOWHERE)))
    assert refused.value.reason == "TASK_NOT_FOUND"


async def test_3_1_3_a_task_is_read_with_status_artifacts_and_history(any_door: Door) -> None:
    task = await sent(any_door, "hello")
    read = await any_door.get(task["id"])
    assert read["id"] == task["id"]
    assert state(read) == "COMPLETED"
    assert read["artifacts"][0]["parts"][0]["text"] == "hello"
    assert read["history"][0]["parts"][0]["text"] == "hello"


@pytest.mark.parametrize("task_id", [NOWHERE, "no-such-task"])
async def test_3_1_3_no_task_is_not_found(any_door: Door, task_id: str) -> None:
    with pytest.raises(RefusedError) as refused:
        await any_door.get(task_id)
    assert refused.value.reason == "TASK_NOT_FOUND"


async def test_3_1_4_artifacts_are_left_out_unless_asked_for(door: Door) -> None:
    task = await sent(door, "hello")
    [without] = (await door.list(contextId=task["contextId"]))["tasks"]
    assert "artifacts" not in without
    [withs] = (await door.list(contextId=task["contextId"], includeArtifacts=True))["tasks"]
    assert withs["artifacts"][0]["parts"][0]["text"] == "hello"


async def test_3_1_4_pages_follow_one_another_without_gap_newest_first(door: Door) -> None:
    context = uuid4().hex
    made = [(await sent(door, "hello", contextId=context))["id"] for _ in range(5)]
    seen: list[str] = []
    token = ""
    while True:
        page = await door.list(contextId=context, pageSize=2, **({"pageToken": token} if token else {}))
        seen += [task["id"] for task in page["tasks"]]
        assert page["totalSize"] == 5
        assert page["pageSize"] == 2
        token = page["nextPageToken"]
        if not token:
            break
    assert seen == list(reversed(made))


async def test_3_1_4_a_page_token_holds_while_tasks_change(door: Door) -> None:
    context = uuid4().hex
    asked = await sent(door, "ask", contextId=context)
    rest = [(await sent(door, "hello", contextId=context))["id"] for _ in range(3)]
    first = await door.list(contextId=context, pageSize=2)
    await sent(door, "answer", taskId=asked["id"])
    second = await door.list(contextId=context, pageSize=2, pageToken=first["nextPageToken"])
    assert [task["id"] for task in first["tasks"]] == [rest[2], rest[1]]
    assert [task["id"] for task in second["tasks"]] == [rest[0]]


async def test_3_1_4_tasks_are_sorted_by_the_time_of_their_status(door: Door) -> None:
    context = uuid4().hex
    asked = await sent(door, "ask", contextId=context)
    later = await sent(door, "hello", contextId=context)
    await sent(door, "answer", taskId=asked["id"])
    listed = (await door.list(contextId=context))["tasks"]
    assert [task["id"] for task in listed] == [asked["id"], later["id"]]
    times = [task["status"]["timestamp"] for task in listed]
    assert times == sorted(times, reverse=True)


async def test_3_1_4_filters_by_state(door: Door) -> None:
    context = uuid4().hex
    asked = await sent(door, "ask", contextId=context)
    await sent(door, "hello", contextId=context)
    page = await door.list(contextId=context, status="TASK_STATE_INPUT_REQUIRED")
    assert [task["id"] for task in page["tasks"]] == [asked["id"]]
    assert page["totalSize"] == 1


async def test_3_1_4_filters_by_the_time_of_the_status_inclusively(door: Door) -> None:
    context = uuid4().hex
    await sent(door, "hello", contextId=context)
    second = await sent(door, "hello", contextId=context)
    page = await door.list(contextId=context, statusTimestampAfter=second["status"]["timestamp"])
    assert [task["id"] for task in page["tasks"]] == [second["id"]]


async def test_3_1_4_nothing_found_is_an_empty_last_page(door: Door) -> None:
    page = await door.list(contextId=uuid4().hex)
    assert (page["tasks"], page["nextPageToken"], page["totalSize"]) == ([], "", 0)
    assert page["pageSize"] == 50


@pytest.mark.parametrize("wrong", [{"pageSize": 0}, {"pageSize": 101}, {"historyLength": -1}, {"pageToken": "x"}])
async def test_3_1_4_wrong_parameters_are_refused(door: Door, wrong: dict[str, object]) -> None:
    with pytest.raises(RefusedError) as refused:
        await door.list(**wrong)
    assert refused.value.code in {-32602, 400, "INVALID_ARGUMENT"}


async def test_3_1_5_a_canceled_task_is_answered_as_canceled(any_door: Door) -> None:
    task = await begun(any_door, "forever")
    assert state(await any_door.cancel(task["id"])) == "CANCELED"
    assert state(await any_door.get(task["id"])) == "CANCELED"


async def test_3_1_5_a_task_that_waits_for_input_can_be_canceled(any_door: Door) -> None:
    task = await sent(any_door, "ask")
    assert state(await any_door.cancel(task["id"])) == "CANCELED"


@pytest.mark.parametrize("text", ["hello", "fail", "reject"])
async def test_3_1_5_a_task_that_has_ended_cannot_be_canceled(any_door: Door, text: str) -> None:
    task = await sent(any_door, text)
    with pytest.raises(RefusedError) as refused:
        await any_door.cancel(task["id"])
    assert refused.value.reason == "TASK_NOT_CANCELABLE"


async def test_3_1_5_no_task_cannot_be_canceled(any_door: Door) -> None:
    with pytest.raises(RefusedError) as refused:
        await any_door.cancel(NOWHERE)
    assert refused.value.reason == "TASK_NOT_FOUND"


async def test_3_1_6_a_subscriber_gets_the_task_and_then_its_events(any_door: Door) -> None:
    gate = uuid4().hex
    task = await begun(any_door, f"wait {gate} count 5")
    events = []
    async with aclosing(any_door.subscribe(task["id"])) as stream:
        async for event in stream:
            events.append(event)
            stage.gates[gate].set()
    assert kinds(events)[0] == "task"
    assert events[0]["task"]["id"] == task["id"]
    assert text_of(events) == numbers(5)
    assert state(events[-1]["statusUpdate"]) == "COMPLETED"


async def test_3_1_6_the_stream_ends_when_the_task_is_canceled(any_door: Door) -> None:
    task = await begun(any_door, "forever")
    events = []
    async with aclosing(any_door.subscribe(task["id"])) as stream:
        async for event in stream:
            if not events:
                await any_door.cancel(task["id"])
            events.append(event)
    assert state(events[-1]["statusUpdate"]) == "CANCELED"


async def test_3_1_6_an_ended_task_cannot_be_subscribed_to(any_door: Door) -> None:
    task = await sent(any_door, "hello")
    with pytest.raises(RefusedError) as refused:
        await collected(any_door.subscribe(task["id"]))
    assert refused.value.reason == "UNSUPPORTED_OPERATION"


async def test_3_1_6_no_task_cannot_be_subscribed_to(any_door: Door) -> None:
    with pytest.raises(RefusedError) as refused:
        await collected(any_door.subscribe(NOWHERE))
    assert refused.value.reason == "TASK_NOT_FOUND"


async def test_3_1_11_the_extended_card_is_given_to_a_caller_with_a_key(server: Server, any_door: Door) -> None:
    card = await any_door.extended_card()
    assert card["name"] == server.name
    assert card["skills"][0]["id"] == "perform"


async def test_3_1_1_a_task_begun_in_one_binding_goes_on_in_every_other(server: Server, any_door: Door) -> None:
    async with server.door("JSONRPC-1.0") as first:
        task = (await first.send(message("ask"), AT_ONCE))["task"]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while state(await any_door.get(task["id"])) != "INPUT_REQUIRED":
                await asyncio.sleep(0.01)
    done = await sent(any_door, "answer", taskId=task["id"])
    assert state(done) == "COMPLETED"
