"""The network's own specialists behind the gateway: approvals from below, who asks whom, and cancel of a whole tree."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import mcp_types as types
import pytest
from agents.testing import assistant_message, function_call

import specialists.on_a_model
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from tests.integration.gateway.mcp.agents.conftest import Person, Wire, says, text_of
from tests.integration.gateway.mcp.conftest import ERAS, Place, until
from tests.integration.runs.test_delegation import Scripts
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

TOOLS = '''
import asyncio
from agents import function_tool

@function_tool
async def pay(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"

@function_tool
async def wait_forever() -> str:
    """Wait."""
    await asyncio.Event().wait()
    return ""
'''


@asynccontextmanager
async def specialists_of(
    place: Place,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scripts: dict[str, Sequence[Any]],
    executors: dict[str, str] | None = None,
) -> AsyncIterator[None]:
    """One specialist for each script and each executor's code, registered in the place's network."""
    provider = Scripts({f"script-{name}": steps for name, steps in scripts.items()})
    monkeypatch.setattr(Runtime, "models", lambda _: provider)
    monkeypatch.setattr(specialists.on_a_model, "model_name", lambda _, names: ",".join(names))
    code = dict.fromkeys(scripts, "") | (executors or {})
    for name in code:
        folder = path / name
        folder.mkdir()
        if code[name]:
            (folder / "executor.py").write_text(code[name])
        (folder / "instructions.md").write_text("Follow the script.")
        (folder / "tools.py").write_text(TOOLS)
        (folder / "agent.yaml").write_text(
            f"name: {name}\ndescription: Agent {name}.\nmodel: script-{name}\npeers: ['*']\nneeds_approval: [pay]\n"
            f"skills: [{{id: {name}, name: {name}, description: Does {name}.}}]\n"
        )
    settings = place.network.runtime.settings.model_copy(update={"agents_dirs": [path]})
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(Runtime.open(settings))
        for name in code:
            await stack.enter_async_context(running(runtime, Service("agent", name, 0)))
        yield


def delegate(agent: str) -> list[Any]:
    return [function_call("delegate", {"agent": agent, "message": "do it"}, call_id="c1")]


async def listed(place: Place, era: str, name: str) -> None:
    async with place.host(era) as client:

        async def is_there() -> bool:
            return name in [tool.name for tool in (await client.list_tools()).tools]

        await until(is_there)


@pytest.mark.parametrize("era", ERAS)
async def test_an_approval_comes_up_from_below_and_its_verdict_goes_down(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, era: str
) -> None:
    scripts = {
        "boss": [delegate("helper"), [assistant_message("all paid")]],
        "helper": [[function_call("pay", {"amount": 5}, call_id="p1")], [assistant_message("it is paid")]],
    }
    told: list[str] = []

    async def progress(_: float, __: float | None, message: str | None) -> None:
        told.append(message or "")

    async with specialists_of(place, tmp_path, monkeypatch, scripts):
        await listed(place, era, "boss")
        person = Person(says(decision="approve", arguments='{"amount": 3}'))
        async with place.host(era, elicitation_callback=person) as client:
            result = await client.call_tool("boss", {"message": "pay"}, progress_callback=progress)
    assert text_of(result) == "all paid"
    [asked] = person.asked
    assert isinstance(asked, types.ElicitRequestFormParams)
    assert asked.requested_schema["properties"]["arguments"]["default"] == '{"amount": 5}'
    lines = "\n".join(told)
    assert "boss: asks helper: do it …" in lines
    assert "boss → helper: pay" in lines


async def test_a_cancelled_task_is_cancelled_with_all_that_it_delegated(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = {"chief": [delegate("aide")], "aide": [[function_call("wait_forever", {}, call_id="w1")]]}
    async with (
        specialists_of(place, tmp_path, monkeypatch, scripts),
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http,
    ):
        await listed(place, "2026-07-28", "chief")
        wire = Wire(http, place)
        call = {"name": "chief", "arguments": {"message": "go"}}
        begun = await wire.result("tools/call", call)
        pool = (await place.network.runtime.database()).pool

        async def states() -> set[tuple[str, int]]:
            rows = await pool.fetch("SELECT agent, state FROM tasks WHERE agent IN ('chief', 'aide')")
            return {(row["agent"], row["state"]) for row in rows}

        async def both_work() -> bool:
            return {agent for agent, _ in await states()} == {"chief", "aide"}

        async def both_ended() -> bool:
            return {state for _, state in await states()} == {5}

        await until(both_work)
        await wire.result("tasks/cancel", {"taskId": begun["taskId"]}, 1)
        await until(both_ended)
        assert (await wire.result("tasks/get", {"taskId": begun["taskId"]}))["status"] == "cancelled"


async def test_a_modern_host_that_leaves_cancels_the_tree(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = {"lead": [delegate("hand")], "hand": [[function_call("wait_forever", {}, call_id="w1")]]}
    waiting = asyncio.Event()

    async def progress(_: float, __: float | None, message: str | None) -> None:
        if "wait_forever" in (message or ""):
            waiting.set()

    async with specialists_of(place, tmp_path, monkeypatch, scripts):
        await listed(place, "2026-07-28", "lead")
        async with place.host("2026-07-28") as client:
            call = asyncio.create_task(client.call_tool("lead", {"message": "go"}, progress_callback=progress))
            await waiting.wait()
            call.cancel()
            await asyncio.wait([call])
            pool = (await place.network.runtime.database()).pool

            async def both_ended() -> bool:
                rows = await pool.fetch("SELECT state FROM tasks WHERE agent IN ('lead', 'hand')")
                return len(rows) == 2 and {row["state"] for row in rows} == {5}

            await until(both_ended)
