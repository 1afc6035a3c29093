"""How answers and refusals are said, whoever asks what and however: statuses, media types, headers, fields."""

from typing import Any
from uuid import uuid4

import grpc
import grpc.aio
import pytest
from a2a.compat.v0_3 import a2a_v0_3_pb2
from a2a.types import a2a_pb2 as pb

from agentnet.tasks.steps import STEPS
from tests.conformance.a2a.messages import message
from tests.conformance.a2a.server import Server
from tests.conformance.a2a.wire import sse_data

pytestmark = pytest.mark.anyio

A2A_JSON = "application/a2a+json"
NOWHERE = "019a0000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("PUT", "/"),
        ("GET", "/message:send"),
        ("GET", "/message:stream"),
        ("POST", "/tasks"),
        ("DELETE", f"/tasks/{NOWHERE}"),
        ("PUT", f"/tasks/{NOWHERE}"),
        ("GET", f"/tasks/{NOWHERE}:cancel"),
        ("DELETE", f"/tasks/{NOWHERE}:subscribe"),
        ("DELETE", f"/tasks/{NOWHERE}/pushNotificationConfigs"),
        ("PATCH", f"/tasks/{NOWHERE}/pushNotificationConfigs/a"),
        ("POST", "/extendedAgentCard"),
        ("GET", "/default/message:send"),
        ("DELETE", f"/default/tasks/{NOWHERE}"),
        ("POST", "/.well-known/agent-card.json"),
        ("GET", "/v1/message:send"),
        ("DELETE", f"/v1/tasks/{NOWHERE}"),
    ],
)
async def test_another_method_at_a_path_that_is_there_is_405_and_told_which_would_do(
    server: Server, method: str, path: str
) -> None:
    async with server.http() as http:
        response = await http.request(method, path)
    assert (response.status_code, bool(response.headers["allow"])) == (405, True)
    assert response.json()["error"]["code"] == 405


@pytest.mark.parametrize(
    "path",
    ["/anything", "/anything/", "/tasks/", "/message:send/", "/a/b", "/a/b/c", "/extendedAgentCard/", "/v1", "/v1/"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_path_that_is_not_there_is_404_and_leads_nowhere(server: Server, method: str, path: str) -> None:
    async with server.http() as http:
        response = await http.request(method, path)
    assert response.status_code == 404
    assert "location" not in response.headers
    assert response.json()["error"]["status"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/tasks/{NOWHERE}", None),
        ("POST", f"/tasks/{NOWHERE}:cancel", None),
        ("GET", "/tasks?pageSize=0", None),
        ("GET", "/tasks?status=WRONG", None),
        ("POST", "/message:send", {}),
        ("POST", "/message:send", {"message": {"parts": 7}}),
        ("POST", "/message:stream", {"message": {}}),
        ("GET", "/other-tenant/tasks", None),
        ("GET", "/anything", None),
        ("DELETE", "/tasks", None),
    ],
)
async def test_an_error_over_rest_has_the_media_type_of_the_binding(
    server: Server, method: str, path: str, body: Any
) -> None:
    async with server.http() as http:
        response = await http.request(method, path, json=body)
        assert response.status_code >= 400
        assert response.headers["content-type"].partition(";")[0] == A2A_JSON
        assert set(response.json()["error"]) >= {"code", "status", "message"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (STEPS, STEPS),
        (f"https://example.org/none, {STEPS}", STEPS),
        ("https://example.org/none", None),
        ("", None),
    ],
)
async def test_an_answer_tells_which_extensions_are_at_work(server: Server, asked: str, told: str | None) -> None:
    headers = {"a2a-extensions": asked} if asked else {}
    call = {"jsonrpc": "2.0", "id": 1, "params": {"message": message("hello")}}
    async with server.http() as http:
        answers = [
            await http.post("/message:send", json={"message": message("hello")}, headers=headers),
            await http.post("/message:stream", json={"message": message("hello")}, headers=headers),
            await http.get("/tasks", headers=headers),
            await http.post("/", json=call | {"method": "SendMessage"}, headers=headers),
            await http.post("/", json=call | {"method": "SendStreamingMessage"}, headers=headers),
        ]
    assert [answer.headers.get("a2a-extensions") for answer in answers] == [told] * len(answers)
    older = {"x-a2a-extensions": asked} if asked else {}
    sent = {"message": {"messageId": "o-1", "role": "ROLE_USER", "content": [{"text": "hello"}]}}
    async with server.http(version=None) as http:
        for path in ("/v1/message:send", "/v1/message:stream"):
            assert (await http.post(path, json=sent, headers=older)).headers.get("x-a2a-extensions") == told


