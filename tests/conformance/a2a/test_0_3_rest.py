"""A2A 0.3 over HTTP+JSON, as its definition in protobuf says it."""

from typing import Any
from uuid import uuid4

import grpc.aio
import pytest
from a2a.compat.v0_3 import a2a_v0_3_pb2 as v03
from a2a.compat.v0_3 import a2a_v0_3_pb2_grpc

from tests.conformance.a2a.messages import sent
from tests.conformance.a2a.server import Server

pytestmark = pytest.mark.anyio

URL = "https://1.1.1.1/hook"
NOWHERE = "019a0000-0000-7000-8000-000000000000"
ELSEWHERE = f"tasks/{NOWHERE}/pushNotificationConfigs/c1"


@pytest.fixture
async def task_id(server: Server) -> str:
    async with server.door() as door:
        return str((await sent(door, "ask"))["id"])


BODIES = {
    "the config": lambda name: {"name": name, "pushNotificationConfig": {"url": URL}},
    "the config, with an id": lambda name: {"name": name, "pushNotificationConfig": {"url": URL, "id": "c1"}},
    "the config, by its names in protobuf": lambda name: {"name": name, "push_notification_config": {"url": URL}},
    "the request": lambda name: {"configId": "c1", "config": {"pushNotificationConfig": {"url": URL}}},
    "the request, with its name": lambda name: {"config": {"name": name, "pushNotificationConfig": {"url": URL}}},
    "the request, with its parent": lambda name: {
        "parent": name.rpartition("/pushNotificationConfigs")[0],
        "configId": "c1",
        "config": {"pushNotificationConfig": {"url": URL, "id": "c1"}},
    },
}


@pytest.mark.parametrize("case", BODIES)
async def test_a_push_config_is_set_read_listed_and_deleted(server: Server, task_id: str, case: str) -> None:
    configs = f"/v1/tasks/{task_id}/pushNotificationConfigs"
    name = f"tasks/{task_id}/pushNotificationConfigs/c1"
    async with server.http(version=None) as http:
        made = await http.post(configs, json=BODIES[case](name))
        assert (made.status_code, made.json()["name"]) == (200, name)
        assert (await http.get(f"{configs}/c1")).json()["pushNotificationConfig"] == {"id": "c1", "url": URL}
        assert [each["name"] for each in (await http.get(configs)).json()["configs"]] == [name]
        deleted = await http.delete(f"{configs}/c1")
        assert (deleted.status_code, deleted.json()) == (200, {})
        assert (await http.get(configs)).json() == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"name": f"tasks/{NOWHERE}/pushNotificationConfigs/c1", "pushNotificationConfig": {"url": URL}},
            "config.name",
        ),
        ({"name": "c1", "pushNotificationConfig": {"url": URL}}, "config.name"),
        ({"pushNotificationConfig": {"url": ""}}, "url"),
        ({"pushNotificationConfig": 7}, "pushNotificationConfig"),
        ([], "object"),
        ("c1", "object"),
    ],
)
async def test_a_push_config_that_is_none_is_refused(server: Server, task_id: str, body: Any, said: str) -> None:
    async with server.http(version=None) as http:
        answer = await http.post(f"/v1/tasks/{task_id}/pushNotificationConfigs", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


async def test_over_grpc_a_push_config_has_the_id_that_the_request_names(server: Server, task_id: str) -> None:
    asked = v03.CreateTaskPushNotificationConfigRequest(parent=f"tasks/{task_id}", config_id="c1")
    asked.config.push_notification_config.url = URL
    async with grpc.aio.insecure_channel(server.grpc_address) as channel:
        stub = a2a_v0_3_pb2_grpc.A2AServiceStub(channel)  # type: ignore[no-untyped-call]
        metadata = [("authorization", f"Bearer {server.key}")]
        made = await stub.CreateTaskPushNotificationConfig(asked, metadata=metadata)
        assert made.name == f"tasks/{task_id}/pushNotificationConfigs/c1"
        asked.config.name = ELSEWHERE
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.CreateTaskPushNotificationConfig(asked, metadata=metadata)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_what_is_missing_is_named_in_the_message(server: Server) -> None:
    wrong = {"messageId": "", "role": "ROLE_USER", "content": [{"text": "hello"}]}
    async with server.http(version=None) as http:
        answer = await http.post("/v1/message:send", json={"message": wrong})
    assert answer.json()["error"]["message"] == "message.messageId: Field is required."
    request = v03.SendMessageRequest(request=v03.Message(role=v03.ROLE_USER, content=[v03.Part(text="hello")]))
    async with grpc.aio.insecure_channel(server.grpc_address) as channel:
        stub = a2a_v0_3_pb2_grpc.A2AServiceStub(channel)  # type: ignore[no-untyped-call]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.SendMessage(request, metadata=[("authorization", f"Bearer {server.key}")])
    assert refused.value.details() == "InvalidParamsError: message.messageId: Field is required."


async def test_the_extended_card_is_the_card_at_the_well_known_address(server: Server) -> None:
    async with server.http(version=None) as http:
        assert (await http.get("/v1/card")).json() == (await http.get("/.well-known/agent-card.json")).json()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/message:send"),
        ("POST", "/v1/message:stream"),
        ("GET", f"/v1/tasks/{NOWHERE}"),
        ("POST", f"/v1/tasks/{NOWHERE}:cancel"),
        ("DELETE", f"/v1/tasks/{NOWHERE}/pushNotificationConfigs/c1"),
        ("GET", "/v1/card"),
    ],
)
async def test_its_paths_are_none_of_1_0(server: Server, method: str, path: str) -> None:
    message = {"messageId": uuid4().hex, "role": "ROLE_USER", "content": [{"text": "hello"}]}
    async with server.http(version="1.0") as http:
        answer = await http.request(method, path, json={"message": message})
    assert answer.json()["error"]["details"][0]["reason"] == "VERSION_NOT_SUPPORTED"
