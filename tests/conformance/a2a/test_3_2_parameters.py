"""Sections 3.2 and 3.3.1: execution mode and deadlines, history length, metadata, repeated messages."""

import asyncio
from uuid import uuid4

import pytest

from tests.conformance.a2a.messages import AT_ONCE, begun, collected, message, sent, state
from tests.conformance.a2a.script import stage
from tests.conformance.a2a.server import Server
from tests.conformance.a2a.wire import Door, GrpcDoor, RefusedError
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


async def test_3_2_2_a_blocking_call_ends_with_the_end_and_all_artifacts(any_door: Door) -> None:
    task = await sent(any_door, "one two three")
    assert state(task) == "COMPLETED"
    assert [artifact["artifactId"] for artifact in task["artifacts"]] == ["one", "two", "three"]


@pytest.mark.parametrize(("text", "rest"), [("ask", "INPUT_REQUIRED"), ("authorise", "AUTH_REQUIRED")])
async def test_3_2_2_a_blocking_call_ends_with_an_interruption(any_door: Door, text: str, rest: str) -> None:
    task = await sent(any_door, text)
    assert state(task) == rest
    assert task["status"]["message"]["parts"][0]["text"]


async def test_3_2_2_a_call_that_does_not_block_returns_while_the_task_runs(any_door: Door) -> None:
    task = await begun(any_door, "forever")
    assert state(task) in {"SUBMITTED", "WORKING"}
    await any_door.cancel(task["id"])


async def test_3_2_2_a_stream_is_a_stream_whatever_the_execution_mode(door: Door) -> None:
    events = await collected(door.stream(message("hello"), AT_ONCE))
    assert state(events[-1]["statusUpdate"]) == "COMPLETED"


@pytest.mark.parametrize("binding", ["JSONRPC-1.0", "HTTP+JSON-1.0", "JSONRPC-0.3", "HTTP+JSON-0.3"])
@pytest.mark.parametrize("header", [{"request-timeout": "0.2"}, {"prefer": "respond-async, wait=0"}])
async def test_3_2_2_a_blocking_call_ends_at_the_clients_deadline_with_the_task_as_it_is(
    server: Server, binding: str, header: dict[str, str]
) -> None:
    gate = uuid4().hex
    async with server.door(binding, headers=header) as door:
        task = await sent(door, f"first wait {gate}")
        assert state(task) in {"SUBMITTED", "WORKING"}
        stage.gates[gate].set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while state(await door.get(task["id"])) != "COMPLETED":
                await asyncio.sleep(0.01)


async def test_3_2_2_a_blocking_call_over_grpc_ends_before_its_deadline(server: Server) -> None:
    async with server.door("GRPC-1.0") as door:
        assert isinstance(door, GrpcDoor)
        answer = await door.send(message("forever"), timeout=1.0)
        assert state(answer["task"]) in {"SUBMITTED", "WORKING"}
        await door.cancel(answer["task"]["id"])


@pytest.mark.parametrize("binding", ["JSONRPC-1.0", "HTTP+JSON-1.0", "GRPC-1.0"])
@pytest.mark.parametrize("wrong", ["soon", "-1", "nan"])
async def test_3_2_2_a_deadline_that_is_no_number_is_refused(server: Server, binding: str, wrong: str) -> None:
    async with server.door(binding, headers={"request-timeout": wrong}) as door:
        with pytest.raises(RefusedError, match="Request-Timeout"):
            await sent(door, "hello")


async def test_3_2_4_no_more_history_than_is_asked_for(any_door: Door) -> None:
    task = await sent(any_door, "ask")
    for _ in range(2):
        task = await sent(any_door, "ask", taskId=task["id"])
    every = (await any_door.get(task["id"]))["history"]
    assert len(every) == 5  # three of the user's, and two of the agent's questions that are not the current one
    assert (await any_door.get(task["id"], historyLength=2))["history"] == every[-2:]
    assert (await any_door.get(task["id"], historyLength=100))["history"] == every


async def test_3_2_4_history_of_length_0_is_left_out(door: Door) -> None:
    task = await sent(door, "hello", {"historyLength": 0})
    assert "history" not in task
    assert "history" not in await door.get(task["id"], historyLength=0)


async def test_3_2_4_a_sent_message_is_answered_with_no_more_history_than_asked_for(door: Door) -> None:
    task = await sent(door, "ask")
    task = await sent(door, "ask", {"historyLength": 1}, taskId=task["id"])
    assert len(task["history"]) == 1
    [first, *_] = await collected(door.stream(message("hello", taskId=task["id"]), {"historyLength": 1}))
    assert len(first["task"]["history"]) == 1


async def test_3_2_4_a_list_shows_as_much_history_as_asked_for(door: Door) -> None:
    task = await sent(door, "hello")
    [listed] = (await door.list(contextId=task["contextId"], historyLength=1))["tasks"]
    assert listed["history"][0]["parts"][0]["text"] == "hello"
    [listed] = (await door.list(contextId=task["contextId"], historyLength=0))["tasks"]
    assert not listed.get("history")


async def test_3_2_4_a_negative_history_length_is_refused(door: Door) -> None:
    task = await sent(door, "hello")
    with pytest.raises(RefusedError) as refused:
        await door.get(task["id"], historyLength=-1)
    assert refused.value.code in {-32602, 400, "INVALID_ARGUMENT"}


async def test_3_2_5_a_messages_metadata_is_kept(any_door: Door) -> None:
    metadata = {"https://example.com/ext/v1": {"a": [1, "b", None, True]}}
    task = await sent(any_door, "hello", metadata=metadata)
    read = await any_door.get(task["id"])
    assert read["history"][0]["metadata"] == metadata


async def test_3_2_6_names_of_service_parameters_know_no_case(server: Server) -> None:
    async with server.http(version=None) as http:
        response = await http.post("/message:send", json={"message": message("hello")}, headers={"a2A-vErsIon": "1.0"})
        assert response.status_code == 200


async def test_3_3_1_a_message_sent_twice_is_one_task(any_door: Door) -> None:
    once = message("hello")
    first, second = await any_door.send(once), await any_door.send(once)
    assert first["task"]["id"] == second["task"]["id"]
    assert stage.begun[first["task"]["id"]] == 1


async def test_3_3_1_a_message_sent_twice_at_once_is_one_task(door: Door) -> None:
    once = message("hello")
    answers = await asyncio.gather(*(door.send(once) for _ in range(5)))
    assert len({answer["task"]["id"] for answer in answers}) == 1


async def test_3_3_1_reading_changes_nothing(any_door: Door) -> None:
    task = await sent(any_door, "hello")
    assert await any_door.get(task["id"]) == await any_door.get(task["id"])
