"""An HTTP API with an OpenAPI document as a server: a real API behind a credential, real clients."""

import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from agentnet.errors import ConfigurationError
from agentnet.testing import serving
from mcp_servers.adapters.openapi import server as openapi_server
from tests.integration.mcp_servers.adapters.api import DOCUMENT, Api
from tests.integration.mcp_servers.adapters.conftest import Present
from tests.integration.upstreams.parts import token_server

pytestmark = pytest.mark.anyio

KEY = {"type": "header", "name": "X-API-Key", "value": "k"}


@asynccontextmanager
async def shop(present: Present, api: Api, tenant: str, era: str = "2026-07-28", **more: Any) -> AsyncIterator[Any]:
    """A client of the API's server."""
    async with serving(api.app()) as url:
        declared = {"name": "shop", "openapi": f"{url}/openapi.json", "credential": KEY} | more
        async with present(declared) as served, served.client(tenant, era) as client:
            yield client


async def fault_of(present: Present, tenant: str, declared: dict[str, Any]) -> str:
    """What is said of a document that cannot be used: the server starts, and has no tools."""
    async with present(declared) as served, served.client(tenant) as client:
        with pytest.raises(MCPError) as caught:
            await client.list_tools()
    assert declared["name"] in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("era", ["2026-07-28", "legacy"])
