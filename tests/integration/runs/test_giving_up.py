"""An agent that says it cannot do a task: rejected where nothing was done, failed otherwise, and told so everywhere."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from a2a.types.a2a_pb2 import TaskState
from agents.testing import assistant_message, function_call
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from pydantic import SecretStr

import specialists.on_a_model
from agentnet.cli.command import exits
from agentnet.cli.gateway.client import Gateway
from agentnet.cli.tasks.ask import converse
from agentnet.cli.tasks.job import Job
from agentnet.cli.tasks.talk import Talk
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from agentnet.settings import Settings
from tests.integration.gateway.mcp.verbatim import Call, tool, verbatim
from tests.integration.runs import specialists_under_test
from tests.integration.runs.specialists_under_test import (
    ASKS,
    DONE,
    answer,
    question,
    sent,
    specialist,
)
from tests.integration.runs.test_delegation import Scripts
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

FAILED = TaskState.TASK_STATE_FAILED
REJECTED = TaskState.TASK_STATE_REJECTED
REASON = "There is no printer here."


def gives_up(call_id: str = "g", reason: str = REASON) -> Any:
    return function_call("give_up", {"reason": reason}, call_id=call_id)


async def test_where_nothing_was_done_the_task_is_rejected_with_the_reason(database_url: str, tmp_path: Path) -> None:
    async with specialist(database_url, tmp_path, [[gives_up()]]) as (worker, [one]):
        task = await sent(one, "print it")
        assert (task.status.state, question(task)) == (REJECTED, REASON)
        assert (len(worker.script.calls), worker.ledger) == (1, [])


async def test_where_a_tool_with_effects_was_called_it_failed(database_url: str, tmp_path: Path) -> None:
    steps = [[function_call("note", {"text": "a"}, call_id="c1")], [gives_up()]]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        task = await sent(one, "print it")
        assert (task.status.state, question(task), worker.ledger) == (FAILED, REASON, ["a"])


@pytest.mark.parametrize(
    "call",
    [
        ("note", {"txt": "a"}),
        ("nte", {"text": "a"}),
        ("find_agents", {}),
    ],
)
async def test_a_call_that_was_not_made_is_nothing(database_url: str, tmp_path: Path, call: Any) -> None:
    steps = [[function_call(*call, call_id="c1")], [gives_up()]]
    async with specialist(database_url, tmp_path, steps, peers=["*"]) as (_, [one]):
        assert (await sent(one, "print it")).status.state == REJECTED


async def test_a_sibling_is_finished_first_and_counts(database_url: str, tmp_path: Path) -> None:
    steps = [[gives_up(), function_call("slow", {"text": "a"}, call_id="c1")]]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        asking = asyncio.create_task(sent(one, "print it"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while worker.ledger != ["begin a"]:
                await asyncio.sleep(0.01)
        worker.gate.set()
        task = await asking
        assert (task.status.state, worker.ledger) == (FAILED, ["begin a", "end a"])


async def test_an_answer_of_the_user_is_nothing_done_and_a_refused_approval_neither(
    database_url: str, tmp_path: Path
) -> None:
    steps = [
        [function_call("ask_user", {"question": "Which printer?"}, call_id="c1")],
        [function_call("pay", {"amount": 5}, call_id="c2")],
        [gives_up()],
    ]
    async with specialist(database_url, tmp_path, steps) as (_, [one]):
        task = await sent(one, "print it")
        task = await sent(one, "any", task)
        assert task.status.state == ASKS
        task = await sent(one, "no", task)
        assert (task.status.state, question(task)) == (REJECTED, REASON)


async def test_words_before_it_do_not_make_it_an_answer(database_url: str, tmp_path: Path) -> None:
    steps = [[assistant_message("I will look."), gives_up()]]
    async with specialist(database_url, tmp_path, steps) as (_, [one]):
        task = await sent(one, "print it")
        assert (task.status.state, question(task)) == (REJECTED, REASON)


async def test_a_folders_own_tool_of_the_name_goes_before(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = '\n\n@function_tool\nasync def give_up(reason: str) -> str:\n    """Mine."""\n    return "never"\n'
    monkeypatch.setattr(specialists_under_test, "TOOLS", specialists_under_test.TOOLS + own)
    steps = [[gives_up()], [assistant_message("done")]]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        assert (await sent(one, "go")).status.state == DONE
        assert [each.name for each in worker.script.calls[0].tools].count("give_up") == 1


MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
mcp_servers: [odd]
"""
READS = {"annotations": {"readOnlyHint": True}}
TEXT = b'{"content":[{"type":"text","text":"ok"}]}'
ERROR = b'{"content":[{"type":"text","text":"no such file"}],"isError":true}'


@pytest.mark.parametrize(
    ("hints", "result", "state"),
    [(READS, TEXT, REJECTED), ({}, TEXT, FAILED), ({}, ERROR, REJECTED)],
    ids=["only read", "acted", "refused by its server"],
)
async def test_a_servers_hints_say_whether_something_was_done(
    database_url: str, tmp_path: Path, hints: dict[str, Any], result: bytes, state: TaskState
) -> None:
    async def given(call: Call) -> None:
        await call.finish(result)

    async with verbatim(given, tool("act") | hints) as (server, url):
        server.only = "legacy"
        steps = [[function_call("odd_act", {}, call_id="c1")], [gives_up()]]
        async with specialist(database_url, tmp_path, steps, 1, MANIFEST, {"odd": url}) as (_, [one]):
            assert (await sent(one, "print it")).status.state == state


