"""Sections 3.3.2, 3.3.4, 4.6.3, 5.4, 5.7, 9.5, 10.6 and 11.6: what is refused, and how it is said."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from a2a.types.a2a_pb2 import AgentCard, AgentExtension

import specialists.service
from tests.conformance.a2a.messages import collected, message, sent
from tests.conformance.a2a.server import Server, servers
from tests.conformance.a2a.test_3_1_operations import NOWHERE
from tests.conformance.a2a.wire import BINDINGS_1_0, Door, RefusedError

pytestmark = pytest.mark.anyio

EXTENSION = "https://example.com/extensions/needed/v1"
CODES = {
    "TASK_NOT_FOUND": (-32001, 404, "NOT_FOUND"),
    "TASK_NOT_CANCELABLE": (-32002, 400, "FAILED_PRECONDITION"),
    "PUSH_NOTIFICATION_NOT_SUPPORTED": (-32003, 400, "FAILED_PRECONDITION"),
    "UNSUPPORTED_OPERATION": (-32004, 400, "FAILED_PRECONDITION"),
    "CONTENT_TYPE_NOT_SUPPORTED": (-32005, 400, "INVALID_ARGUMENT"),
    "EXTENSION_SUPPORT_REQUIRED": (-32008, 400, "FAILED_PRECONDITION"),
    "VERSION_NOT_SUPPORTED": (-32009, 400, "FAILED_PRECONDITION"),
}


def assert_said_as_in_5_4(error: RefusedError, reason: str, binding: str) -> None:
    """Code, message and details of an A2A error."""
    assert error.reason == reason
    assert error.code == dict(zip(("JSONRPC", "HTTP+JSON", "GRPC"), CODES[reason], strict=True))[binding]
    assert error.message
    assert all("@type" in detail for detail in error.details)
    [info] = [detail for detail in error.details if detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"]
    assert info["domain"] == "a2a-protocol.org"
    assert all(isinstance(value, str) for value in info.get("metadata", {}).values())


async def test_5_4_no_task_is_said_in_the_bindings_own_terms(door: Door, binding: str) -> None:
    with pytest.raises(RefusedError) as refused:
        await door.get(NOWHERE)
    assert_said_as_in_5_4(refused.value, "TASK_NOT_FOUND", binding)


async def test_5_4_not_cancelable_is_said_in_the_bindings_own_terms(door: Door, binding: str) -> None:
    task = await sent(door, "hello")
    with pytest.raises(RefusedError) as refused:
        await door.cancel(task["id"])
    assert_said_as_in_5_4(refused.value, "TASK_NOT_CANCELABLE", binding)


async def test_5_4_unsupported_is_said_in_the_bindings_own_terms(door: Door, binding: str) -> None:
    task = await sent(door, "hello")
    with pytest.raises(RefusedError) as refused:
        await sent(door, "more", taskId=task["id"])
    assert_said_as_in_5_4(refused.value, "UNSUPPORTED_OPERATION", binding)
    with pytest.raises(RefusedError) as refused:
        await collected(door.subscribe(task["id"]))
    assert_said_as_in_5_4(refused.value, "UNSUPPORTED_OPERATION", binding)


async def test_5_4_a_wrong_media_type_is_said_in_the_bindings_own_terms(door: Door, binding: str) -> None:
    with pytest.raises(RefusedError) as refused:
        await door.send(message("") | {"parts": [{"text": "x", "mediaType": "image/x-unheard-of"}]})
    assert_said_as_in_5_4(refused.value, "CONTENT_TYPE_NOT_SUPPORTED", binding)


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_5_4_a_wrong_version_is_said_in_the_bindings_own_terms(server: Server, name: str) -> None:
    async with server.door(name, headers={"a2a-version": "0.5"}) as door:
        with pytest.raises(RefusedError) as refused:
            await sent(door, "hello")
    assert_said_as_in_5_4(refused.value, "VERSION_NOT_SUPPORTED", name.rpartition("-")[0])


WRONG_MESSAGES: dict[str, tuple[dict[str, Any], str]] = {
    "no id": ({"messageId": ""}, "message.messageId"),
    "no parts": ({"parts": []}, "message.parts"),
    "no role": ({"role": "ROLE_UNSPECIFIED"}, "message.role"),
    "the agent's role": ({"role": "ROLE_AGENT"}, "message.role"),
    "a part without content": ({"parts": [{}]}, "message.parts[0]"),
    "an id over the limit": ({"messageId": "x" * 300}, "message.messageId"),
    "a context over the limit": ({"contextId": "x" * 300}, "message.contextId"),
    "too many parts": ({"parts": [{"text": "x"}] * 65}, "message.parts"),
}


@pytest.mark.parametrize("case", WRONG_MESSAGES)
async def test_5_7_a_message_that_is_not_valid_is_refused_with_the_field(door: Door, binding: str, case: str) -> None:
    change, field = WRONG_MESSAGES[case]
    with pytest.raises(RefusedError) as refused:
        await door.send(message("x") | change)
    assert refused.value.code == {"JSONRPC": -32602, "HTTP+JSON": 400, "GRPC": "INVALID_ARGUMENT"}[binding]
    [wrong] = [detail for detail in refused.value.details if detail["@type"].endswith("google.rpc.BadRequest")]
    assert field in [violation["field"].replace("message_id", "messageId") for violation in wrong["fieldViolations"]]
    assert refused.value.reason == "INVALID_PARAMS"
    # In the message too: the SDKs' clients show nothing else.
    assert refused.value.message.startswith(field)
    assert len(refused.value.message) > len(field) + 5


WRONG_IN_JSON: dict[str, tuple[dict[str, Any], str]] = {
    "another version's role": ({"role": "user"}, "message.role must be ROLE_USER."),
    "a role that is no name": ({"role": ["ROLE_USER"]}, "message.role must be ROLE_USER."),
    "no base64": ({"parts": [{"text": "x"}, {"raw": "!!!"}]}, "message.parts[1].raw is not base64: "),
    "a data: URL of text": ({"parts": [{"raw": "data:,x"}]}, "message.parts[0].raw is not base64: "),
    "two contents": (
        {"parts": [{"text": "x", "url": "https://e.com"}]},
        "message.parts[0] must have one of text, raw, url, data, not text and url together.",
    ),
    "a null beside a text": ({"parts": [{"text": "x", "data": None}]}, "message.parts[0] must have one of"),
}


@pytest.mark.parametrize("name", BINDINGS_1_0[:2])
@pytest.mark.parametrize("case", WRONG_IN_JSON)
async def test_5_7_what_json_cannot_say_is_said_alike_in_both_bindings(server: Server, name: str, case: str) -> None:
    change, said = WRONG_IN_JSON[case]
    async with server.door(name) as door:
        with pytest.raises(RefusedError) as refused:
            await door.send(message("x") | change)
    assert refused.value.message.startswith(said)
    assert (refused.value.reason, refused.value.code) == ("INVALID_PARAMS", -32602 if "RPC" in name else 400)
    [wrong] = [detail for detail in refused.value.details if detail["@type"].endswith("google.rpc.BadRequest")]
    assert [violation["field"] for violation in wrong["fieldViolations"]] == [said.split(" ")[0]]


async def test_4_1_6_a_data_url_is_its_data_and_its_media_type(server: Server) -> None:
    parts = [{"raw": "data:text/plain;base64,QUI"}, {"raw": "data:a/b;base64,QUI=", "mediaType": "text/plain"}]
    async with server.door() as door:
        task = (await door.send(message("") | {"parts": parts}))["task"]
    assert task["history"][0]["parts"] == [{"raw": "QUI=", "mediaType": "text/plain"}] * 2


async def test_3_3_2_a_request_without_a_message_is_refused(server: Server) -> None:
    async with server.http() as http:
        response = await http.post("/message:send", json={})
        assert response.status_code == 400
        rpc = await http.post("/", json={"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {}})
        assert rpc.json()["error"]["code"] == -32602


async def test_3_3_2_an_internal_failure_shows_no_detail(any_door: Door) -> None:
    task = await sent(any_door, "fail")
    assert task["status"]["state"] == "TASK_STATE_FAILED"
    assert "secret detail" not in json.dumps(task)


async def test_5_7_unknown_fields_are_ignored(server: Server) -> None:
    async with server.http() as http:
        body = {"message": message("hello") | {"fromTheFuture": 1}, "alsoNew": {}}
        assert (await http.post("/message:send", json=body)).status_code == 200
        rpc = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": body}
        assert "result" in (await http.post("/", json=rpc)).json()


@pytest.fixture(scope="module")
def plain_cards() -> Iterator[None]:
    """Agents whose card offers nothing optional and requires an extension."""
    build = specialists.service.build_card

    def plain(*args: Any, **kwargs: Any) -> AgentCard:
        card = build(*args, **kwargs)
        card.capabilities.streaming = False
        card.capabilities.push_notifications = False
        card.capabilities.extended_agent_card = False
        card.capabilities.extensions.append(AgentExtension(uri=EXTENSION, required=True))
        return card

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("specialists.service.build_card", plain)
        yield


@pytest.fixture(scope="module")
async def plain(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, plain_cards: None, anyio_backend: str
) -> AsyncIterator[Server]:
    home: Path = tmp_path_factory.mktemp("plain")
    async with servers(database_url, home) as [one]:
        yield one


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_3_3_4_what_the_card_does_not_offer_is_refused(plain: Server, name: str) -> None:
    binding = name.rpartition("-")[0]
    async with plain.door(name, headers={"a2a-extensions": EXTENSION}) as door:
        with pytest.raises(RefusedError) as refused:
            await collected(door.stream(message("hello")))
        assert_said_as_in_5_4(refused.value, "UNSUPPORTED_OPERATION", binding)
        with pytest.raises(RefusedError) as refused:
            await collected(door.subscribe(NOWHERE))
        assert_said_as_in_5_4(refused.value, "UNSUPPORTED_OPERATION", binding)
        with pytest.raises(RefusedError) as refused:
            await door.extended_card()
        assert_said_as_in_5_4(refused.value, "UNSUPPORTED_OPERATION", binding)


async def test_3_3_4_push_is_refused_where_the_card_does_not_offer_it(plain: Server) -> None:
    extension = {"a2a-extensions": EXTENSION}
    async with plain.http() as http, plain.door(headers=extension) as door:
        task = await sent(door, "ask")
        response = await http.post(f"/tasks/{task['id']}/pushNotificationConfigs", json={"url": "https://e.com/"})
        assert response.json()["error"]["details"][0]["reason"] == "PUSH_NOTIFICATION_NOT_SUPPORTED"
        for method in ("Create", "Get", "List", "Delete"):
            plural = "s" if method == "List" else ""
            with pytest.raises(RefusedError) as refused:
                params = {"taskId": task["id"], "id": "1", "url": "https://e.com/"}
                await door.call(f"{method}TaskPushNotificationConfig{plural}", params)
            assert_said_as_in_5_4(refused.value, "PUSH_NOTIFICATION_NOT_SUPPORTED", "JSONRPC")
        with pytest.raises(RefusedError) as refused:
            await sent(door, "hello", {"taskPushNotificationConfig": {"url": "https://e.com/"}})
        assert_said_as_in_5_4(refused.value, "PUSH_NOTIFICATION_NOT_SUPPORTED", "JSONRPC")


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_3_3_4_an_extension_that_is_required_must_be_declared(plain: Server, name: str) -> None:
    async with plain.door(name) as door:
        with pytest.raises(RefusedError) as refused:
            await sent(door, "hello")
        assert_said_as_in_5_4(refused.value, "EXTENSION_SUPPORT_REQUIRED", name.rpartition("-")[0])
        assert EXTENSION in refused.value.message


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_4_6_3_no_other_version_of_an_extension_is_taken_in_its_place(plain: Server, name: str) -> None:
    async with plain.door(name, headers={"a2a-extensions": EXTENSION.replace("v1", "v2")}) as door:
        with pytest.raises(RefusedError) as refused:
            await sent(door, "hello")
        assert refused.value.reason == "EXTENSION_SUPPORT_REQUIRED"
    async with plain.door(name, headers={"a2a-extensions": f"https://e.com/other/v1, {EXTENSION}"}) as door:
        assert (await sent(door, "hello"))["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_4_6_3_an_extension_that_the_agent_does_not_know_is_ignored(server: Server) -> None:
    async with server.door(headers={"a2a-extensions": "https://example.com/unheard-of/v9"}) as door:
        assert (await sent(door, "hello"))["status"]["state"] == "TASK_STATE_COMPLETED"
