"""A2A 0.3: files as clients of every kind send them, and requests that are none."""

import json
from base64 import b64decode, b64encode
from typing import Any
from uuid import uuid4

import grpc
import grpc.aio
import pytest
from a2a.compat.v0_3 import a2a_v0_3_pb2 as v03
from a2a.compat.v0_3 import a2a_v0_3_pb2_grpc
from google.protobuf.json_format import ParseDict

from tests.conformance.a2a.server import Server

pytestmark = pytest.mark.anyio

BINARY = b"\x01\x02\xff\xfe"
WRONG = "is not base64"
NODE, PYTHON = "node", "python-httpx/0.28.1"


async def by_rpc(server: Server, part: Any, method: str = "message/send", **headers: str) -> Any:
    """The answer to a message of one part; a stream's last event."""
    message = {"kind": "message", "messageId": uuid4().hex, "role": "user", "parts": [part]}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"message": message}}
    async with server.http(version=None) as http:
        text = (await http.post("/", json=body, headers=headers)).text
    return json.loads(text.strip().splitlines()[-1].removeprefix("data: "))


async def by_rest(server: Server, part: Any, path: str = "/v1/message:send", **headers: str) -> Any:
    message = {"messageId": uuid4().hex, "role": "ROLE_USER", "content": [part]}
    async with server.http(version=None) as http:
        return await http.post(path, json={"message": message}, headers=headers)


async def by_grpc(server: Server, part: v03.Part, agent: str = "") -> Any:
    message = v03.Message(message_id=uuid4().hex, role=v03.ROLE_USER, content=[part])
    options = [("grpc.primary_user_agent", agent)]
    async with grpc.aio.insecure_channel(server.grpc_address, options=options) as channel:
        stub = a2a_v0_3_pb2_grpc.A2AServiceStub(channel)  # type: ignore[no-untyped-call]
        metadata = [("authorization", f"Bearer {server.key}")]
        return await stub.SendMessage(v03.SendMessageRequest(request=message), metadata=metadata)


async def stored(server: Server, task_id: str) -> bytes:
    """The file that came, as 1.0 tells it."""
    async with server.door() as door:
        [part] = (await door.get(task_id))["history"][0]["parts"]
    return b64decode(part["raw"])


@pytest.mark.parametrize(
    ("sent", "held", "media_type"),
    [
        ("QUI=", b"AB", None),
        ("QUI", b"AB", None),
        ("_-8=", b"\xff\xef", None),
        ("", b"", None),
        ("data:text/plain;charset=utf-8;base64,QUJD", b"ABC", "text/plain"),
    ],
)
async def test_json_rpc_takes_base64_of_every_kind(
    server: Server, sent: str, held: bytes, media_type: str | None
) -> None:
    task = (await by_rpc(server, {"kind": "file", "file": {"bytes": sent}}))["result"]
    assert await stored(server, task["id"]) == held
    assert task["history"][0]["parts"][0]["file"].get("mimeType") == media_type