@pytest.mark.parametrize("asked", [True, False])
async def test_steps_are_for_those_who_asked_for_them(server: Server, asked: bool) -> None:
    headers = {"a2a-extensions": STEPS} if asked else {}
    body = {"message": message("step")}
    async with server.http() as http, http.stream("POST", "/message:stream", json=body, headers=headers) as response:
        events = [event async for event in sse_data(response)]
    steps = [event for event in events if STEPS in event.get("statusUpdate", {}).get("metadata", {})]
    assert bool(steps) == asked
    assert events[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_a_list_of_tasks_holds_no_empty_defaults(server: Server) -> None:
    async with server.http() as http:
        context = message("hello")["messageId"]
        await http.post("/message:send", json={"message": message("hello", contextId=context)})
        by_rest = (await http.get(f"/tasks?contextId={context}&includeArtifacts=true&historyLength=1")).json()
        call = {"jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": {"contextId": context}}
        by_rpc = (await http.post("/", json=call)).json()["result"]
        nothing = (await http.get("/tasks?contextId=none")).json()
    for page in (by_rest, by_rpc):
        assert {key: page[key] for key in ("nextPageToken", "pageSize", "totalSize")} == {
            "nextPageToken": "",
            "pageSize": 50,
            "totalSize": 1,
        }
        assert not _empty(page["tasks"])
    assert set(by_rpc["tasks"][0]) == {"id", "contextId", "status"}
    assert set(by_rest["tasks"][0]) == {"id", "contextId", "status", "artifacts", "history"}
    assert nothing == {"tasks": [], "nextPageToken": "", "pageSize": 50, "totalSize": 0}


def _empty(value: Any) -> bool:
    if isinstance(value, dict):
        return not value or any(_empty(item) for item in value.values())
    if isinstance(value, list):
        return not value or any(_empty(item) for item in value)
    return value in ("", 0, False, None)


WRONG: list[dict[str, Any]] = [
    {"role": ["ROLE_USER"]},
    {"role": {"a": 1}},
    {"role": "user"},
    {"role": 1.5},
    {"role": True},
    {"messageId": 7},
    {"messageId": ["a"]},
    {"contextId": {}},
    {"taskId": 1},
    {"parts": "x"},
    {"parts": {}},
    {"parts": [7]},
    {"parts": [[]]},
    {"parts": [{"text": 7}]},
    {"parts": [{"text": ["x"]}]},
    {"parts": [{"text": "x", "mediaType": 7}]},
    {"parts": [{"text": "x", "filename": []}]},
    {"parts": [{"text": "x", "url": "https://example.org"}]},
    {"parts": [{"raw": "%%%"}]},
    {"parts": [{"text": "x", "metadata": 7}]},
    {"metadata": []},
    {"extensions": "x"},
    {"extensions": [7]},
    {"referenceTaskIds": [[]]},
]


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_field_of_a_wrong_kind_is_the_clients_error(
    server: Server, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    params = {"message": message("x") | wrong}
    call = {"jsonrpc": "2.0", "id": 1, "params": params}
    async with server.http() as http:
        for method in ("SendMessage", "SendStreamingMessage"):
            answer = (await http.post("/", json=call | {"method": method})).json()
            assert answer["error"]["code"] == -32602, answer
        for path in ("/message:send", "/message:stream"):
            assert (await http.post(path, json=params)).status_code == 400
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]


@pytest.mark.parametrize(
    "configuration",
    [
        [],
        7,
        {"historyLength": "many"},
        {"historyLength": 2**40},
        {"historyLength": -1},
        {"historyLength": 1.5},
        {"returnImmediately": "yes"},
        {"acceptedOutputModes": "text/plain"},
        {"taskPushNotificationConfig": 7},
        {"taskPushNotificationConfig": {"url": "https://example.org:99999/"}},
        {"taskPushNotificationConfig": {"url": "https://example.org:port/"}},
        {"taskPushNotificationConfig": {"url": "https://[::1/"}},
        {"taskPushNotificationConfig": {"url": "https://example.org:-1/"}},
        {"taskPushNotificationConfig": {"url": "https://exa mple.org/"}},
        {"taskPushNotificationConfig": {"url": "https://\ud7ff\u0000.org/"}},
        {"taskPushNotificationConfig": {"url": ["https://example.org"]}},
        {"taskPushNotificationConfig": {"url": "https://" + "a" * 300 + ".org/"}},
        {"taskPushNotificationConfig": {"url": "https://a..b/"}},
        {"taskPushNotificationConfig": {"url": "https:///path"}},
        {"taskPushNotificationConfig": {"url": "//example.org"}},
    ],
)
async def test_a_configuration_that_cannot_be_is_the_clients_error(
    server: Server, configuration: Any, caplog: pytest.LogCaptureFixture
) -> None:
    params = {"message": message("x"), "configuration": configuration}
    async with server.http() as http:
        answer = (
            await http.post("/", json={"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params})
        ).json()
        assert answer["error"]["code"] == -32602, answer
        assert (await http.post("/message:send", json=params)).status_code == 400
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("GetTask", []),
        ("GetTask", {"id": 7}),
        ("GetTask", {"id": ["a"]}),
        ("GetTask", {"id": NOWHERE, "historyLength": "x"}),
        ("GetTask", {"id": NOWHERE, "historyLength": 2**40}),
        ("CancelTask", {"id": {}}),
        ("CancelTask", {"id": NOWHERE, "metadata": 7}),
        ("ListTasks", {"pageSize": "many"}),
        ("ListTasks", {"pageSize": 0}),
        ("ListTasks", {"pageToken": 7}),
        ("ListTasks", {"pageToken": "x"}),
        ("ListTasks", {"pageToken": "MTIzOm5v"}),
        ("ListTasks", {"status": ["TASK_STATE_WORKING"]}),
        ("ListTasks", {"status": "nothing"}),
        ("ListTasks", {"statusTimestampAfter": "yesterday"}),
        ("ListTasks", {"statusTimestampAfter": 7}),
        ("ListTasks", {"contextId": 7}),
        ("SubscribeToTask", {"id": []}),
        ("CreateTaskPushNotificationConfig", {"taskId": NOWHERE, "url": "https://example.org:99999/"}),
        ("CreateTaskPushNotificationConfig", {"taskId": NOWHERE, "url": 7}),
        ("ListTaskPushNotificationConfigs", {"taskId": NOWHERE, "pageSize": "x"}),
        ("DeleteTaskPushNotificationConfig", {"taskId": 7, "id": "x"}),
    ],
)
async def test_params_that_cannot_be_are_the_clients_error(
    server: Server, method: str, params: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.http() as http:
        answer = (await http.post("/", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})).json()
    assert answer["error"]["code"] == -32602, answer
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]


