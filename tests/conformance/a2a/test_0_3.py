"""A2A 0.3 as its own clients speak it, on the same addresses."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.conformance.a2a.server import Server

pytestmark = pytest.mark.anyio


def message(text: str, **more: Any) -> dict[str, Any]:
    parts = [{"kind": "text", "text": text}]
    return {"kind": "message", "messageId": uuid4().hex, "role": "user", "parts": parts, **more}


async def call(server: Server, method: str, params: Any) -> Any:
    async with server.http(version=None) as http:
        response = await http.post("/", json={"jsonrpc": "2.0", "id": "a", "method": method, "params": params})
        body = response.json()
        assert (body["jsonrpc"], body["id"]) == ("2.0", "a")
        return body


async def test_0_3_message_send_answers_a_task_of_its_kind(server: Server) -> None:
    task = (await call(server, "message/send", {"message": message("hello")}))["result"]
    assert (task["kind"], task["status"]["state"]) == ("task", "completed")
    assert task["artifacts"][0]["parts"] == [{"kind": "text", "text": "hello"}]
    assert task["history"][0]["role"] == "user"


async def test_0_3_blocking_false_returns_at_once_and_the_task_can_be_read_and_canceled(server: Server) -> None:
    params = {"message": message("forever"), "configuration": {"blocking": False}}
    task = (await call(server, "message/send", params))["result"]
    assert task["status"]["state"] in {"submitted", "working"}
    read = (await call(server, "tasks/get", {"id": task["id"]}))["result"]
    assert read["id"] == task["id"]
    canceled = (await call(server, "tasks/cancel", {"id": task["id"]}))["result"]
    assert canceled["status"]["state"] == "canceled"


async def test_0_3_a_stream_ends_with_its_final_event(server: Server) -> None:
    async with server.http(version=None) as http:
        body = {"jsonrpc": "2.0", "id": 1, "method": "message/stream", "params": {"message": message("hello")}}
        async with http.stream("POST", "/", json=body) as response:
            lines = [line async for line in response.aiter_lines() if line.startswith("data:")]
    events = [json.loads(line.removeprefix("data:"))["result"] for line in lines]
    assert events[0]["kind"] == "task"
    assert {event["kind"] for event in events[1:]} == {"status-update", "artifact-update"}
    assert [event.get("final") for event in events if event["kind"] == "status-update"] == [False, True]


async def test_0_3_a_task_can_be_subscribed_to_again(server: Server) -> None:
    task = (await call(server, "message/send", {"message": message("ask")}))["result"]
    async with server.http(version=None) as http:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tasks/resubscribe", "params": {"id": task["id"]}}
        async with http.stream("POST", "/", json=body) as response:
            async for line in response.aiter_lines():
                if line.startswith("data:"):
                    assert json.loads(line.removeprefix("data:"))["result"]["id"] == task["id"]
                    break


async def test_0_3_context_is_inferred_from_the_task(server: Server) -> None:
    asked = (await call(server, "message/send", {"message": message("ask")}))["result"]
    assert asked["status"]["state"] == "input-required"
    done = (await call(server, "message/send", {"message": message("answer", taskId=asked["id"])}))["result"]
    assert (done["contextId"], done["status"]["state"]) == (asked["contextId"], "completed")


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("tasks/get", {"id": "no-such-task"}, -32001),
        ("tasks/cancel", {"id": "no-such-task"}, -32001),
        ("message/send", {"message": message("x", taskId="no-such-task")}, -32001),
        ("tasks/nothing", {}, -32601),
    ],
)
async def test_0_3_errors_have_their_codes(server: Server, method: str, params: Any, code: int) -> None:
    assert (await call(server, method, params))["error"]["code"] == code


async def test_0_3_params_that_are_not_valid_are_refused(server: Server) -> None:
    answer = await call(server, "message/send", {"message": {"kind": "message"}})
    assert answer["error"]["code"] in {-32602, -32600}


async def test_0_3_the_authenticated_card(server: Server) -> None:
    async with server.http(version=None) as http:
        body = {"jsonrpc": "2.0", "id": 1, "method": "agent/getAuthenticatedExtendedCard"}
        card = (await http.post("/", json=body)).json()["result"]
        assert (card["name"], card["preferredTransport"]) == (server.name, "JSONRPC")
        by_rest = (await http.get("/v1/card")).json()
        assert by_rest["name"] == server.name


async def test_0_3_rest_speaks_its_own_shapes(server: Server) -> None:
    async with server.http(version=None) as http:
        sent = {"messageId": uuid4().hex, "role": "ROLE_USER", "content": [{"text": "hello"}]}
        answer = await http.post("/v1/message:send", json={"message": sent})
        task = answer.json()["task"]
        assert task["status"]["state"] == "TASK_STATE_COMPLETED"
        assert (await http.get(f"/v1/tasks/{task['id']}")).json()["id"] == task["id"]
        missing = await http.get("/v1/tasks/no-such-task")
        assert missing.status_code == 404