@pytest.mark.parametrize("method", ["message/send", "message/stream"])
@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"kind": "file", "file": {"bytes": "!!!"}}, f"message.parts[0].file.bytes {WRONG}"),
        ({"kind": "file", "file": {"bytes": "QUJDA"}}, f"message.parts[0].file.bytes {WRONG}"),
        ({"kind": "file", "file": {"bytes": "data:,QUJD"}}, f"message.parts[0].file.bytes {WRONG}"),
        ({"kind": "data", "data": {"a": 1}, "metadata": {"data_part_compat": True}}, "message.parts[0] is not a part"),
        ({"kind": "data", "data": {"a": 10**400}}, ""),
    ],
)
async def test_json_rpc_names_the_part_that_it_cannot_read(
    server: Server, part: Any, said: str, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = (await by_rpc(server, part, method))["error"]
    assert error["code"] in ({-32602} if said else {-32602, -32700})
    assert said in error["message"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(
    ("agent", "content", "held"),
    [
        (NODE, BINARY, BINARY),
        (NODE, b"hello world", b"hello world"),
        (NODE, b"QUJD", b"QUJD"),
        (NODE, b64encode(BINARY * 50), b64encode(BINARY * 50)),
        (PYTHON, b64encode(BINARY), BINARY),
        (PYTHON, b"hello world", b"hello world"),
        ("curl/8.5.0", BINARY, BINARY),
        ("curl/8.5.0", b"QUJD", b"QUJD"),
        ("grpc-java-netty/1.70", b64encode(bytes(range(99))), bytes(range(99))),
    ],
)
async def test_rest_takes_a_file_as_its_client_sends_it_and_gives_it_back_so(
    server: Server, agent: str, content: bytes, held: bytes
) -> None:
    part = {"file": {"fileWithBytes": b64encode(content).decode(), "name": "a"}}
    headers = {"user-agent": agent}
    task = (await by_rest(server, part, **headers)).json()["task"]
    assert await stored(server, task["id"]) == held
    told = b64encode(held) if agent == PYTHON else held
    async with server.http(version=None) as http:
        again = (await http.get(f"/v1/tasks/{task['id']}", headers=headers)).json()
    streamed = (await by_rest(server, part, "/v1/message:stream", **headers)).text
    first = json.loads(streamed.split("data: ", 1)[1].partition("\n")[0])["task"]
    for seen in (task, again, first):
        assert b64decode(seen["history"][0]["content"][0]["file"]["fileWithBytes"]) == told


@pytest.mark.parametrize("path", ["/v1/message:send", "/v1/message:stream"])
@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"file": {"fileWithBytes": "!!!"}}, f"message.content[0].file.fileWithBytes {WRONG}"),
        ({"file": {}}, "message.content[0].file must have one of"),
        ({"file": {"name": "a"}}, "message.content[0].file must have one of"),
        ({"file": {"file_with_bytes": "QQ==", "fileWithUri": "https://e.com/"}}, "message.content[0].file must"),
        ({"text": "x", "file": {"fileWithBytes": "QQ=="}}, "message.content[0] must have one of"),
        ({}, "message.content[0] must have one of"),
        ({"data": {"data": {"a": 1}}, "metadata": {"data_part_compat": True}}, "message.parts[0] is not a part"),
    ],
)
async def test_rest_names_the_part_that_it_cannot_read(server: Server, part: Any, said: str, path: str) -> None:
    answer = await by_rest(server, part, path)
    error = answer.json()["error"]
    assert (answer.status_code, error["status"]) == (400, "INVALID_ARGUMENT")
    assert said in error["message"]
    assert error["details"][0]["reason"] == "INVALID_PARAMS"


@pytest.mark.parametrize("content", [BINARY, b"hello world", b64encode(BINARY)])
async def test_grpc_takes_a_file_as_its_client_sends_it_and_gives_it_back_so(server: Server, content: bytes) -> None:
    sent = v03.Part(file=v03.FilePart(file_with_bytes=content))
    task = (await by_grpc(server, sent)).task  # by grpc-python
    held = BINARY if content == b64encode(BINARY) else content
    assert await stored(server, task.id) == held
    assert task.history[0].content[0].file.file_with_bytes == b64encode(held)
    # Of gRPC's own user agent nothing can be left out; the one for JavaScript is told first.
    assert await stored(server, (await by_grpc(server, sent, "grpc-node-js/1.14.0")).task.id) == content


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (v03.Part(), "message.content[0] must have one of"),
        (v03.Part(file=v03.FilePart(name="a")), "message.content[0].file must have one of"),
        (
            ParseDict({"data": {"data": {"a": 1}}, "metadata": {"data_part_compat": True}}, v03.Part()),
            "message.parts[0] is not a part",
        ),
        (v03.Part(data=v03.DataPart(data={"a": float("inf")})), "message.content[0] is not a part"),
    ],
)
async def test_grpc_names_the_part_that_it_cannot_read(
    server: Server, part: v03.Part, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await by_grpc(server, part)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert said in (refused.value.details() or "")
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
