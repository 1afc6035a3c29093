"""What MCP tools say of themselves decides whether a call is repeated and whether a person is asked first."""

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from a2a.types.a2a_pb2 import Task, TaskState
from agents.testing import assistant_message, function_call
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

from agentnet.errors import ManifestError
from agentnet.testing.faults import break_connections
from tests.integration.runs.specialists_under_test import (
    ASKS,
    DONE,
    begun,
    finished,
    is_so,
    question,
    sent,
    specialist,
    until,
)
from tests.integration.tasks.replicas import Replica
from tests.integration.upstreams.parts import mcp_over_http

pytestmark = pytest.mark.anyio

MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
mcp_servers: [bank]
"""


@dataclass
class Bank:
    """A server whose tools write down what they did, and wait at a gate."""

    ledger: list[str] = field(default_factory=list[str])
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def server(self) -> MCPServer:
        server = MCPServer("bank")
        for name, hints in (
            ("read", ToolAnnotations(read_only_hint=True)),
            ("put", ToolAnnotations(destructive_hint=False, idempotent_hint=True)),
            ("append", ToolAnnotations(destructive_hint=False, idempotent_hint=False)),
            ("erase", ToolAnnotations(destructive_hint=True, idempotent_hint=True)),
            ("unsaid", None),
        ):
            server.add_tool(self.tool(name), name=name, description=name, annotations=hints)
        return server

    def tool(self, name: str):  # type: ignore[no-untyped-def]
        async def tool() -> str:
            self.ledger.append(name)
            await self.gate.wait()
            return f"did {name}"

        return tool


async def turn_is_stored(replica: Replica, task: Task) -> bool:
    query = "SELECT count(*) FROM journal WHERE task_id = $1 AND key = 'm1'"
    return bool(await replica.store.pool.fetchval(query, task.id))


@pytest.mark.parametrize(
    ("tool", "repeated"), [("read", True), ("put", True), ("append", False), ("erase", False), ("unsaid", False)]
)
async def test_an_unfinished_call_is_repeated_only_if_the_tool_says_that_it_may_be(
    database_url: str, tmp_path: Path, tool: str, repeated: bool
) -> None:
    steps = [[function_call(f"bank_{tool}", {}, call_id="c1")], [assistant_message("done")]]
    bank = Bank()
    async with mcp_over_http(bank.server()) as upstream:
        urls = {"bank": upstream.url}
        async with specialist(database_url, tmp_path, steps, 2, MANIFEST, urls) as (_, [one, two]):
            task = await begun(one)
            await until(lambda: is_so(bank.ledger == [tool]))
            await until(lambda: turn_is_stored(one, task))  # what only reads does not wait for it
            await one.die()
            bank.gate.set()
            rested = await finished(two, task)
            if repeated:
                assert rested.status.state == DONE
                assert bank.ledger == [tool, tool]
            else:
                assert rested.status.state == ASKS
                assert "Did this happen?" in question(rested)
                assert (await sent(two, "yes", rested)).status.state == DONE
                assert bank.ledger == [tool]


@pytest.mark.parametrize(("tool", "asks"), [("read", False), ("put", False), ("append", False), ("erase", True)])
async def test_a_manifest_can_ask_for_approval_of_destructive_tools(
    database_url: str, tmp_path: Path, tool: str, asks: bool
) -> None:
    steps = [[function_call(f"bank_{tool}", {}, call_id="c1")], [assistant_message("done")]]
    bank = Bank()
    bank.gate.set()
    async with mcp_over_http(bank.server()) as upstream:
        urls = {"bank": upstream.url}
        manifest = MANIFEST + "approve_destructive: true\n"
        async with specialist(database_url, tmp_path, steps, 1, manifest, urls) as (_, [one]):
            rested = await sent(one, "go")
            assert (rested.status.state == ASKS) is asks
            assert bank.ledger == ([] if asks else [tool])
            if asks:
                assert (await sent(one, "yes", rested)).status.state == DONE
                assert bank.ledger == [tool]


async def test_a_broken_connection_is_healed_before_a_call_that_must_not_be_made_twice(
    database_url: str, tmp_path: Path
) -> None:
    steps = [
        [function_call("bank_append", {}, call_id="c1")],
        [function_call("slow", {"text": "b"}, call_id="c2")],
        [function_call("bank_append", {}, call_id="c3")],
        [assistant_message("done")],
    ]
    bank = Bank()
    bank.gate.set()
    async with mcp_over_http(bank.server()) as upstream:
        async with specialist(database_url, tmp_path, steps, 1, MANIFEST, {"bank": upstream.url}) as (worker, [one]):
            task = await begun(one)
            await until(lambda: is_so(worker.ledger == ["begin b"]))
            await break_connections(worker.servers)
            worker.gate.set()
            assert (await finished(one, task)).status.state == DONE
    assert bank.ledger == ["append", "append"]


WRONG_NAMES = [
    ("needs_approval: [bank_erse]", "needs_approval: no MCP server has a tool 'bank_erse'. Did you mean 'bank_erase'?"),
    ("needs_approval: [bank_erase, bank_Put]", "no MCP server has a tool 'bank_Put'. Did you mean 'bank_put'?"),
    ("needs_approval: [bank-erase]", "there is no tool 'bank-erase'"),
    (
        "not_repeatable: [bank_apend]",
        "not_repeatable: no MCP server has a tool 'bank_apend'. Did you mean 'bank_append'?",
    ),
    ("needs_approval: [bank_bank_erase]", "no MCP server has a tool 'bank_bank_erase'"),
    ("needs_approval: ['bank_']", "no MCP server has a tool 'bank_'"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG_NAMES)
async def test_a_misspelt_name_of_a_servers_tool_is_refused_and_nothing_runs(
    database_url: str, tmp_path: Path, wrong: str, said: str
) -> None:
    steps = [[function_call("bank_erase", {}, call_id="c1")], [assistant_message("done")]]
    bank, manifest = Bank(), f"{MANIFEST}{wrong}\n"
    bank.gate.set()
    async with mcp_over_http(bank.server()) as upstream:
        urls = {"bank": upstream.url}
        if said.startswith("there is"):  # of no server at all: known before anything starts
            with pytest.raises(ManifestError, match=re.escape(said)):
                await specialist(database_url, tmp_path, steps, 1, manifest, urls).__aenter__()
            return
        async with specialist(database_url, tmp_path, steps, 1, manifest, urls) as (worker, [one]):
            with pytest.raises(ManifestError, match=re.escape(said)):
                await worker.check_servers("default")
            rested = await sent(one, "go")
    assert rested.status.state == TaskState.TASK_STATE_FAILED
    assert said in question(rested)
    assert bank.ledger == []


async def test_a_server_that_is_away_is_looked_at_when_it_comes(database_url: str, tmp_path: Path) -> None:
    steps = [[assistant_message("done")], [function_call("bank_erase", {}, call_id="c1")], [assistant_message("done")]]
    bank, manifest = Bank(), f"{MANIFEST}needs_approval: [bank_erse]\n"
    bank.gate.set()
    urls: dict[str, str] = {}
    async with specialist(database_url, tmp_path, steps, 1, manifest, urls) as (worker, [one]):
        await worker.check_servers("default")
        assert (await sent(one, "go")).status.state == DONE
        async with mcp_over_http(bank.server()) as upstream:
            urls["bank"] = upstream.url

            async def refused() -> bool:
                return (await sent(one, "go")).status.state == TaskState.TASK_STATE_FAILED

            await until(refused)
    assert bank.ledger == []


async def test_a_name_that_is_right_asks(database_url: str, tmp_path: Path) -> None:
    steps = [[function_call("bank_put", {}, call_id="c1")], [assistant_message("done")]]
    bank = Bank()
    async with mcp_over_http(bank.server()) as upstream:
        manifest = f"{MANIFEST}needs_approval: [bank_put]\nnot_repeatable: [bank_append]\n"
        async with specialist(database_url, tmp_path, steps, 1, manifest, {"bank": upstream.url}) as (worker, [one]):
            await worker.check_servers("default")
            assert (await sent(one, "go")).status.state == ASKS
    assert bank.ledger == []
