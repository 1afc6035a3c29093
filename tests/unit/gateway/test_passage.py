"""A stream is passed on in whole events, and known where it broke off, in either version and binding."""

import json
from typing import Any

import pytest

from gateway.a2a.passage import Passage, Place

TASK = "019a-task"


def event(data: Any, identifier: str = "3.1.-1.3", name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    place = f"id: {identifier}\n" if identifier else ""
    return f"{head}{place}data: {json.dumps(data)}\n\n".encode()


def rpc(result: Any) -> Any:
    return {"jsonrpc": "2.0", "id": 1, "result": result}


def passed(*chunks: bytes, subscription: bool = False) -> tuple[Passage, list[bytes]]:
    passage = Passage(lambda: subscription)
    return passage, [data for chunk in chunks if (data := passage.take(chunk))]


WORKING = {"taskId": TASK, "status": {"state": "TASK_STATE_WORKING"}}
CHUNK = {"taskId": TASK, "artifact": {"artifactId": "a", "parts": [{"text": "hi\n\nthere"}]}}
OPEN = [
    rpc({"task": {"id": TASK, "status": {"state": "TASK_STATE_SUBMITTED"}}}),
    rpc({"statusUpdate": WORKING}),
    rpc({"artifactUpdate": CHUNK}),
    {"task": {"id": TASK, "status": {"state": "TASK_STATE_WORKING"}}},
    {"artifactUpdate": CHUNK},
    rpc({"kind": "task", "id": TASK, "status": {"state": "working"}}),
    rpc({"kind": "status-update", "taskId": TASK, "status": {"state": "working"}, "final": False}),
    rpc({"kind": "artifact-update", "taskId": TASK, "artifact": {"parts": [{"text": "TASK_STATE_COMPLETED"}]}}),
    {"artifactUpdate": {"taskId": TASK, "artifact": {"parts": [{"data": {"status": {"state": "TASK_STATE_FAILED"}}}]}}},
]


@pytest.mark.parametrize("data", OPEN)
def test_a_stream_that_came_to_no_end_is_gone_on_with_behind_its_last_event(data: Any) -> None:
    passage, sent = passed(event(OPEN[0], "1.1.-1.1"), event(data))
    assert b"".join(sent) == event(OPEN[0], "1.1.-1.1") + event(data)
    assert passage.broken_off() == Place(TASK, "3.1.-1.3")
    together, _ = passed(event(OPEN[0], "1.1.-1.1") + event(data) + b": keep-alive\n\n")
    assert together.broken_off() == Place(TASK, "3.1.-1.3")


ENDS = [
    rpc({"statusUpdate": {"taskId": TASK, "status": {"state": "TASK_STATE_COMPLETED"}}}),
    rpc({"task": {"id": TASK, "status": {"state": "TASK_STATE_FAILED"}}}),
    {"statusUpdate": {"taskId": TASK, "status": {"state": "TASK_STATE_CANCELED"}}},
    {"statusUpdate": {"taskId": TASK, "status": {"state": "TASK_STATE_REJECTED"}}},
    rpc({"kind": "status-update", "taskId": TASK, "status": {"state": "completed"}, "final": True}),
    rpc({"kind": "status-update", "taskId": TASK, "status": {"state": "input-required"}, "final": True}),
    {"statusUpdate": {"taskId": TASK, "status": {"state": "TASK_STATE_INPUT_REQUIRED"}, "final": True}},
]


@pytest.mark.parametrize("subscription", [True, False])
@pytest.mark.parametrize("data", ENDS)
def test_a_stream_that_came_to_its_end_is_left_alone(data: Any, subscription: bool) -> None:
    assert passed(event(OPEN[0]), event(data), subscription=subscription)[0].broken_off() is None


@pytest.mark.parametrize("state", ["INPUT_REQUIRED", "AUTH_REQUIRED"])
def test_a_question_ends_a_messages_stream_and_not_a_subscription(state: str) -> None:
    asked = event(rpc({"statusUpdate": {"taskId": TASK, "status": {"state": f"TASK_STATE_{state}"}}}))
    message, _ = passed(event(OPEN[0]), asked)
    assert (message.broken_off(), message.is_at_question()) == (None, True)
    subscription, _ = passed(event(OPEN[0]), asked, subscription=True)
    assert (subscription.broken_off(), subscription.is_at_question()) == (Place(TASK, "3.1.-1.3"), False)


@pytest.mark.parametrize(
    "chunks",
    [
        [event({"error": {}}, "", "error")],
        [event(OPEN[0]), event({"error": {"code": 503}}, "", "error")],
        [event(OPEN[0]) + event({"error": {"code": 503}}, "", "error")],
        [event(OPEN[0], "")],  # a foreign agent's, without ids
        [b"data: hello\n\n", event(OPEN[0])],
        [event(rpc({"message": {"messageId": "1"}}))],
        [b"id: 1\ndata: no JSON\n\n"],
        [b"id: 1\ndata: [1]\n\n"],
        [b"id: 1\n\n"],
        [b": keep-alive\n\n"],
        [],
    ],
)
def test_what_cannot_be_gone_on_with_is_said_to_have_ended(chunks: list[bytes]) -> None:
    passage, sent = passed(*chunks)
    assert b"".join(sent) == b"".join(chunks)
    assert passage.broken_off() is None
    assert passage.at_boundary


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
def test_half_an_event_is_kept_until_it_is_whole_and_forgotten_where_it_broke_off(size: int) -> None:
    first, second, half = event(OPEN[0], "1.1.-1.1"), event(OPEN[2], "2.1.5.1"), event(OPEN[1])[:-9]
    stream = first + b": keep-alive\n\n" + second + half
    passage, sent = passed(*(stream[at : at + size] for at in range(0, len(stream), size)))
    assert b"".join(sent) == stream.removesuffix(half)
    assert all(data.endswith(b"\n\n") for data in sent)
    assert passage.broken_off() == Place(TASK, "2.1.5.1")
    assert passage.take(event(OPEN[1])) == event(OPEN[1])  # what another replica sends is not put behind the half


@pytest.mark.parametrize("size", [1, 5, 17])
def test_the_stream_of_a_foreign_agent_passes_as_it_comes(size: int) -> None:
    stream = b": ping\r\n\r\nevent: message\ndata: {}\n\ndata: half"
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    passage, sent = passed(*chunks)
    assert sent == chunks
    assert not passage.at_boundary
    assert passage.broken_off() is None
