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


@pytest.mark.parametrize(("text", "state"), [("ask", "input-required"), ("authorise", "auth-required")])
async def test_0_3_the_event_that_ends_a_stream_at_a_question_is_final(server: Server, text: str, state: str) -> None:
    events = await streamed(server, {"message": message(text)})
    assert [event["result"].get("final") for event in events[1:]] == [False, True]
    assert events[-1]["result"]["status"]["state"] == state


async def test_0_3_a_question_ends_a_resubscription_too(server: Server) -> None:
    task = (await call(server, "message/send", {"message": message("ask")}))["result"]
    [event] = await streamed(server, {"id": task["id"]}, "tasks/resubscribe")
    assert event["result"]["status"]["state"] == "input-required"


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_0_3_a_stream_that_was_cut_off_goes_on_behind_the_last_event_id(server: Server, binding: str) -> None:
    frames = await framed(server, binding, message("count 5"))
    task_id = frames[0][1]["id"]
    assert all(place for place, _ in frames)
    for seen in range(len(frames) - 1):
        rest = await framed(server, binding, task_id, after=frames[seen][0])
        text = "".join(_words(event) for _, event in [*frames[: seen + 1], *rest])
        assert (text, rest[-1][1]["status"]["state"].lower().rpartition("_")[2]) == ("0 1 2 3 4 ", "completed")
        assert all("kind" not in event or event["kind"] != "task" for _, event in rest)


@pytest.mark.parametrize("method", ["message/send", "message/stream", "tasks/get", "tasks/cancel", "tasks/resubscribe"])
async def test_0_3_methods_are_none_of_1_0(server: Server, method: str) -> None:
    body = {"jsonrpc": "2.0", "id": "a", "method": method, "params": {"message": message("x")}}
    async with server.http(version="1.0") as http:
        answer = (await http.post("/", json=body)).json()
    assert (answer["id"], answer["error"]["code"]) == ("a", -32601)


@pytest.mark.parametrize(
    "params",
    [
        {"message": {"kind": "message", "parts": "secret words"}},
        {"message": message("x") | {"role": ["user"]}},
        {"message": message("x") | {"parts": [{"kind": "secret words"}]}},
        {"message": message("x"), "configuration": "secret words"},
        {"message": 7},
        ["secret words"],
        "secret words",
        None,
    ],
)
async def test_0_3_a_clients_mistake_is_its_own_and_not_in_the_log(
    server: Server, params: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for method in ("message/send", "message/stream"):
        async with server.http(version=None) as http:
            body = {"jsonrpc": "2.0", "id": "a", "method": method, "params": params}
            answer = (await http.post("/", json=body)).text
        assert '"code":-32602' in answer
        assert "secret words" not in answer
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]
    assert "secret words" not in caplog.text


async def test_0_3_rest_has_the_statuses_of_0_3(server: Server) -> None:
    async with server.http(version=None) as http:
        sent = {"messageId": uuid4().hex, "role": "ROLE_USER", "content": [{"text": "hello"}]}
        task = (await http.post("/v1/message:send", json={"message": sent})).json()["task"]
        assert (await http.post(f"/v1/tasks/{task['id']}:cancel")).status_code == 409
        assert (await http.get(f"/v1/tasks/{task['id']}?historyLength=many")).status_code == 400
        assert (await http.post("/v1/message:send", content=b"{")).status_code == 400
    async with server.http() as http:  # and 1.0 those of 1.0
        assert (await http.post(f"/tasks/{task['id']}:cancel")).status_code == 400


async def streamed(server: Server, params: Any, method: str = "message/stream") -> list[Any]:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    async with server.http(version=None) as http, http.stream("POST", "/", json=body) as response:
        lines = [line async for line in response.aiter_lines() if line.startswith("data:")]
    return [json.loads(line.removeprefix("data:")) for line in lines]


async def framed(server: Server, binding: str, about: Any, after: str = "") -> list[tuple[str, Any]]:
    """Ids and results of the stream of a message, or of a task's."""
    headers = {"last-event-id": after} if after else {}
    async with server.http(version=None) as http:
        if binding == "JSONRPC":
            method = "tasks/resubscribe" if isinstance(about, str) else "message/stream"
            params = {"id": about} if isinstance(about, str) else {"message": about}
            body: Any = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            answer = await http.post("/", json=body, headers=headers)
        elif isinstance(about, str):
            answer = await http.get(f"/v1/tasks/{about}:subscribe", headers=headers)
        else:
            content = [{"text": part["text"]} for part in about["parts"]]
            sent = {"messageId": about["messageId"], "role": "ROLE_USER", "content": content}
            answer = await http.post("/v1/message:stream", json={"message": sent})
    found: list[tuple[str, Any]] = []
    for block in answer.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and line[0] != ":")
        if "data" in fields:
            event = json.loads(fields["data"])
            [result] = [event["result"]] if binding == "JSONRPC" else event.values()
            found.append((fields.get("id", ""), result))
    return found


def _words(event: Any) -> str:
    artifacts = [event["artifact"]] if "artifact" in event else event.get("artifacts", [])
    return "".join(part["text"] for artifact in artifacts for part in artifact["parts"])
