"""Sections 3.3.2, 7.4, 13.1 and 13.3: who may call, and what another tenant sees."""

import json

import grpc
import grpc.aio
import pytest
from a2a.compat.v0_3 import a2a_v0_3_pb2, a2a_v0_3_pb2_grpc
from a2a.types import a2a_pb2 as pb

from tests.conformance.a2a.messages import begun, collected, message, sent, state
from tests.conformance.a2a.server import Server
from tests.conformance.a2a.wire import ALL, BINDINGS_1_0, Door, RefusedError, open_door

pytestmark = pytest.mark.anyio

CLOSED = [
    ("POST", "/"),
    ("POST", "/message:send"),
    ("POST", "/message:stream"),
    ("GET", "/tasks"),
    ("GET", "/tasks/1"),
    ("POST", "/tasks/1:cancel"),
    ("POST", "/tasks/1:subscribe"),
    ("GET", "/tasks/1:subscribe"),
    ("GET", "/extendedAgentCard"),
    ("POST", "/v1/message:send"),
    ("GET", "/v1/tasks/1"),
    ("GET", "/v1/card"),
    ("POST", "/default/message:send"),
]


@pytest.mark.parametrize(("method", "path"), CLOSED)
@pytest.mark.parametrize("key", [None, "ank_000000000000_" + "x" * 43, "nonsense"])
async def test_7_4_no_credential_and_a_wrong_one_are_refused(
    server: Server, method: str, path: str, key: str | None
) -> None:
    async with server.http(key=key) as http:
        response = await http.request(method, path, json={"message": message("hello")})
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert response.json()["error"]["status"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("name", ["GRPC-1.0", "GRPC-0.3"])
@pytest.mark.parametrize("credential", [{}, {"authorization": "Bearer nonsense"}, {"x-api-key": "ank_0_x"}])
async def test_7_4_grpc_refuses_no_credential_and_a_wrong_one(
    server: Server, name: str, credential: dict[str, str]
) -> None:
    async with grpc.aio.insecure_channel(server.grpc_address) as channel:
        metadata = list(credential.items())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            if name == "GRPC-0.3":
                old = a2a_v0_3_pb2_grpc.A2AServiceStub(channel)  # type: ignore[no-untyped-call]
                await old.GetTask(a2a_v0_3_pb2.GetTaskRequest(name="tasks/1"), metadata=metadata)
            else:
                call = channel.unary_stream("/lf.a2a.v1.A2AService/SubscribeToTask")
                await collected(call(pb.SubscribeToTaskRequest(id="1").SerializeToString(), metadata=metadata))
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert ("www-authenticate", 'Bearer realm="agentnet"') in list(refused.value.trailing_metadata())


async def test_5_1_every_declared_scheme_holds_in_every_binding(server: Server) -> None:
    async with server.http(key=None) as http:
        card = (await http.get("/.well-known/agent-card.json")).json()
        assert set(card["securitySchemes"]) == {"bearer", "apiKey"}
        by_key = {"x-api-key": server.key}
        body = {"message": message("hello")}
        assert (await http.post("/message:send", json=body, headers=by_key)).status_code == 200
    for name in BINDINGS_1_0:
        async with open_door(name, server.url, server.grpc_address, server.key) as door:
            assert state(await sent(door, "hello")) == "COMPLETED"
    async with grpc.aio.insecure_channel(server.grpc_address) as channel:
        call = channel.unary_unary("/lf.a2a.v1.A2AService/ListTasks")
        metadata = [("x-api-key", server.key), ("a2a-version", "1.0")]
        answer = pb.ListTasksResponse.FromString(await call(b"", metadata=metadata))
        assert answer.total_size > 0


@pytest.mark.parametrize("name", ALL)
async def test_13_1_another_tenants_task_is_not_there(server: Server, name: str) -> None:
    async with server.door(name) as mine, server.door(name, key=server.other_key) as theirs:
        task = await begun(mine, "ask")
        messages = set()
        for call in (
            theirs.get(task["id"]),
            theirs.cancel(task["id"]),
            sent(theirs, "hello", taskId=task["id"]),
        ):
            with pytest.raises(RefusedError) as refused:
                await call
            assert refused.value.reason == "TASK_NOT_FOUND"
            messages.add(refused.value.message.replace(task["id"], ""))
        with pytest.raises(RefusedError) as missing:
            await theirs.get("00000000-0000-4000-8000-000000000000")
        unknown = missing.value.message.replace("00000000-0000-4000-8000-000000000000", "")
        assert messages == {unknown}


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_13_1_a_list_and_a_context_hold_ones_own_tasks_only(server: Server, name: str) -> None:
    async with server.door(name) as mine, server.door(name, key=server.other_key) as theirs:
        task = await sent(mine, "hello")
        assert (await theirs.list(contextId=task["contextId"]))["totalSize"] == 0
        other = await sent(theirs, "hello", contextId=task["contextId"])
        listed = (await mine.list(contextId=task["contextId"]))["tasks"]
        assert [item["id"] for item in listed] == [task["id"]]
        assert other["id"] != task["id"]


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_13_1_another_tenants_task_cannot_be_subscribed_to(server: Server, name: str) -> None:
    async with server.door(name) as mine, server.door(name, key=server.other_key) as theirs:
        task = await begun(mine, "ask")
        with pytest.raises(RefusedError) as refused:
            await collected(theirs.subscribe(task["id"]))
        assert refused.value.reason == "TASK_NOT_FOUND"


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_13_1_a_tenant_that_the_credential_is_not_of_is_refused(server: Server, name: str) -> None:
    async with server.door(name) as door:
        if name == "HTTP+JSON-1.0":
            response = await door.http.post("/other/message:send", json={"message": message("hello")})
            assert response.status_code == 403
            assert response.json()["error"]["status"] == "PERMISSION_DENIED"
            assert (await door.http.get("/other/extendedAgentCard")).status_code == 403
            return
        with pytest.raises(RefusedError) as refused:
            await door.send(message("hello"), tenant="other")
        assert refused.value.reason == "PERMISSION_DENIED"


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_8_3_2_ones_own_tenant_may_be_named(server: Server, name: str) -> None:
    async with server.door(name) as door:
        task = (await door.send(message("ask"), tenant="default"))["task"]
        if name == "HTTP+JSON-1.0":
            http = door.http
            assert (await http.get(f"/default/tasks/{task['id']}")).json()["id"] == task["id"]
            assert (await http.get("/default/tasks")).json()["totalSize"] >= 1
            answer = await http.post("/default/message:send", json={"message": message("x", taskId=task["id"])})
            assert state(answer.json()["task"]) == "COMPLETED"
            assert (await http.get("/default/extendedAgentCard")).status_code == 200


async def test_13_3_the_extended_card_needs_a_key(server: Server) -> None:
    async with server.http(key=None) as http:
        assert (await http.get("/extendedAgentCard")).status_code == 401
        assert (await http.get("/.well-known/agent-card.json")).status_code == 200


async def test_13_4_a_key_is_never_shown(server: Server, door: Door) -> None:
    assert server.key not in json.dumps([await sent(door, "hello"), await door.extended_card()])
