"""Commands over stdio, presented as servers: real processes, real clients of both eras."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError

from agentnet.errors import ConfigurationError
from agentnet.identity import Principal
from agentnet.identity.origin import ORIGIN_META, Origin
from agentnet.ids import new_id, uuid7
from agentnet.mcp import connection as mcp_connection
from agentnet.runs.toolservers import IDEMPOTENCY_META
from mcp_servers.adapters import process, seats
from tests.integration.mcp_servers.adapters.conftest import Present
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

CHILD: dict[str, Any] = {"name": "child", "command": [sys.executable, str(Path(__file__).with_name("child.py"))]}


def raw(mode: str) -> dict[str, Any]:
    """The declaration of `raw.py` in that mode."""
    return {"name": "raw", "command": [sys.executable, str(Path(__file__).with_name("raw.py")), mode]}


async def gone(pid: int) -> None:
    """Returns when no such process runs."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while runs(pid):
            await asyncio.sleep(0.02)


def runs(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # the second when it ends while it is read
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


async def hang(client: Client) -> "asyncio.Task[Any]":
    """A call that never ends, once it is under way."""
    begun = asyncio.Event()

    async def on_progress(*_: Any) -> None:
        begun.set()

    task = asyncio.create_task(client.call_tool("hang", progress_callback=on_progress))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await begun.wait()
    return task


async def test_a_command_is_not_told_for_which_task_it_is_called(present: Present, tenant: str) -> None:
    said: Any = {**Origin(uuid7(), "c").as_meta(), IDEMPOTENCY_META: "k", "example.com/own": "x"}
    async with present(CHILD) as served, served.client(tenant, agent="analyst") as client:
        told = (await client.call_tool("beside", {}, meta=said)).structured_content["result"]
    assert {IDEMPOTENCY_META, "example.com/own"} <= {*told}
    assert not ORIGIN_META & {*told}


async def test_a_command_is_a_server(present: Present, tenant: str) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async with present(CHILD) as served, served.client(tenant) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert tools["add"].annotations and tools["add"].annotations.read_only_hint
        assert (await client.call_tool("add", {"a": 2, "b": 3})).structured_content == {"result": 5}
        assert (await client.call_tool("steps", progress_callback=on_progress)).content[0].text == "done"
        assert [resource.uri for resource in (await client.list_resources()).resources] == ["note://one"]
        assert (await client.read_resource("note://one")).contents[0].text == "a note"
        assert (await client.list_prompts()).prompts[0].name == "greet"
        assert "Ann" in str(await client.get_prompt("greet", {"name": "Ann"}))
        failed = await client.call_tool("add", {"a": "many"})
        lied = await client.call_tool("liar")
    assert told == [(1, 2, "half way")]
    assert failed.is_error
    assert "output schema" in lied.content[0].text


async def test_a_child_killed_in_the_middle_of_a_call_is_told_of_and_is_back_for_the_next(
    present: Present, tenant: str
) -> None:
    async with present(CHILD) as served, served.client(tenant) as client, served.client(f"{tenant}-2") as other:
        undisturbed = asyncio.create_task(other.call_tool("add", {"a": 1, "b": 1}))
        with pytest.raises(MCPError, match="whether the call took effect is unknown"):
            await client.call_tool("die")
        assert (await undisturbed).structured_content == {"result": 2}
        assert (await client.call_tool("add", {"a": 2, "b": 2})).structured_content == {"result": 4}
        pid = (await client.call_tool("pids")).structured_content["result"][0]
        os.kill(pid, signal.SIGKILL)
        await gone(pid)
        assert (await client.call_tool("add", {"a": 3, "b": 3})).structured_content == {"result": 6}


async def test_a_child_that_dies_again_and_again_is_put_off(
    present: Present, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seats, "FIRST_PAUSE_SECONDS", 30.0)
    async with present(CHILD) as served, served.client(tenant) as client:
        for _ in range(2):
            with pytest.raises(MCPError, match="broke off"):
                await client.call_tool("die")
        with pytest.raises(MCPError, match="is started again in"):
            await client.call_tool("add", {"a": 1, "b": 1})


async def test_why_a_command_cannot_be_used_is_told_and_its_words_are_for_the_log(
    present: Present, tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    script = "import sys; sys.stderr.write('first\\nno such module\\x1b[2J'); sys.exit(3)"
    dying = {"name": "dying", "command": [sys.executable, "-c", script]}
    async with present(dying) as served, served.client(tenant) as client:
        with pytest.raises(MCPError, match="dying cannot be used: its command ended with exit code 3") as caught:
            await client.list_tools()
    assert "no such module" not in str(caught.value)
    assert "the command of dying ended with exit code 3: first | no such module[2J" in caplog.text


async def test_each_tenant_has_a_child_of_its_own(present: Present, tenant: str) -> None:
    async with present(CHILD) as served, served.client(tenant) as ours, served.client(f"{tenant}-2") as theirs:
        await ours.call_tool("keep", {"text": "secret"})
        assert (await theirs.call_tool("keep", {"text": "b"})).structured_content == {"result": ["b"]}
        assert (await ours.call_tool("keep", {"text": "c"})).structured_content == {"result": ["secret", "c"]}


async def test_the_longest_idle_child_makes_room_and_a_busy_one_does_not(
    present: Present, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seats.Seats.__init__, "__kwdefaults__", {"limit": 2})
    async with present(CHILD) as served, served.client(tenant) as first, served.client(f"{tenant}-2") as second:
        [pid] = (await first.call_tool("pids")).structured_content["result"]
        assert (await second.call_tool("add", {"a": 1, "b": 1})).structured_content == {"result": 2}
        async with served.client(f"{tenant}-3") as third:
            hanging = [await hang(second), await hang(third)]
            await gone(pid)
            with pytest.raises(MCPError, match="has 2 connections in use"):
                await first.call_tool("add", {"a": 1, "b": 1})
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)


async def test_the_whole_process_group_ends_with_the_service(present: Present, tenant: str) -> None:
    async with present(CHILD) as served, served.client(tenant) as client:
        pids = (await client.call_tool("pids", {"spawn": True})).structured_content["result"]
        assert len(pids) == 2
    for pid in pids:
        await gone(pid)


async def test_a_child_gets_the_declared_environment_and_no_more(
    present: Present, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AGENTNET_SECRET", "AGENTNET_API_KEY", "DATABASE_URL", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "postgresql://" + "x" * 40)
    declared = CHILD | {"environment": {"TOKEN": "t", "LC_ALL": "C.UTF-8"}}
    async with (
        present(declared) as served,
        served.client(tenant) as client,
        served.client(f"{tenant}-2") as other,
    ):
        found = (await client.call_tool("environment")).structured_content
        others = (await other.call_tool("environment")).structured_content
        temporary = Path(found["TMPDIR"])
        assert temporary.is_dir() and temporary.stat().st_mode & 0o077 == 0
    # What Python's own locale coercion adds is not handed down.
    assert sorted(found) == ["HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TOKEN"]
    home = Path(found["HOME"])
    assert home.is_relative_to(served.runtime.settings.home) and home.stat().st_mode & 0o077 == 0
    assert home != Path(others["HOME"])
    assert not temporary.exists()


async def test_a_secret_of_a_command_may_lie_in_a_file(present: Present, tenant: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    declared = CHILD | {"environment": {"TOKEN": {"file": "token"}}}
    async with present(declared) as served, served.client(tenant) as client:
        assert (await client.call_tool("environment")).structured_content["TOKEN"] == "s3cret"


async def test_a_message_over_the_limit_ends_the_call_and_not_the_service(
    present: Present, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MAX_MESSAGE_BYTES", 100_000)
    async with present(CHILD) as served, served.client(tenant) as client:
        with pytest.raises(MCPError, match="broke off"):
            await client.call_tool("shout", {"size": 200_000})
        assert not (await client.call_tool("shout", {"size": 10})).is_error


async def test_a_message_of_too_many_values_is_not_built(
    present: Present, tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with present(raw("brackets")) as served, served.client(tenant) as client:
        for _ in range(2):
            with pytest.raises(MCPError, match="broke off"):
                await client.call_tool("brackets")
    assert "raw sent a message that is over a limit: The body has more than 200000 values" in caplog.text


async def test_what_a_child_says_on_stderr_is_logged(
    present: Present, tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with present(CHILD) as served, served.client(tenant) as client:
        await client.call_tool("shout", {"size": 1})
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "child: shouting" not in caplog.text:
                await asyncio.sleep(0.01)


async def test_the_last_words_of_a_child_that_dies_are_logged(
    present: Present, tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with present(raw("crash")) as served, served.client(tenant) as client:
        with pytest.raises(MCPError):
            await client.call_tool("crash")
    assert "raw: fatal: the token is missing" in caplog.text


async def test_a_child_that_does_not_list_its_tools_is_told_of(
    present: Present, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp_connection, "LIST_SECONDS", 0.5)
    async with present(raw("hang")) as served, served.client(tenant) as client:
        with pytest.raises(MCPError, match=r"did not list its tools within 0\.5 s"):
            await client.list_tools()


async def test_pages_of_tools_without_an_end_are_cut(present: Present, tenant: str) -> None:
    async with present(raw("endless")) as served, served.client(tenant) as client:
        assert not (await client.list_tools()).tools


async def test_commands_are_off_unless_the_operator_allows_them(present: Present) -> None:
    with pytest.raises(ConfigurationError, match="AGENTNET_MCP_COMMANDS"):
        async with present(CHILD, mcp_commands=False):
            pass


async def test_a_command_that_cannot_be_started_is_told_of(present: Present, tenant: str) -> None:
    async with present({"name": "child", "command": ["/no/such/program"]}) as served:
        async with served.client(tenant) as client:
            with pytest.raises(MCPError, match="cannot be started"):
                await client.list_tools()
        assert (await served.runtime.http.get(f"{served.url}/health")).status_code == 200
        assert (await served.runtime.http.get(f"{served.url}/ready")).status_code == 503


async def test_a_server_declared_for_one_tenant_is_not_found_by_another(present: Present, tenant: str) -> None:
    async with present(CHILD | {"tenant": tenant}) as served:
        async with served.client(tenant) as client:
            assert (await client.list_tools()).tools
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        token = served.runtime.tokens.mint(Principal(new_id(), "key:test"), served.label)
        refused = await served.runtime.http.post(
            f"{served.url}/mcp", json=body, headers={"authorization": f"Bearer {token}"}
        )
        assert refused.status_code == 404


async def test_a_declared_server_registers_with_its_tools_for_its_tenant(
    present: Present, registry: Any, tenant: str
) -> None:
    async with present(CHILD | {"tenant": tenant}, registry_url=registry.url, lease_seconds=3):
        entry = await registry.next("PUT")
    assert (entry["kind"], entry["name"], entry["tenant"]) == ("mcp", "child", tenant)
    assert "add" in entry["skills"]