@pytest.mark.parametrize(
    "query",
    [
        "pageSize=many",
        "pageSize=-1",
        "pageSize=99999999999",
        "pageToken=%00",
        "pageToken=x",
        "status=1.5",
        "status=nothing",
        "historyLength=x",
        "historyLength=-1",
        "historyLength=99999999999",
        "includeArtifacts=perhaps",
        "statusTimestampAfter=yesterday",
    ],
)
async def test_a_query_that_cannot_be_is_the_clients_error(
    server: Server, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.http() as http:
        assert (await http.get(f"/tasks?{query}")).status_code == 400
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]


@pytest.mark.parametrize(
    "event_id", ["x", "1", "1.2.3", "1.1.-2.1", "99999999999999999999.1.-1.1", "1.1.-1.2", "٣.1.-1.1"]
)
async def test_an_event_id_that_is_none_of_ours_is_the_clients_error(
    server: Server, event_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.http() as http:
        body = {"message": message("ask"), "configuration": {"returnImmediately": True}}
        task = (await http.post("/message:send", json=body)).json()["task"]
        headers = [("last-event-id", event_id.encode())]
        async with http.stream("GET", f"/tasks/{task['id']}:subscribe", headers=headers) as response:  # type: ignore[arg-type]
            assert response.status_code == 400
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]


@pytest.mark.parametrize("version", ["1.0", "0.3"])
@pytest.mark.parametrize("method", ["SendMessage", "SendStreamingMessage", "ListTasks"])
@pytest.mark.parametrize(
    ("asked", "told"), [(STEPS, STEPS), (f"https://e.org/x,{STEPS}", STEPS), ("https://e.org/x", None)]
)
async def test_over_grpc_the_metadata_tell_which_extensions_are_at_work(
    server: Server, version: str, method: str, asked: str, told: str | None
) -> None:
    older = version == "0.3"
    if older and method == "ListTasks":
        pytest.skip("0.3 has no ListTasks")
    header = "x-a2a-extensions" if older else "a2a-extensions"
    types: Any = a2a_v0_3_pb2 if older else pb
    parts = {"content" if older else "parts": [types.Part(text="hello")]}
    sent = types.Message(message_id=uuid4().hex, role=types.ROLE_USER, **parts)
    body: Any = (
        types.ListTasksRequest()
        if method == "ListTasks"
        else types.SendMessageRequest(**{"request" if older else "message": sent})
    )
    path = f"/{'a2a.v1' if older else 'lf.a2a.v1'}.A2AService/{method}"
    metadata = [("authorization", f"Bearer {server.key}"), ("a2a-version", version), (header, asked)]
    async with grpc.aio.insecure_channel(server.grpc_address) as channel:
        if method == "SendStreamingMessage":
            calling: Any = channel.unary_stream(path)(body.SerializeToString(), metadata=metadata)
            assert [event async for event in calling]
        else:
            calling = channel.unary_unary(path)(body.SerializeToString(), metadata=metadata)
            await calling
        assert dict(await calling.initial_metadata()).get(header) == told
