"""Section 9: JSON-RPC."""

import json
from typing import Any

import pytest

from tests.conformance.a2a.messages import message
from tests.conformance.a2a.server import Server
from tests.conformance.a2a.test_3_1_operations import NOWHERE

pytestmark = pytest.mark.anyio


def body(method: str, params: Any = None, **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}} | more


async def answer_to(server: Server, content: Any, path: str = "/", **headers: str) -> Any:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    async with server.http() as http:
        response = await http.post(path, content=data, headers={"content-type": "application/json"} | headers)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("application/json")
        return response.json()


@pytest.mark.parametrize("path", ["", "/"])
async def test_9_1_the_address_answers_with_and_without_a_slash(server: Server, path: str) -> None:
    answer = await answer_to(server, body("SendMessage", {"message": message("hello")}), path)
    assert answer["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


@pytest.mark.parametrize("identifier", [1, 0, -7, "text", "", "ünï"])
async def test_9_3_the_answer_has_the_requests_id(server: Server, identifier: Any) -> None:
    answer = await answer_to(server, body("ListTasks", id=identifier))
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", identifier)
    wrong = await answer_to(server, body("GetTask", {"id": NOWHERE}, id=identifier))
    assert wrong["id"] == identifier


async def test_9_4_params_may_be_left_out(server: Server) -> None:
    for method in ("ListTasks", "GetExtendedAgentCard"):
        answer = await answer_to(server, {"jsonrpc": "2.0", "id": 1, "method": method})
        assert "result" in answer


async def test_9_5_what_is_no_json_is_a_parse_error(server: Server) -> None:
    answer = await answer_to(server, b'{"jsonrpc": "2.0", ')
    assert (answer["error"]["code"], answer["id"]) == (-32700, None)


@pytest.mark.parametrize(
    "content",
    [
        {"id": 1, "method": "ListTasks"},
        {"jsonrpc": "1.0", "id": 1, "method": "ListTasks"},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "method": 7},
        {"jsonrpc": "2.0", "id": {"a": 1}, "method": "ListTasks"},
        {"jsonrpc": "2.0", "id": True, "method": "ListTasks"},
        [],
        [{"jsonrpc": "2.0", "id": 1, "method": "ListTasks"}],
        "ListTasks",
        7,
    ],
    ids=str,
)
async def test_9_3_what_is_no_request_is_refused(server: Server, content: Any) -> None:
    assert (await answer_to(server, content))["error"]["code"] == -32600


@pytest.mark.parametrize("method", ["sendMessage", "message", "tasks/send", "tasks/sendSubscribe", "tasks/list"])
async def test_9_5_a_method_that_is_not_there_is_not_found(server: Server, method: str) -> None:
    assert (await answer_to(server, body(method)))["error"]["code"] == -32601


@pytest.mark.parametrize(
    "params", [{"id": 7}, {"id": None, "historyLength": "x"}, {"id": NOWHERE, "historyLength": {}}]
)
async def test_9_5_params_of_a_wrong_type_are_invalid(server: Server, params: Any) -> None:
    assert (await answer_to(server, body("GetTask", params)))["error"]["code"] == -32602


@pytest.mark.parametrize("params", [[1], "text", 7])
async def test_9_5_params_that_are_no_object_are_invalid(server: Server, params: Any) -> None:
    assert (await answer_to(server, body("GetTask", params)))["error"]["code"] in {-32602, -32600}


async def test_9_5_a_state_that_is_not_there_is_invalid(server: Server) -> None:
    answer = await answer_to(server, body("ListTasks", {"status": "TASK_STATE_RUNNING"}))
    assert answer["error"]["code"] == -32602


async def test_5_5_snake_case_params_are_understood(server: Server) -> None:
    sent = message("ask")
    sent["message_id"] = sent.pop("messageId")
    params = {"message": sent, "configuration": {"return_immediately": False, "history_length": 0}}
    task = (await answer_to(server, body("SendMessage", params)))["result"]["task"]
    assert "history" not in task
    page = await answer_to(server, body("ListTasks", {"context_id": task["contextId"], "page_size": 1}))
    assert page["result"]["totalSize"] == 1


async def test_9_1_an_answer_is_application_json(server: Server) -> None:
    async with server.http() as http:
        response = await http.post("/", json=body("ListTasks"))
        assert response.headers["content-type"].partition(";")[0] == "application/json"


async def test_9_4_2_a_stream_is_server_sent_events_of_responses(server: Server) -> None:
    async with server.http() as http:
        request = body("SendStreamingMessage", {"message": message("hello")}, id="s-1")
        async with http.stream("POST", "/", json=request) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = [line async for line in response.aiter_lines() if line.startswith("data:")]
    answers = [json.loads(line.removeprefix("data:")) for line in lines]
    assert {(item["jsonrpc"], item["id"]) for item in answers} == {("2.0", "s-1")}
    assert all(set(item["result"]) <= {"task", "statusUpdate", "artifactUpdate"} for item in answers)


async def test_9_4_2_a_stream_that_cannot_begin_is_a_plain_error(server: Server) -> None:
    for method, params in (
        ("SubscribeToTask", {"id": NOWHERE}),
        ("SendStreamingMessage", {"message": message("hello", taskId=NOWHERE)}),
    ):
        assert (await answer_to(server, body(method, params)))["error"]["code"] == -32001


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x"])
async def test_9_1_another_content_type_is_refused(server: Server, content_type: str) -> None:
    async with server.http() as http:
        data = json.dumps(body("ListTasks")).encode()
        response = await http.post("/", content=data, headers={"content-type": content_type})
        assert response.status_code in {400, 415} or response.json()["error"]["code"] in {-32600, -32005}


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "application/a2a+json"]
)
async def test_9_1_json_is_taken_under_both_its_names(server: Server, content_type: str) -> None:
    answer = await answer_to(server, body("ListTasks"), **{"content-type": content_type})
    assert "result" in answer
