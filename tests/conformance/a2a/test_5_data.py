"""Sections 4 and 5: the data as it stands on the wire."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.a2a.messages import collected, message, sent
from tests.conformance.a2a.server import Server
from tests.conformance.a2a.wire import BINDINGS_1_0, Door, JsonRpcDoor

pytestmark = pytest.mark.anyio

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(\d{3}){0,2}Z")
HTTP = ["JSONRPC-1.0", "HTTP+JSON-1.0"]


def keys_of(value: Any) -> Iterator[str]:
    """Every field name in a document."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys_of(item)


@pytest.mark.parametrize("name", HTTP)
async def test_5_5_fields_are_camel_case_and_enums_are_names(server: Server, name: str) -> None:
    async with server.door(name) as door:
        task = await sent(door, "ask")
        events = await collected(door.stream(message("answer", taskId=task["id"])))
        documents = [task, events, await door.get(task["id"]), await door.list(includeArtifacts=True)]
    names = set(keys_of(documents))
    assert {"contextId", "messageId", "artifactId", "statusUpdate", "nextPageToken"} <= names
    assert not [key for key in names if "_" in key]
    assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert task["history"][0]["role"] == "ROLE_USER"
    assert task["status"]["message"]["role"] == "ROLE_AGENT"


@pytest.mark.parametrize("name", HTTP)
async def test_5_6_1_timestamps_are_utc_with_milliseconds_or_finer(server: Server, name: str) -> None:
    async with server.door(name) as door:
        events = await collected(door.stream(message("hello")))
    stamps = re.findall(r'"timestamp": "([^"]+)"', json.dumps(events))
    assert len(stamps) >= 3
    assert all(TIMESTAMP.fullmatch(stamp) or stamp.endswith(("00Z",)) for stamp in stamps)
    assert stamps == sorted(stamps)


async def test_5_6_1_a_timestamp_with_an_offset_is_understood(server: Server) -> None:
    async with server.http() as http:
        answer = await http.get("/tasks", params={"statusTimestampAfter": "2020-01-01T02:00:00+02:00"})
        assert answer.status_code == 200


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_4_1_6_every_kind_of_part_comes_back_as_it_was_sent(server: Server, name: str) -> None:
    parts = [
        {"text": "look"},
        {"raw": "AAE=", "filename": "a.txt", "mediaType": "text/plain"},
        {"url": "https://example.com/a.txt", "mediaType": "text/plain"},
        {"data": {"a": [1.5, None, True, {"b": "c"}]}, "metadata": {"k": "v"}},
        {"data": [1.0, 2.0]},
        {"data": "text"},
        {"data": None},
    ]
    async with server.door(name) as door:
        task = (await door.send(message("") | {"parts": parts}))["task"]
        assert (await door.get(task["id"]))["history"][0]["parts"] == parts


async def test_4_1_7_an_artifact_can_be_a_file(door: Door) -> None:
    task = await sent(door, "file")
    [artifact] = task["artifacts"]
    assert artifact["artifactId"]
    assert artifact["parts"] == [{"raw": "AAE=", "filename": "a.bin", "mediaType": "text/plain"}]


async def test_4_1_4_the_agents_messages_name_context_and_task(door: Door) -> None:
    task = await sent(door, "ask")
    question = task["status"]["message"]
    assert question["messageId"]
    assert (question["taskId"], question["contextId"]) == (task["id"], task["contextId"])


async def test_4_2_events_name_task_and_context(door: Door) -> None:
    [first, *rest] = await collected(door.stream(message("hello")))
    ids = {(event["taskId"], event["contextId"]) for item in rest for event in item.values()}
    assert ids == {(first["task"]["id"], first["task"]["contextId"])}


async def test_5_1_all_bindings_show_the_same_task(server: Server) -> None:
    async with server.door("JSONRPC-1.0") as door:
        task = await sent(door, "ask")
    seen = []
    for name in BINDINGS_1_0:
        async with server.door(name) as door:
            seen.append(await door.get(task["id"]))
    assert seen[0] == seen[1] == seen[2]


async def test_3_1_4_the_next_page_token_is_always_there_and_artifacts_never_unless_asked_for(server: Server) -> None:
    async with server.door() as door, server.http() as http:
        task = await sent(door, "hello")
        assert isinstance(door, JsonRpcDoor)
        by_rpc = await door.call("ListTasks", {"contextId": task["contextId"]})
        by_rest = (await http.get("/tasks", params={"contextId": task["contextId"]})).json()
    for page in (by_rpc, by_rest):
        assert page["nextPageToken"] == ""
        assert (page["pageSize"], page["totalSize"]) == (50, 1)
        assert "artifacts" not in page["tasks"][0]
