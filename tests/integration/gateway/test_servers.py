"""Upstream MCP servers over the gateway's own API: who may, what is shown, what is refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import MCPServer

from agentnet.errors import AgentNetError
from agentnet.identity.principal import ADMIN
from agentnet.upstreams.credential import BearerCredential
from agentnet.upstreams.server import OutsideServer
from tests.integration.gateway.conftest import Network
from tests.integration.upstreams.parts import adder, mcp_over_http, token_server
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

PATH = "/v1/mcp/servers"
PUBLIC = {"name": "github", "url": "https://93.184.215.14/mcp"}
SECRET = "do-not-show-me"

with_loopback = pytest.mark.parametrize("network", [{"allow_private_urls": True}], indirect=True)


@pytest.fixture
async def admin(network: Network) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an admin; no server is stored yet."""
    await (await network.runtime.database()).pool.execute("DELETE FROM upstream_servers")
    async with await _admin(network, "acme") as http:
        yield http


async def _admin(network: Network, tenant: str) -> httpx.AsyncClient:
    return network.client(await (await network.runtime.keys()).create(tenant, "admin", scopes=[ADMIN]))


async def test_a_server_is_added_listed_shown_and_removed_without_its_secret(admin: httpx.AsyncClient) -> None:
    new = PUBLIC | {"credential": {"type": "header", "name": "X-API-Key", "value": SECRET}}
    added = await admin.post(PATH, json=new)
    assert added.status_code == 201
    listed, shown = await admin.get(PATH), await admin.get(f"{PATH}/github")
    assert listed.json()["servers"] == [shown.json()] == [added.json()]
    assert shown.json()["credential"] == "header"
    assert not any(SECRET in answer.text for answer in (added, listed, shown))
    assert (await admin.post(PATH, json=new)).status_code == 409
    assert (await admin.delete(f"{PATH}/github")).status_code == 204
    assert (await admin.get(f"{PATH}/github")).status_code == 404


async def test_another_tenants_server_is_not_found(network: Network, admin: httpx.AsyncClient) -> None:
    await admin.post(PATH, json=PUBLIC)
    async with await _admin(network, "rival") as rival:
        assert (await rival.get(PATH)).json() == {"servers": []}
        others = (("GET", ""), ("DELETE", ""), *(("POST", f"/{verb}") for verb in ("test", "enable", "disable")))
        for method, path in others:
            assert (await rival.request(method, f"{PATH}/github{path}")).status_code == 404
        assert (await rival.put(f"{PATH}/github", json={"url": PUBLIC["url"]})).status_code == 404
    assert len((await admin.get(PATH)).json()["servers"]) == 1


async def test_only_an_admin_may(network: Network, admin: httpx.AsyncClient) -> None:
    async with network.client() as user:
        assert (await user.get(PATH)).status_code == 403
        assert (await user.post(PATH, json=PUBLIC)).status_code == 403


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/mcp",
        "http://10.0.0.1/mcp",
        "http://169.254.169.254/latest",
        "http://[::1]:9000/mcp",
        "file:///etc/passwd",
        "https://user:password@example.com/mcp",
        "http://2130706433/mcp",
    ],
)
async def test_an_address_that_the_guard_refuses_is_not_stored(admin: httpx.AsyncClient, url: str) -> None:
    refused = await admin.post(PATH, json={"name": "inside", "url": url})
    assert refused.status_code == 400
    assert (await admin.get(PATH)).json() == {"servers": []}


async def test_a_tenant_cannot_allow_itself_private_addresses(admin: httpx.AsyncClient) -> None:
    refused = await admin.post(PATH, json={"name": "inside", "url": "http://10.0.0.1/mcp", "allow_private": True})
    assert refused.status_code == 400 and "allow_private" in refused.text
    assert (await admin.get(PATH)).json() == {"servers": []}


