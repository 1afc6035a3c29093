"""Profiles: what a host sees at `/mcp/{profile}`, who may change them, and whom they admit without a key."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from agentnet.errors import ConfigurationError
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from gateway.mcp.profiles.declared import declared_profiles
from tests.integration.gateway.mcp.conftest import ERAS, ROOT, Place
from tests.integration.gateway.mcp.raw import ACCEPT, modern, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


async def names(place: Place, era: str, profile: str, key: str | None = None) -> list[str]:
    async with place.host(era, profile, key=key) as client:
        return [tool.name for tool in (await client.list_tools()).tools]


@pytest.mark.parametrize("era", ERAS)
async def test_a_profile_picks_servers_tools_and_agents(place: Place, era: str) -> None:
    await place.server("alpha")
    await place.server("beta")
    for agent in ("writer", "reader"):
        await place.network.agent(agent)
    await place.put_profile("picked", servers=["alpha", "beta"], tools=["alpha__e*", "writer"], agents=["writer"])
    assert await names(place, era, "picked") == ["alpha__echo", "writer"]
    await place.put_profile("straight", servers=["alpha"], agents=[])
    assert "echo" in await names(place, era, "straight")
    await place.put_profile("globbed", servers=["alpha"], agents=[], tools=["e*"])
    assert await names(place, era, "globbed") == ["echo"]


async def test_what_a_profile_does_not_show_cannot_be_called(place: Place) -> None:
    await place.server("alpha")
    await place.network.agent("reader")
    await place.put_profile("narrow", servers=["alpha"], agents=[], tools=["echo"])
    async with place.network.client() as http:
        for name in ("wait", "alpha__wait", "reader", "find_agents"):
            message, headers = modern("tools/call", {"name": name, "arguments": {"message": "hi"}})
            answer = await http.post("/mcp/narrow", json=message, headers=headers)
            assert answer.json()["error"]["code"] == -32602, name


async def test_a_key_bound_to_a_profile_sees_no_other(place: Place) -> None:
    await place.server("alpha")
    keys = await place.network.runtime.keys()
    key = await keys.create("acme", "bound")
    await place.put_profile("bound", servers=["alpha"], agents=[], tools=["echo"], keys=[key.split("_")[1]])
    await place.put_profile("wide")

    async def is_bound() -> None:
        while await names(place, "2026-07-28", "", key) != ["echo"]:
            await asyncio.sleep(0.05)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await is_bound()
    message, headers = modern("tools/list")
    headers["authorization"] = f"Bearer {key}"
    async with place.network.client(key) as http:
        assert (await http.post("/mcp/wide", json=message, headers=headers)).status_code == 404


async def test_a_merged_list_is_for_nobody_else_whatever_its_servers_say_of_their_parts(place: Place) -> None:
    for server in ("alpha", "beta"):
        await place.server(server)
    await place.put_profile("default", servers=["alpha", "beta"], agents=[])
    message, headers = modern("tools/list")
    async with place.network.client() as http:
        result = (await http.post("/mcp", json=message, headers=headers)).json()["result"]
    assert ("alpha__echo" in {tool["name"] for tool in result["tools"]}, result["cacheScope"]) == (True, "private")


async def test_profiles_are_their_tenants_and_their_admins_alone(place: Place) -> None:
    await place.put_profile("mine", servers=[])
    keys = await place.network.runtime.keys()
    other = await keys.create("other", "admin", scopes=["admin", "use"])
    async with place.network.client(other) as http:
        assert (await http.get("/v1/mcp/profiles")).json() == {"profiles": []}
        assert (await http.delete("/v1/mcp/profiles/mine")).status_code == 404
        assert (await http.post("/mcp/mine", json=request("ping"), headers=ACCEPT)).status_code == 404
    async with place.network.client() as http:
        assert (await http.get("/v1/mcp/profiles")).status_code == 403
        assert (await http.put("/v1/mcp/profiles/mine", json={})).status_code == 403


@pytest.mark.parametrize("bound", ["another tenant's", "unknown"])
async def test_a_profile_binds_no_key_that_its_tenant_does_not_have(place: Place, bound: str) -> None:
    keys = await place.network.runtime.keys()
    identifier = (await keys.create("other", "bound")).split("_")[1] if bound == "another tenant's" else "nobody"
    admin = await keys.create("acme", "admin", scopes=["admin"])
    async with place.network.client(admin) as http:
        refused = await http.put("/v1/mcp/profiles/binding", json={"servers": [], "keys": [identifier]})
        assert refused.status_code == 400, refused.text
        assert (await http.delete("/v1/mcp/profiles/binding")).status_code == 404


@pytest.mark.parametrize(
    ("bound", "status"),
    [
        ("held", 409),
        ("held for days", 409),
        ("held beside a revoked one", 409),
        ("revoked", 204),
        ("expired", 204),
        ("unbound before", 204),
    ],
)
async def test_a_profile_is_not_deleted_while_it_binds_keys_that_hold(place: Place, bound: str, status: int) -> None:
    keys = await place.network.runtime.keys()
    made = await keys.create("acme", "bound", days=2 if bound == "held for days" else None)
    gone = (await keys.create("acme", "gone")).split("_")[1]
    await keys.revoke(gone)
    identifier = made.split("_")[1]
    names = {"revoked": [gone], "held beside a revoked one": [gone, identifier]}.get(bound, [identifier])
    await place.put_profile("binding", servers=[], keys=names)
    if bound == "expired":
        pool = (await place.network.runtime.database()).pool
        await pool.execute("UPDATE api_keys SET expires_at = now() - interval '1 s' WHERE id = $1", identifier)
    if bound == "unbound before":
        await place.put_profile("binding", servers=[])
    admin = await keys.create("acme", "admin", scopes=["admin"])
    async with place.network.client(admin) as http:
        answer = await http.delete("/v1/mcp/profiles/binding")
    assert answer.status_code == status, answer.text
    if status == 409:
        assert identifier in answer.text and gone not in answer.text and "revoke" in answer.text


@pytest.mark.parametrize(
    "wrong", [{"anonymous": True}, {"mode": "all"}, {"servers": "alpha"}, {"color": "red"}, {"tools": ["x"] * 501}]
)
async def test_a_wrong_profile_is_refused(place: Place, wrong: dict[str, object]) -> None:
    admin = await (await place.network.runtime.keys()).create("acme", "admin", scopes=["admin"])
    async with place.network.client(admin) as http:
        assert (await http.put("/v1/mcp/profiles/wrong", json=wrong)).status_code == 400
        assert (await http.put("/v1/mcp/profiles/No%20Name", json={})).status_code == 400


async def test_the_command_line_stores_lists_and_removes_profiles(place: Place, tmp_path: Path) -> None:
    admin = await (await place.network.runtime.keys()).create("acme", "admin", scopes=["admin", "use"])
    environment = {
        "AGENTNET_URL": place.urls[0],
        "AGENTNET_API_KEY": admin,
        "AGENTNET_HOME": str(tmp_path),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'agents'}",
        "PATH": os.environ["PATH"],
    }

    async def agentnet(*arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "ignore", "-m", "agentnet", "mcp", "profiles", *arguments),
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            cwd=tmp_path,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0
        return said.decode()

    assert "/mcp/ide" in await agentnet(
        "set", "ide", "--server", "alpha", "--no-agents", "--tool", "echo", "--timeout", "e*=2"
    )
    [stored] = json.loads(await agentnet("list", "--json"))["profiles"]
    shown = {"name": "ide", "servers": ["alpha"], "tools": ["echo"], "agents": [], "mode": "auto", "keys": []}
    assert stored == shown | {"timeouts": {"e*": 2.0}}
    await agentnet("remove", "ide")
    assert json.loads(await agentnet("list", "--json")) == {"profiles": []}


@pytest.fixture
async def open_gateway(place: Place, tmp_path: Path) -> AsyncIterator[str]:
    """A gateway whose operator declared a profile that admits callers from this machine."""
    declared = tmp_path / "profiles.yaml"
    declared.write_text("profiles:\n- {name: open, servers: [alpha], agents: [], anonymous: true}\n- {name: shut}\n")
    await place.server("alpha")
    async with AsyncExitStack() as stack:
        settings = place.network.runtime.settings.model_copy(update={"mcp_profiles": declared})
        runtime = await stack.enter_async_context(Runtime.open(settings))
        yield (await stack.enter_async_context(running(runtime, Service("gateway", "gateway", 0)))).url


async def test_only_the_operators_profile_admits_callers_without_a_key(open_gateway: str) -> None:
    message, headers = modern("tools/call", {"name": "echo", "arguments": {"text": "hi"}})
    async with httpx.AsyncClient(base_url=open_gateway, trust_env=False, timeout=PATIENCE_SECONDS) as http:
        answer = await http.post("/mcp/open", json=message, headers=headers)
        assert "alpha: hi" in answer.text
        for path in ("/mcp", "/mcp/shut", "/mcp/nowhere", "/agents", "/v1/mcp/profiles"):
            assert (await http.post(path, json=message, headers=headers)).status_code in (401, 404, 405), path
        assert (await http.get("/agents")).status_code == 401
        wrong = headers | {"authorization": "Bearer ank_wrong_key"}
        assert (await http.post("/mcp/open", json=message, headers=wrong)).status_code == 401


async def test_the_operators_profile_binds_keys_too(place: Place, tmp_path: Path) -> None:
    await place.server("alpha")
    key = await (await place.network.runtime.keys()).create("acme", "bound")
    declared = tmp_path / "profiles.yaml"
    bound = f"{{name: bound, servers: [alpha], agents: [], tools: [echo], keys: ['{key.split('_')[1]}']}}"
    declared.write_text(f"profiles:\n- {bound}\n- {{name: wide}}\n")
    settings = place.network.runtime.settings.model_copy(update={"mcp_profiles": declared})
    message, headers = modern("tools/list")
    headers["authorization"] = f"Bearer {key}"
    async with (
        Runtime.open(settings) as runtime,
        running(runtime, Service("gateway", "gateway", 0)) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE_SECONDS) as http,
    ):
        tools = (await http.post("/mcp", json=message, headers=headers)).json()["result"]["tools"]
        other = (await http.post("/mcp/wide", json=message, headers=headers)).status_code
    assert ([tool["name"] for tool in tools], other) == (["echo"], 404)


def test_a_file_of_profiles_that_is_wrong_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "profiles.yaml"
    for text in ("profiles: 7", "profiles: [{name: A B}]", "{", "profiles:\n- {name: a, color: red}"):
        file.write_text(text)
        with pytest.raises(ConfigurationError, match="profiles"):
            declared_profiles(file)
    with pytest.raises(ConfigurationError):
        declared_profiles(tmp_path / "missing.yaml")
