"""What the gateway itself refuses is said in the form of the address: as an agent behind it would say it."""

from typing import Any

import httpx
import pytest

from tests.integration.gateway.conftest import Network

pytestmark = pytest.mark.anyio

ID = "x-1"
MESSAGE = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
CALL: dict[str, Any] = {"jsonrpc": "2.0", "id": ID, "method": "SendMessage", "params": {"message": MESSAGE}}
PLACES = {
    "": "JSONRPC",
    "/message:send": "application/a2a+json",
    "/message:stream": "application/a2a+json",
    "/tasks/t:cancel": "application/a2a+json",
    "/v1/message:send": "application/json",
    "/v1/message:stream": "application/json",
    "/v1/tasks/t:cancel": "application/json",
}


def check(answer: httpx.Response, form: str, status: int, identifier: str | None) -> None:
    """`status`: of HTTP, but that an agent that is away is an answer in JSON-RPC."""
    body = answer.json()
    if form == "JSONRPC":
        assert answer.headers["content-type"] == "application/json"
        assert (body["jsonrpc"], body["id"]) == ("2.0", identifier)
        assert answer.status_code == (200 if status == 503 else status)
        assert -32700 <= body["error"]["code"] <= -32000
        [info] = body["error"]["data"]
    else:
        assert answer.headers["content-type"] == form
        assert (answer.status_code, body["error"]["code"]) == (status, status)
        assert body["error"]["status"] and body["error"]["message"]
        [info] = body["error"]["details"]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(("agent", "status"), [("dead", 503), ("never", 404)])
async def test_of_an_agent_that_does_not_answer(network: Network, path: str, agent: str, status: int) -> None:
    await network.register("dead", ["http://127.0.0.1:9"])
    async with network.client() as http:
        check(await http.post(f"/agents/{agent}{path}", json=CALL), PLACES[path], status, ID)


@pytest.mark.parametrize("network", [{"max_body_bytes": 4096}], indirect=True)
@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("base", ["", "/agents/echo"])
async def test_of_bodies_that_are_too_large(network: Network, path: str, base: str) -> None:
    await network.agent("echo")
    await network.agent("concierge")
    large = CALL | {"padding": "x" * 5000}
    async with network.client() as http:
        check(await http.post(base + path or "/", json=large), PLACES[path], 413, None)


@pytest.mark.parametrize("network", [{"max_body_bytes": 4096}], indirect=True)
@pytest.mark.parametrize("path", ["/mcp", "/mcp/anything"])
async def test_of_bodies_that_are_too_large_for_the_mcp_door(network: Network, path: str) -> None:
    async with network.client() as http:
        check(await http.post(path, json=CALL | {"padding": "x" * 5000}), "JSONRPC", 413, None)
        nul = await http.post(f"{path}?a=%00", json=CALL)
        check(nul, "JSONRPC", 400, None)