async def test_operations_are_tools_in_both_eras(present: Present, tenant: str, era: str) -> None:
    api = Api()
    async with shop(present, api, tenant, era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        listed = await client.call_tool("list_items", {"tag": ["a", "b"], "X-Trace": "t"})
        added = await client.call_tool("addItem", {"body": {"id": 2, "name": None, "parts": [{"id": 3, "name": "p"}]}})
        got = await client.call_tool("getItem", {"id": "a b?c%2F"})
        removed = await client.call_tool("removeItem", {"id": "1"})
        text = await client.call_tool("text")
    assert tools.keys() == {"list_items", "addItem", "getItem", "removeItem", "text", "away", "large", "wrong"}
    assert set(tools["list_items"].input_schema["properties"]) == {"tag", "X-Trace"}
    assert listed.structured_content == {"result": [{"id": 1, "name": "a,b"}]}
    assert added.structured_content == {"id": 2, "name": None, "parts": [{"id": 3, "name": "p"}]}
    assert got.structured_content["name"] == "a b?c%2F"
    assert (removed.is_error, removed.content[0].text) == (False, "Done (204).")
    assert text.content[0].text == "plain"
    assert not any("authorization" in request.headers for request in api.seen)


async def test_annotations_say_what_http_says_of_the_method(present: Present, tenant: str) -> None:
    async with shop(present, Api(), tenant) as client:
        hints = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
    assert (hints["getItem"].read_only_hint, hints["getItem"].destructive_hint) == (True, False)
    assert (hints["addItem"].destructive_hint, hints["addItem"].idempotent_hint) == (True, False)
    assert (hints["removeItem"].destructive_hint, hints["removeItem"].idempotent_hint) == (True, True)


async def test_what_does_not_fit_is_told_and_not_sent(present: Present, tenant: str) -> None:
    api = Api()
    async with shop(present, api, tenant) as client:
        for tool, arguments in (
            ("addItem", {}),
            ("addItem", {"body": {"id": "x", "name": "n"}}),
            ("getItem", {"id": ".."}),
            ("getItem", {"id": "1", "unknown": 1}),
            ("list_items", {"X-Trace": "a\r\nb: c"}),
        ):
            assert (await client.call_tool(tool, arguments)).is_error, arguments
    assert not api.seen


async def test_failures_of_the_api_are_told_in_words(
    present: Present, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openapi_server, "MAX_ANSWER_BYTES", 50_000)
    api = Api(key="another", large=60_000)
    async with shop(present, api, tenant) as client:
        told = {name: await client.call_tool(name) for name in ("list_items", "away", "large", "wrong")}
    assert all(result.is_error for result in told.values())
    texts = {name: result.content[0].text for name, result in told.items()}
    assert texts["list_items"] == 'The API answered 401: {"error":"no key"}'
    assert texts["away"].startswith("The API answered 302")
    assert "50000 bytes" in texts["large"]
    assert "not as the API's document says" in texts["wrong"]


async def test_a_token_is_fetched_and_fetched_anew_when_it_is_refused(present: Present, tenant: str) -> None:
    async with token_server() as tokens:
        name, secret = tokens.client
        oauth = {"type": "oauth", "token_url": tokens.url, "client_id": name, "client_secret": secret}
        api = Api(key="Bearer token-1")
        async with shop(present, api, tenant, credential=oauth) as client:
            assert not (await client.call_tool("list_items")).is_error
            api.key = "Bearer token-2"
            assert not (await client.call_tool("list_items")).is_error
            api.key = "Bearer another"
            assert (await client.call_tool("list_items")).is_error
    assert len(tokens.asked) == 3


async def test_only_the_wanted_operations_are_offered(present: Present, tenant: str) -> None:
    async with shop(present, Api(), tenant, operations=["getItem", "addItem"], methods=["get"]) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["getItem"]


async def test_a_document_in_a_file_needs_an_address(present: Present, tenant: str, tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(DOCUMENT))
    assert "base_url" in await fault_of(present, tenant, {"name": "shop", "openapi": str(file)})
    async with serving(Api(key="k").app()) as url:
        declared = {"name": "shop", "openapi": str(file), "base_url": f"{url}/v1", "credential": KEY}
        async with present(declared) as served, served.client(tenant) as client:
            assert not (await client.call_tool("list_items")).is_error


async def test_a_document_at_a_private_address_is_not_fetched(present: Present) -> None:
    api = Api()
    async with serving(api.app()) as url:
        declared = {"name": "shop", "openapi": f"{url}/openapi.json"}
        async with present(declared, allow_private_urls=False) as served:
            ready = await served.runtime.http.get(f"{served.url}/ready")
    assert ready.status_code == 503 and "public address" in ready.text
    assert not api.seen


async def test_an_api_at_a_private_address_is_not_called(present: Present, tenant: str, tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(DOCUMENT))
    api = Api()
    async with serving(api.app()) as url:
        declared = {"name": "shop", "openapi": str(file), "base_url": f"{url}/v1"}
        async with present(declared, allow_private_urls=False) as served, served.client(tenant) as client:
            refused = await client.call_tool("list_items")
    assert refused.is_error and "public address" in refused.content[0].text
    assert not api.seen


async def test_a_document_that_cannot_be_had_now_is_asked_for_again(present: Present, tenant: str) -> None:
    api = Api()
    api.away = True
    async with serving(api.app()) as url:
        declared = {"name": "shop", "openapi": f"{url}/openapi.json", "credential": KEY}
        async with present(declared) as served, served.client(tenant) as client:
            assert (await served.runtime.http.get(f"{served.url}/ready")).status_code == 503
            api.away = False
            assert (await served.runtime.http.get(f"{served.url}/ready")).status_code == 200
            assert not (await client.call_tool("list_items")).is_error


async def test_a_document_leads_no_credential_to_another_place(present: Present, tenant: str) -> None:
    api = Api()
    async with serving(api.app()) as theirs:
        lure = Api(document=DOCUMENT | {"servers": [{"url": f"{theirs}/v1"}]})
        async with serving(lure.app()) as url:
            declared = {"name": "shop", "openapi": f"{url}/openapi.json", "credential": KEY}
            assert "base_url" in await fault_of(present, tenant, declared)
            async with (
                present(declared | {"base_url": f"{theirs}/v1"}) as served,
                served.client(tenant) as client,
            ):
                assert not api.seen
                assert not (await client.call_tool("list_items")).is_error
            async with present({**declared, "credential": None}) as served, served.client(tenant) as client:
                assert "401" in (await client.call_tool("list_items")).content[0].text


async def test_an_address_that_paths_cannot_follow_is_told_of(present: Present, tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(DOCUMENT))
    declared = {"name": "shop", "openapi": str(file), "base_url": "https://api.example.com/v1?version=2"}
    with pytest.raises(ConfigurationError, match="paths of operations"):
        async with present(declared):
            pass


@pytest.mark.parametrize(
    "change",
    [
        {"openapi": "2.0"},
        {"paths": 5},
        {"paths": {"/bad": {"get": 5}}},
        {"servers": 5, "base_url": ""},
        {"servers": [5], "base_url": ""},
        {"paths": {"/x": {"get": {"parameters": [{"$ref": "https://evil.example/p.json"}]}}}},
        {"paths": {"/x": {"get": {"parameters": [{"$ref": "#/nowhere"}]}}}},
        {"paths": {"/x": {"$ref": "#/paths/~1x"}}},
        {"paths": {"/x": {"get": {"parameters": ["text"]}}}},
        {"paths": []},
        {"paths": {}},
    ],
)
async def test_a_document_that_cannot_be_used_stops_no_start_and_is_told_of(
    present: Present, tenant: str, tmp_path: Path, change: dict[str, Any]
) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(copy.deepcopy(DOCUMENT) | change))
    base = {"base_url": "https://api.example.com"} if "base_url" not in change else {}
    assert "document" in await fault_of(present, tenant, {"name": "shop", "openapi": str(file), **base})


async def test_a_document_that_was_mended_is_read_again(present: Present, tenant: str, tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    file.write_text("no document")
    declared = {"name": "shop", "openapi": str(file), "base_url": "https://api.example.com"}
    async with present(declared) as served, served.client(tenant) as client:
        with pytest.raises(MCPError, match="shop"):
            await client.list_tools()
        file.write_text(json.dumps(DOCUMENT))
        assert (await client.list_tools()).tools


async def test_a_document_whose_aliases_unfold_without_measure_is_refused(
    present: Present, tenant: str, tmp_path: Path
) -> None:
    lines = ["openapi: 3.0.3", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    file = tmp_path / "openapi.yaml"
    file.write_text("\n".join(lines))
    declared = {"name": "shop", "openapi": str(file), "base_url": "https://api.example.com"}
    assert "values" in await fault_of(present, tenant, declared)