async def test_a_server_takes_no_agents_name(network: Network, admin: httpx.AsyncClient) -> None:
    await network.agent("mathematician")
    refused = await admin.post(PATH, json=PUBLIC | {"name": "mathematician"})
    assert refused.status_code == 409 and "an agent 'mathematician'" in refused.text


@pytest.mark.parametrize("name", ["two\nlines", "tab\t", "\u202eturned", "zero\u200bwidth", "\u2028", "\x7f", ""])
async def test_a_key_has_a_name_that_can_be_seen(admin: httpx.AsyncClient, name: str) -> None:
    refused = await admin.post("/v1/keys", json={"name": name})
    assert refused.status_code == 400 and "name" in refused.text


async def test_a_profile_binds_keys_of_its_tenant_alone(network: Network, admin: httpx.AsyncClient) -> None:
    keys = await network.runtime.keys()
    theirs, own = [(await keys.create(tenant, "k")).split("_")[1] for tenant in ("rival", "acme")]
    for wrong in ("nonsense", theirs):
        refused = await admin.put("/v1/mcp/profiles/bound", json={"keys": [own, wrong]})
        assert refused.status_code == 400 and f"There is no key '{wrong}'" in refused.text
    assert (await admin.put("/v1/mcp/profiles/bound", json={"keys": [own]})).status_code == 200
    assert (await admin.put("/v1/mcp/profiles/bound", json={})).status_code == 200


@with_loopback
async def test_the_network_is_no_upstream_of_itself(network: Network, admin: httpx.AsyncClient) -> None:
    refused = await admin.post(PATH, json={"name": "myself", "url": f"{network.url}/mcp"})
    assert refused.status_code == 400 and "itself" in refused.text


@pytest.mark.parametrize(
    "credential",
    [
        {"type": "bearer", "token": "two\r\nlines"},
        {"type": "header", "name": "Host", "value": "evil"},
        {"type": "header", "name": "Mcp-Session-Id", "value": "1"},
        {"type": "bearer", "token": {"file": "/etc/passwd"}},
        {"type": "oauth", "token_url": "ftp://x/token", "client_id": "a", "client_secret": SECRET},
    ],
)
async def test_a_wrong_credential_is_refused_without_being_repeated(
    admin: httpx.AsyncClient, credential: dict[str, Any]
) -> None:
    refused = await admin.post(PATH, json=PUBLIC | {"credential": credential})
    assert refused.status_code == 400
    assert SECRET not in refused.text


@pytest.mark.parametrize(
    "token_url",
    [
        "http://127.0.0.1/token",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1:8080/token",
        "http://[::1]/token",
        "http://localhost/token",
        "http://0.0.0.0/token",
    ],
)
async def test_no_token_is_fetched_from_a_private_address(admin: httpx.AsyncClient, token_url: str) -> None:
    oauth = {"type": "oauth", "token_url": token_url, "client_id": "a", "client_secret": SECRET}
    refused = await admin.post(PATH, json=PUBLIC | {"credential": oauth})
    assert refused.status_code == 400 and "public address" in refused.text, refused.text
    assert (await admin.post(PATH, json=PUBLIC)).status_code == 201
    path = f"{PATH}/{PUBLIC['name']}"
    replacement = {key: value for key, value in PUBLIC.items() if key != "name"} | {"credential": oauth}
    assert (await admin.put(path, json=replacement)).status_code == 400
    assert (await admin.get(path)).json()["credential"] is None
    await admin.delete(path)


@with_loopback
async def test_a_server_is_tried_with_its_own_credential_and_never_the_callers(admin: httpx.AsyncClient) -> None:
    async with mcp_over_http(adder(), x_api_key=SECRET) as upstream:
        credential = {"type": "header", "name": "X-API-Key", "value": SECRET}
        await admin.post(PATH, json={"name": "adder", "url": upstream.url, "credential": credential})
        tried = await admin.post(f"{PATH}/adder/test")
        assert (tried.status_code, tried.json()["tools"]) == (200, ["add"])
        assert not any("authorization" in headers for headers in upstream.seen)
        upstream.accepted["x-api-key"] = "another"
        refused = await admin.post(f"{PATH}/adder/test")
    assert refused.status_code == 503
    assert "401" in refused.json()["error"]["message"] and SECRET not in refused.text


