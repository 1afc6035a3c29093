"""Requests that are wrong: each is answered under its own id, and told what is wrong."""

from typing import Any

import pytest

from tests.integration.gateway.mcp.conftest import Place
from tests.integration.gateway.mcp.raw import LEGACY, MODERN, LegacySession, modern, request

pytestmark = pytest.mark.anyio


def headers_of(version: str) -> dict[str, str]:
    return modern("tools/call")[1] | {"mcp-protocol-version": version}


@pytest.mark.parametrize("version", [LEGACY, MODERN])
@pytest.mark.parametrize("params", [[], None, 5, "x", True])
async def test_params_that_are_no_object_are_told_of_under_the_requests_id(
    place: Place, version: str, params: Any
) -> None:
    async with place.network.client() as http:
        body = {"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params}
        response = await http.post(f"{place.urls[0]}/mcp", json=body, headers=headers_of(version))
    assert response.status_code == 400
    assert response.json()["id"] == 9
    assert response.json()["error"] == {"code": -32602, "message": "params must be an object."}


@pytest.mark.parametrize("version", [LEGACY, MODERN])
@pytest.mark.parametrize("identifier", [9, "nine", 0, ""])
async def test_a_request_to_a_profile_that_is_not_there_is_answered_under_its_id(
    place: Place, version: str, identifier: Any
) -> None:
    async with place.network.client() as http:
        body = request("tools/list", {}, identifier)
        response = await http.post(f"{place.urls[0]}/mcp/nowhere", json=body, headers=headers_of(version))
        told = await http.post(f"{place.urls[0]}/mcp/nowhere", content=b"{", headers=headers_of(version))
    assert (response.json()["id"], "nowhere" in response.json()["error"]["message"]) == (identifier, True)
    assert told.json()["id"] is None


@pytest.mark.parametrize("params", [{}, {"name": None}, {"name": 5}, {"name": []}, {"name": {}}])
async def test_a_tool_without_a_name_is_told_of(place: Place, params: dict[str, Any]) -> None:
    async with place.network.client() as http:
        session = await LegacySession.open(http, place.urls[0])
        answer = (await session.post(place.urls[0], request("tools/call", params))).json()
    assert answer["error"] == {"code": -32602, "message": "name must be a text."}
