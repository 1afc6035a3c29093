"""Section 3.6: which version of the protocol a request speaks."""

from typing import Any

import httpx
import pytest

from tests.conformance.a2a.messages import message, sent
from tests.conformance.a2a.server import Server
from tests.conformance.a2a.wire import BINDINGS_1_0, RefusedError

pytestmark = pytest.mark.anyio


async def rpc(http: httpx.AsyncClient, method: str, params: dict[str, Any], path: str = "/", **headers: str) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return (await http.post(path, json=body, headers=headers)).json()


@pytest.mark.parametrize("name", BINDINGS_1_0)
@pytest.mark.parametrize("version", ["0.5", "0.2", "1.7", "2.0", "9", "one"])
async def test_3_6_2_a_version_that_is_not_spoken_is_refused(server: Server, name: str, version: str) -> None:
    async with server.door(name, headers={"a2a-version": version}) as door:
        with pytest.raises(RefusedError) as refused:
            await sent(door, "hello")
        assert refused.value.reason == "VERSION_NOT_SUPPORTED"


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_3_6_a_patch_number_makes_no_difference(server: Server, name: str) -> None:
    async with server.door(name, headers={"a2a-version": "1.0.7"}) as door:
        assert (await sent(door, "hello"))["status"]["state"] == "TASK_STATE_COMPLETED"


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_3_6_2_no_version_means_0_3(server: Server, name: str) -> None:
    async with server.door(name, headers={"a2a-version": ""}) as door:
        with pytest.raises(RefusedError) as refused:
            await sent(door, "hello")
        assert refused.value.reason == "VERSION_NOT_SUPPORTED"
    async with server.door(name.replace("1.0", "0.3")) as door:
        assert (await sent(door, "hello"))["status"]["state"] == "TASK_STATE_COMPLETED"


@pytest.mark.parametrize("version", [None, "0.3", "0.3.0"])
async def test_3_6_2_the_methods_of_0_3_take_0_3(server: Server, version: str | None) -> None:
    async with server.http(version=version) as http:
        params = {"message": {"kind": "message", "messageId": "v03", "role": "user", "parts": []}}
        params["message"]["parts"] = [{"kind": "text", "text": "hello"}]  # type: ignore[index]
        params["message"]["messageId"] = message("")["messageId"]  # type: ignore[index]
        answer = await rpc(http, "message/send", params)
        assert answer["result"]["status"]["state"] == "completed"


async def test_3_6_1_the_version_may_stand_in_the_query(server: Server) -> None:
    async with server.http(version=None) as http:
        path = "/message:send?A2A-Version=1.0"
        assert (await http.post(path, json={"message": message("hello")})).status_code == 200
        answer = await rpc(http, "SendMessage", {"message": message("hello")}, "/?A2A-Version=1.0")
        assert "result" in answer
        refused = await http.post("/message:send?A2A-Version=1.7", json={"message": message("hello")})
        assert refused.json()["error"]["details"][0]["reason"] == "VERSION_NOT_SUPPORTED"


async def test_3_6_1_the_header_goes_before_the_query(server: Server) -> None:
    async with server.http(version="1.0") as http:
        path = "/message:send?A2A-Version=0.3"
        assert (await http.post(path, json={"message": message("hello")})).status_code == 200


async def test_3_6_2_a_refusal_says_which_versions_are_spoken(server: Server) -> None:
    async with server.door("HTTP+JSON-1.0", headers={"a2a-version": "7.0"}) as door:
        with pytest.raises(RefusedError, match=r"1\.0 and 0\.3"):
            await sent(door, "hello")