@with_loopback
async def test_a_refused_token_is_fetched_anew_once(admin: httpx.AsyncClient) -> None:
    async with token_server() as tokens, mcp_over_http(adder(), authorization="Bearer token-1") as upstream:
        name, secret = tokens.client
        credential = {"type": "oauth", "token_url": tokens.url, "client_id": name, "client_secret": secret}
        added = await admin.post(PATH, json={"name": "adder", "url": upstream.url, "credential": credential})
        assert added.status_code == 201
        tried = await admin.post(f"{PATH}/adder/test")
        assert tried.status_code == 200, tried.text
        upstream.accepted["authorization"] = "Bearer token-2"
        assert (await admin.post(f"{PATH}/adder/test")).status_code == 200
        upstream.accepted["authorization"] = "Bearer another"
        assert (await admin.post(f"{PATH}/adder/test")).status_code == 503
    assert len(tokens.asked) <= 6


@with_loopback
async def test_a_server_that_is_away_is_told_of_in_a_sentence(admin: httpx.AsyncClient) -> None:
    async with mcp_over_http(adder()) as upstream:
        await admin.post(PATH, json={"name": "adder", "url": upstream.url})
    away = await admin.post(f"{PATH}/adder/test")
    assert away.status_code == 503
    assert away.json()["error"]["message"].startswith("adder cannot be used")


@with_loopback
async def test_the_address_is_checked_again_when_it_is_used(network: Network, admin: httpx.AsyncClient) -> None:
    upstreams = await network.runtime.upstreams()
    async with mcp_over_http(adder()) as upstream:
        await admin.post(PATH, json={"name": "adder", "url": upstream.url})
        upstreams.allow_private = False
        assert (await admin.post(f"{PATH}/adder/test")).status_code == 400
        server = await upstreams.get("acme", "adder")
        async with upstreams.client(server) as http:
            with pytest.raises(AgentNetError, match="public address"):
                await http.get(server.url)
    assert not upstream.seen


@asynccontextmanager
async def host(network: Network, tenant: str) -> AsyncIterator[Client]:
    """An MCP host of that tenant at the gateway."""
    key = await (await network.runtime.keys()).create(tenant, "host")
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE_SECONDS) as http:
        async with Client(streamable_http_client(f"{network.url}/mcp", http_client=http)) as client:
            yield client


@with_loopback
async def test_a_stored_server_is_offered_to_its_tenants_hosts_and_to_no_others(
    network: Network, admin: httpx.AsyncClient
) -> None:
    async with token_server() as tokens, mcp_over_http(adder(), authorization="Bearer token-1") as upstream:
        name, secret = tokens.client
        credential = {"type": "oauth", "token_url": tokens.url, "client_id": name, "client_secret": secret}
        await admin.post(PATH, json={"name": "sums", "url": upstream.url, "credential": credential})
        async with host(network, "acme") as ours, host(network, "rival") as theirs:
            assert "sums__add" in [tool.name for tool in (await ours.list_tools()).tools]
            assert "sums__add" not in [tool.name for tool in (await theirs.list_tools()).tools]
            assert (await ours.call_tool("sums__add", {"a": 2, "b": 3})).structured_content == {"result": 5}
            with pytest.raises(MCPError):
                await theirs.call_tool("sums__add", {"a": 2, "b": 3})
            upstream.accepted["authorization"] = f"Bearer token-{len(tokens.asked) + 1}"
            assert (await ours.call_tool("sums__add", {"a": 3, "b": 3})).structured_content == {"result": 6}
    assert all(headers.get("authorization", "").startswith("Bearer token-") for headers in upstream.seen)


