"""Section 11: HTTP+JSON."""

import json

import pytest

from tests.conformance.a2a.messages import AT_ONCE, message
from tests.conformance.a2a.server import Server
from tests.conformance.a2a.test_3_1_operations import NOWHERE
from tests.conformance.a2a.wire import sse_data

pytestmark = pytest.mark.anyio

A2A_JSON = "application/a2a+json"


async def test_11_1_an_answer_is_a2a_json(server: Server) -> None:
    async with server.http() as http:
        sent = await http.post("/message:send", json={"message": message("hello")})
        task_id = sent.json()["task"]["id"]
        for response in (sent, await http.get(f"/tasks/{task_id}"), await http.get("/tasks")):
            assert response.headers["content-type"].partition(";")[0] == A2A_JSON


async def test_11_1_a_client_that_asks_for_plain_json_gets_it(server: Server) -> None:
    async with server.http() as http:
        response = await http.get("/tasks", headers={"accept": "application/json"})
        assert response.headers["content-type"].partition(";")[0] == "application/json"


@pytest.mark.parametrize("content_type", [A2A_JSON, f"{A2A_JSON}; charset=utf-8", "application/json"])
async def test_11_1_both_media_types_of_json_are_taken(server: Server, content_type: str) -> None:
    async with server.http() as http:
        data = json.dumps({"message": message("hello")}).encode()
        response = await http.post("/message:send", content=data, headers={"content-type": content_type})
        assert response.status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml"])
async def test_11_1_another_content_type_is_refused(server: Server, content_type: str) -> None:
    async with server.http() as http:
        data = json.dumps({"message": message("hello")}).encode()
        response = await http.post("/message:send", content=data, headers={"content-type": content_type})
        assert response.status_code == 400


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"x"', b'{"message": 7}', b'{"message": {"parts": {}}}'])
async def test_11_4_a_body_that_cannot_be_read_is_refused(server: Server, data: bytes) -> None:
    async with server.http() as http:
        for path in ("/message:send", "/message:stream"):
            response = await http.post(path, content=data, headers={"content-type": A2A_JSON})
            assert response.status_code == 400
            assert response.json()["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_11_3_2_a_task_is_subscribed_to_by_get_and_by_post(server: Server, method: str) -> None:
    async with server.http() as http:
        body = {"message": message("ask"), "configuration": AT_ONCE}
        task = (await http.post("/message:send", json=body)).json()["task"]
        async with http.stream(method, f"/tasks/{task['id']}:subscribe") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            async for event in sse_data(response):
                assert event["task"]["id"] == task["id"]
                break


async def test_11_3_2_a_task_is_canceled_without_a_body(server: Server) -> None:
    async with server.http() as http:
        body = {"message": message("forever"), "configuration": AT_ONCE}
        task = (await http.post("/message:send", json=body)).json()["task"]
        canceled = await http.post(f"/tasks/{task['id']}:cancel")
        assert canceled.json()["status"]["state"] == "TASK_STATE_CANCELED"


async def test_11_5_query_parameters_are_camel_case_and_typed(server: Server) -> None:
    async with server.http() as http:
        sent = (await http.post("/message:send", json={"message": message("hello", contextId="ä & b")})).json()
        query = {
            "contextId": "ä & b",
            "status": "TASK_STATE_COMPLETED",
            "pageSize": "1",
            "includeArtifacts": "true",
            "historyLength": "1",
            "statusTimestampAfter": sent["task"]["status"]["timestamp"],
        }
        page = (await http.get("/tasks", params=query)).json()
        assert [task["id"] for task in page["tasks"]] == [sent["task"]["id"]]
        assert page["tasks"][0]["artifacts"]
        assert len(page["tasks"][0]["history"]) == 1


@pytest.mark.parametrize("query", ["pageSize=x", "pageSize=1.5", "historyLength=-5", "statusTimestampAfter=yesterday"])
async def test_11_5_a_query_parameter_of_a_wrong_type_is_refused(server: Server, query: str) -> None:
    async with server.http() as http:
        response = await http.get(f"/tasks?{query}")
        assert response.status_code == 400
        assert response.json()["error"]["status"] == "INVALID_ARGUMENT"


async def test_11_5_a_state_that_is_not_there_is_refused(server: Server) -> None:
    async with server.http() as http:
        assert (await http.get("/tasks?status=TASK_STATE_RUNNING")).status_code == 400


async def test_11_5_an_unknown_query_parameter_is_ignored(server: Server) -> None:
    async with server.http() as http:
        assert (await http.get("/tasks?fromTheFuture=1")).status_code == 200


async def test_11_6_an_error_is_google_rpc_status(server: Server) -> None:
    async with server.http() as http:
        response = await http.get(f"/tasks/{NOWHERE}")
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["status"]) == (404, 404, "NOT_FOUND")
        [info] = error["details"]
        assert (info["reason"], info["domain"]) == ("TASK_NOT_FOUND", "a2a-protocol.org")


async def test_11_6_a_stream_that_cannot_begin_is_a_plain_error(server: Server) -> None:
    async with server.http() as http:
        response = await http.post(f"/tasks/{NOWHERE}:subscribe")
        assert response.status_code == 404
        body = {"message": message("hello", taskId=NOWHERE)}
        assert (await http.post("/message:stream", json=body)).status_code == 404


async def test_11_7_a_stream_is_server_sent_events_of_stream_responses(server: Server) -> None:
    async with server.http() as http:
        async with http.stream("POST", "/message:stream", json={"message": message("hello")}) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            events = [event async for event in sse_data(response)]
    assert all(len(event) == 1 for event in events)
    assert "task" in events[0]


@pytest.mark.parametrize(("method", "path"), [("GET", "/message:send"), ("DELETE", "/tasks")])
async def test_11_3_a_method_that_an_address_does_not_take_is_405(server: Server, method: str, path: str) -> None:
    async with server.http() as http:
        assert (await http.request(method, path)).status_code == 405


async def test_11_3_an_address_that_is_not_there_is_404(server: Server) -> None:
    async with server.http() as http:
        assert (await http.get("/nothing/at/all")).status_code == 404