@dataclass
class Network:
    """Agents behind a gateway."""

    settings: Settings
    url: str
    key: str
    scripts: Scripts


@pytest.fixture
def start(new_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    @asynccontextmanager
    async def started(scripts: dict[str, Sequence[Any]]) -> AsyncIterator[Network]:
        provider = Scripts({f"script-{name}": steps for name, steps in scripts.items()})
        monkeypatch.setattr(Runtime, "models", lambda _: provider)
        monkeypatch.setattr(specialists.on_a_model, "model_name", lambda _, names: ",".join(names))
        for name in scripts:
            folder = tmp_path / "agents" / name
            folder.mkdir(parents=True)
            (folder / "instructions.md").write_text("Follow the script.")
            (folder / "agent.yaml").write_text(
                f"name: {name}\ndescription: Agent {name}.\nmodel: script-{name}\npeers: ['*']\n"
                f"skills: [{{id: {name}, name: {name}, description: Does {name}.}}]\n"
            )
        settings = Settings(
            home=tmp_path, database_url=new_database, port=0, registry_port=0, agents_dirs=[tmp_path / "agents"]
        )
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(Runtime.open(settings))
            registry = await stack.enter_async_context(running(first, Service("registry", "registry", 0)))
            settings = settings.model_copy(update={"registry_url": registry.url})
            runtime = await stack.enter_async_context(Runtime.open(settings))
            for name in scripts:
                await stack.enter_async_context(running(runtime, Service("agent", name, 0)))
            gateway = await stack.enter_async_context(running(runtime, Service("gateway", "gateway", 0)))
            key = await (await runtime.keys()).create("acme", "test")
            yield Network(settings, gateway.url, key, provider)

    return started


async def _registered(network: Network, name: str) -> None:
    headers = {"authorization": f"Bearer {network.key}"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as http, asyncio.timeout(PATIENCE_SECONDS):
        while name not in (await http.get(f"{network.url}/agents")).text:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("turns", "state"),
    [
        ([[gives_up()]], "rejected"),
        ([[function_call("delegate", {"agent": "x", "message": "y"}, call_id="c1")], [gives_up()]], "rejected"),
    ],
)
async def test_hosts_over_mcp_are_told_that_it_is_an_error(start: Any, turns: list[Any], state: str) -> None:
    async with start({"printer": turns}) as network:
        await _registered(network, "printer")
        headers = {"authorization": f"Bearer {network.key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
            async with Client(streamable_http_client(f"{network.url}/mcp", http_client=http)) as client:
                result = await client.call_tool("printer", {"message": "print it"})
    assert result.is_error
    assert (result.structured_content["state"], result.structured_content["answer"]) == (state, REASON)


@pytest.mark.parametrize(
    ("turns", "code"),
    [([[gives_up()]], exits.REFUSED), ([[assistant_message("printed")]], exits.OK)],
    ids=["given up", "answered"],
)
async def test_scripts_can_tell_by_the_exit_code(
    start: Any, capsys: pytest.CaptureFixture[str], turns: list[Any], code: int
) -> None:
    async with start({"printer": turns}) as network:
        await _registered(network, "printer")
        settings = network.settings.model_copy(update={"api_key": SecretStr(network.key)})
        async with Gateway.open(settings, network.url) as gateway:
            agent = await gateway.agent("printer")
            assert await converse(agent, Job("print it").message(1000), Talk(as_json=True), PATIENCE_SECONDS) == code
    told = capsys.readouterr().out
    assert ("rejected" in told, REASON in told) == (code == exits.REFUSED, code == exits.REFUSED)


async def test_an_agent_that_delegated_is_told_and_may_do_something_else(start: Any) -> None:
    scripts = {
        "boss": [
            [function_call("delegate", {"agent": "printer", "message": "print it"}, call_id="c1")],
            [assistant_message("It cannot be printed here.")],
        ],
        "printer": [[gives_up()]],
    }
    async with start(scripts) as network:
        await _registered(network, "printer")
        await _registered(network, "boss")
        headers = {"authorization": f"Bearer {network.key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS, trust_env=False) as http:
            async with Client(streamable_http_client(f"{network.url}/mcp", http_client=http)) as client:
                result = await client.call_tool("boss", {"message": "print it"})
        said = network.scripts.models["script-boss"].calls[1].input
        [told] = [json.loads(item["output"]) for item in said if isinstance(item, dict) and "output" in item]
    assert not result.is_error
    assert (told["state"], told["answer"]) == ("rejected", REASON)


async def test_a_task_that_is_done_has_its_answer(database_url: str, tmp_path: Path) -> None:
    async with specialist(database_url, tmp_path, [[assistant_message("I cannot do this.")]]) as (worker, [one]):
        task = await sent(one, "print it")
        assert (task.status.state, answer(task)) == (DONE, "I cannot do this.")
        tools: dict[str, Any] = {each.name: each for each in worker.script.calls[0].tools}
        assert "cannot be done" in tools["give_up"].description