async def stored(network: Network, name: str) -> OutsideServer:
    return await (await network.runtime.upstreams()).get("acme", name)


async def test_a_server_is_replaced_and_keeps_its_credential_for_the_same_origin_only(
    network: Network, admin: httpx.AsyncClient
) -> None:
    credential = {"type": "bearer", "token": SECRET}
    await admin.post(
        PATH, json=PUBLIC | {"credential": credential, "description": "code", "enabled": False, "call_seconds": 9}
    )
    moved = await admin.put(f"{PATH}/github", json={"url": "https://93.184.215.14/v2"})
    assert moved.status_code == 200, moved.text
    assert moved.json() | {"created_at": ""} == {
        "name": "github",
        "url": "https://93.184.215.14/v2",
        "description": "code",
        "credential": "bearer",
        "enabled": False,
        "declared": False,
        "created_at": "",
        "call_seconds": 9.0,
        "timeouts": {},
    }
    assert SECRET not in moved.text
    elsewhere = "https://93.184.215.15/mcp"
    refused = await admin.put(f"{PATH}/github", json={"url": elsewhere})
    assert refused.status_code == 400 and "for another address" in refused.text
    assert (await stored(network, "github")).url == "https://93.184.215.14/v2"
    given = await admin.put(f"{PATH}/github", json={"url": elsewhere, "credential": credential, "enabled": True})
    assert (given.json()["url"], given.json()["enabled"]) == (elsewhere, True)
    assert isinstance((await stored(network, "github")).credential, BearerCredential)
    bare = await admin.put(f"{PATH}/github", json={"url": "https://93.184.215.16/mcp", "credential": None})
    assert bare.json()["credential"] is None


@pytest.mark.parametrize(
    "definition",
    [{"url": "http://10.0.0.1/mcp"}, {"url": "https://93.184.215.14/", "allow_private": True}, {"description": "x"}],
)
async def test_a_replacement_is_checked_as_a_new_server_is(
    admin: httpx.AsyncClient, definition: dict[str, Any]
) -> None:
    await admin.post(PATH, json=PUBLIC)
    assert (await admin.put(f"{PATH}/github", json=definition)).status_code == 400
    assert (await admin.get(f"{PATH}/github")).json()["url"] == PUBLIC["url"]


@with_loopback
async def test_a_server_that_is_switched_off_or_replaced_is_so_for_hosts_too(
    network: Network, admin: httpx.AsyncClient
) -> None:
    async def offered(client: Client) -> list[str]:
        return [tool.name for tool in (await client.list_tools(cache_mode="bypass")).tools if "__" in tool.name]

    async with mcp_over_http(adder()) as upstream, mcp_over_http(greeter()) as another, host(network, "acme") as ours:
        await admin.post(PATH, json={"name": "sums", "url": upstream.url})
        await until(ours, offered, ["sums__add"])
        assert (await admin.post(f"{PATH}/sums/disable")).json()["enabled"] is False
        await until(ours, offered, [])
        assert (await admin.get(PATH)).json()["servers"][0]["enabled"] is False
        assert (await admin.post(f"{PATH}/sums/test")).json()["tools"] == ["add"]
        assert (await admin.post(f"{PATH}/sums/enable")).json()["enabled"] is True
        await until(ours, offered, ["sums__add"])
        await admin.put(f"{PATH}/sums", json={"url": another.url})
        await until(ours, offered, ["sums__greet"])


def greeter() -> MCPServer[Any]:
    """A server with one tool."""
    server: MCPServer[Any] = MCPServer("greeter")

    @server.tool()
    def greet(name: str) -> str:
        return f"Hello, {name}!"

    return server


async def until(client: Client, ask: Callable[[Client], Awaitable[list[str]]], wanted: list[str]) -> None:
    """Returns when `ask` says what is wanted."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await ask(client) != wanted:
            await asyncio.sleep(0.05)
