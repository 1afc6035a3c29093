import sys

import httpx
import pytest

from agentnet.errors import ConfigurationError, NotFoundError
from agentnet.identity import Principal
from agentnet.process.runtime import Runtime
from agentnet.settings import Settings
from mcp_servers.offer import create_server
from mcp_servers.service import create_service, names
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

PING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.mark.parametrize("era", ["2026-07-28", "legacy"])
async def test_both_eras_of_the_protocol_are_served_at_one_address(serve, tenant, era):
    async with serve("toolbox") as served, served.client(tenant, era) as client:
        result = await client.call_tool("calculate", {"expression": "15% of 80"})
    assert result.structured_content == {"expression": "15% of 80", "result": "12", "exact": True}


@pytest.mark.parametrize("name", names())
async def test_every_tool_says_what_it_is_for_and_what_each_parameter_means(serve, tenant, name):
    async with serve(name) as served, served.client(tenant) as client:
        tools = (await client.list_tools()).tools
    assert tools
    for tool in tools:
        hints = tool.annotations
        assert tool.description and tool.output_schema and hints
        told = (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
        assert None not in told, tool.name
        for parameter in tool.input_schema["properties"].values():
            assert parameter["description"], tool.name


@pytest.mark.parametrize(
    ("name", "prompt", "argument"),
    [
        ("knowledge", "answer_from_documents", "question"),
        ("data", "explore_table", "source"),
        ("web", "summarize_page", "url"),
    ],
)
async def test_a_prompt_takes_what_a_user_would_say(serve, tenant, name, prompt, argument):
    async with serve(name) as served, served.client(tenant) as client:
        [listed] = (await client.list_prompts()).prompts
        filled = await client.get_prompt(prompt, {argument: "task_log"})
    assert listed.name == prompt and listed.description
    assert [item.name for item in listed.arguments or []] == [argument]
    assert "task_log" in filled.messages[0].content.text


async def test_a_host_name_that_the_operator_allows_is_taken_and_no_other(serve, tenant):
    async with (
        serve("toolbox", allowed_hosts=["agentnet-toolbox"]) as served,
        httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http,
    ):
        token = served.runtime.tokens.mint(Principal(tenant, "key:test"), served.label)
        headers = {"authorization": f"Bearer {token}", "accept": "application/json, text/event-stream"}
        told = {
            host: (await http.post(f"{served.url}/mcp", json=PING, headers={**headers, "host": host})).status_code
            for host in ("agentnet-toolbox", "agentnet-toolbox:8710", "agentnet-other:8710")
        }
    assert told == {"agentnet-toolbox": 200, "agentnet-toolbox:8710": 200, "agentnet-other:8710": 421}


async def test_health_is_open_and_everything_else_asks_for_a_token_of_this_server(serve, tenant):
    async with serve("toolbox") as served, httpx.AsyncClient(base_url=served.url, timeout=PATIENCE_SECONDS) as http:
        other = served.runtime.tokens.mint(Principal(tenant, "key:test"), "mcp:data")
        assert (await http.get("/health")).status_code == 200
        assert (await http.get("/ready")).status_code == 200
        assert (await http.post("/mcp", json=PING)).status_code == 401
        wrong = await http.post("/mcp", json=PING, headers={"authorization": f"Bearer {other}"})
        assert wrong.status_code == 401


async def test_a_request_for_another_host_name_is_refused(serve, tenant):
    async with serve("toolbox") as served, httpx.AsyncClient(base_url=served.url, timeout=PATIENCE_SECONDS) as http:
        token = served.runtime.tokens.mint(Principal(tenant, "key:test"), served.label)
        headers = {"authorization": f"Bearer {token}", "host": "evil.example", "accept": "application/json"}
        assert (await http.post("/mcp", json=PING, headers=headers)).status_code == 421


async def test_the_host_name_that_is_advertised_is_taken(serve, tenant):
    async with (
        serve("toolbox", advertise_host="localhost") as served,
        served.client(tenant) as client,
    ):
        assert (await client.list_tools()).tools


async def test_an_unknown_server_is_not_found_and_the_known_are_named(tmp_path):
    async with Runtime.open(Settings(home=tmp_path)) as runtime:
        with pytest.raises(NotFoundError, match="data, knowledge, toolbox, web"):
            await create_service(runtime, "nothing", "http://127.0.0.1:1")


async def test_a_server_whose_extra_is_missing_says_which_one_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)  # how Python itself marks what cannot be imported
    async with Runtime.open(Settings(home=tmp_path)) as runtime:
        with pytest.raises(ConfigurationError, match=r"not installed: duckdb\. .*agentnet\[data\]"):
            await create_service(runtime, "data", "http://127.0.0.1:1")


async def test_wrong_arguments_are_told_in_one_sentence(serve, tenant):
    async with serve("toolbox") as served, served.client(tenant) as client:
        missing = await client.call_tool("calculate", {})
        wrong = await client.call_tool("calculate", {"expression": "1/0"})
    assert missing.is_error and missing.content[0].text == (
        "The arguments of calculate are wrong: expression: field required."
    )
    assert wrong.is_error and wrong.content[0].text == "The expression divides by zero."


async def test_a_server_registers_itself_with_its_tools(home, registry):
    from agentnet.process.service import Service, running

    async with Runtime.open(Settings(home=home, registry_url=registry.url, lease_seconds=3)) as runtime:
        async with running(runtime, Service("mcp", "toolbox", 0)) as service:
            entry = await registry.next("PUT")
            assert entry["url"] == f"{service.url}/mcp"
            assert "calculate" in entry["skills"] and entry["document"]["tools"]
        assert await registry.next("DELETE") is None


async def test_a_server_can_be_called_in_process(tmp_path):
    from mcp import Client

    async with (
        Runtime.open(Settings(home=tmp_path)) as runtime,
        Client(await create_server(runtime, "toolbox")) as client,
    ):
        result = await client.call_tool("convert_units", {"value": 100, "from_unit": "C", "to_unit": "F"})
    assert result.structured_content["result"] == 212


@pytest.mark.parametrize(
    ("method", "params", "member"),
    [
        ("tools/call", {"name": "calculate", "arguments": [1]}, "arguments: "),
        ("tools/call", {"name": "calculate", "arguments": "x"}, "arguments: "),
        ("tools/call", {}, "name: "),
        ("tools/call", {"name": 5}, "name: "),
        ("tools/call", {"name": "calculate", "_meta": 5}, "_meta: "),
        ("tools/list", {"_meta": {"progressToken": []}}, "_meta.progressToken"),
        ("tools/list", {"cursor": 5}, "cursor: "),
        ("resources/read", {"uri": 5}, "uri: "),
        ("prompts/get", {"name": []}, "name: "),
    ],
)
async def test_parameters_that_are_wrong_are_named(serve, tenant, method, params, member):
    async with serve("toolbox") as served, httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        token = served.runtime.tokens.mint(Principal(tenant, "key:test"), served.label)
        headers = {"authorization": f"Bearer {token}", "accept": "application/json, text/event-stream"}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        response = await http.post(f"{served.url}/mcp", json=body, headers=headers)
    error = response.json()["error"]
    assert error["code"] == -32602
    assert error["message"].startswith(f"The parameters of {method} are wrong: {member}"), error
