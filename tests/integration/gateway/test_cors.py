"""Web pages that call the gateway from a browser: none, but for those of the origins that the operator named."""

import pytest

from agentnet.errors import ConfigurationError
from gateway.cors import admit_pages
from tests.integration.gateway.conftest import Network
from tests.integration.gateway.mcp.raw import ACCEPT, LEGACY, request

pytestmark = pytest.mark.anyio

PAGE = "https://inspector.example:6274"
OTHER = "https://inspector.example"
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,mcp-protocol-version,mcp-param-region,last-event-id",
}
INITIALIZE = request("initialize", {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {}})
ORIGIN = "access-control-allow-origin"
open_to_page = pytest.mark.parametrize("network", [{"allowed_origins": [PAGE]}], indirect=True)


@open_to_page
@pytest.mark.parametrize("path", ["/mcp", "/mcp/default", "/agents/echo", "/message:send"])
async def test_a_named_origin_may_send_the_protocols_headers_without_cookies(network: Network, path: str) -> None:
    async with network.client("") as http:
        told = await http.options(path, headers=PREFLIGHT | {"origin": PAGE})
    assert (told.status_code, told.headers[ORIGIN]) == (200, PAGE)
    assert set(PREFLIGHT["access-control-request-headers"].split(",")) <= set(
        told.headers["access-control-allow-headers"].replace(" ", "").split(",")
    )
    assert told.headers["access-control-max-age"] == "600"
    assert "access-control-allow-credentials" not in told.headers


@open_to_page
async def test_a_page_reads_its_session_and_answers_and_needs_a_key(network: Network) -> None:
    await network.agent("echo")
    sent = ACCEPT | {"origin": PAGE}
    async with network.client() as http, network.client("") as nobody:
        opened = await http.post("/mcp", json=INITIALIZE, headers=sent)
        card = await http.get("/agents/echo/.well-known/agent-card.json", headers=sent)
        refused = await nobody.post("/mcp", json=INITIALIZE, headers=sent)
    assert opened.status_code == 200 and opened.headers["mcp-session-id"]
    assert "mcp-session-id" in opened.headers["access-control-expose-headers"]
    assert card.status_code == 200
    assert refused.status_code == 401
    assert {answer.headers[ORIGIN] for answer in (opened, card, refused)} == {PAGE}


@open_to_page
async def test_an_origin_that_is_not_named_is_shown_nothing(network: Network) -> None:
    async with network.client() as http:
        preflight = await http.options("/mcp", headers=PREFLIGHT | {"origin": OTHER})
        called = await http.post("/mcp", json=INITIALIZE, headers=ACCEPT | {"origin": OTHER})
    assert (preflight.status_code, called.status_code) == (400, 403)
    assert not any(ORIGIN in answer.headers for answer in (preflight, called))


async def test_without_the_setting_no_page_is_admitted(network: Network) -> None:
    async with network.client() as http:
        preflight = await http.options("/mcp", headers=PREFLIGHT | {"origin": PAGE})
        called = await http.post("/mcp", json=INITIALIZE, headers=ACCEPT | {"origin": PAGE})
    assert (preflight.status_code, called.status_code) == (403, 403)
    assert not any(ORIGIN in answer.headers for answer in (preflight, called))


@pytest.mark.parametrize("origin", ["*", "inspector.example", "https://inspector.example/", "null", "https://A.b/c"])
async def test_what_is_no_origin_is_no_setting(origin: str) -> None:
    with pytest.raises(ConfigurationError, match="no origin"):
        admit_pages(lambda scope, receive, send: None, [origin])
