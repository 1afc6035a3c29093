"""Tasks that run at once in one specialist share what it is made of, and nothing that is theirs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from a2a.types.a2a_pb2 import Task
from agents import Model, Tool
from agents.testing import assistant_message, function_call
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import ToolAnnotations
from openai.types.responses import Response, ResponseCompletedEvent

from agentnet.identity.tokens import Tokens
from tests.integration.runs.specialists_under_test import ASKS, DONE, answer, specialist
from tests.integration.tasks.replicas import Replica, context, request
from tests.integration.upstreams.parts import mcp_over_http
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
mcp_servers: [bank]
needs_approval: [pay]
"""
TENANTS = ("acme", "globex")


@dataclass
class Bank:
    """Says for whom it is called, once as many have asked as were expected: so many runs are in it at once."""

    expected: int
    arrived: int = 0
    all_there: asyncio.Event = field(default_factory=asyncio.Event)

    def server(self) -> MCPServer:
        server = MCPServer("bank")
        server.add_tool(self.whoami, annotations=ToolAnnotations(read_only_hint=True))
        return server

    async def whoami(self, word: str, ctx: Context[Any, Any]) -> str:
        """For whom this is."""
        request: Any = ctx.request_context.request
        token = request.headers["authorization"].removeprefix("Bearer ")
        principal = Tokens("x" * 32).verify(token, "mcp:bank")
        self.arrived += 1
        if self.arrived >= self.expected:
            self.all_there.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.all_there.wait()
        return f"{word} for {principal.tenant}"


@dataclass
class Clerk(Model):
    """Asks who it is, pays what the user says, and tells what both answered; each run has its turns in its input."""

    tools: list[list[Tool]] = field(default_factory=list[list[Tool]])

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    async def stream_response(
        self, _instructions: Any, items: list[Any], _settings: Any, tools: list[Tool], *_: Any, **__: Any
    ) -> AsyncIterator[Any]:
        self.tools.append(tools)
        said = next(str(item["content"]) for item in items if item.get("role") == "user")
        outputs = [str(item["output"]) for item in items if item.get("type") == "function_call_output"]
        # The same ids in every run: what belongs to a call must not be found by its id alone.
        turns = [
            function_call("bank_whoami", {"word": said}, call_id="c1"),
            function_call("pay", {"amount": int(said)}, call_id="c2"),
            assistant_message(" | ".join(outputs)),
        ]
        response = Response.construct(id="r", output=[turns[len(outputs)]], usage=None)
        yield ResponseCompletedEvent(response=response, sequence_number=0, type="response.completed")


async def send(replica: Replica, tenant: str, text: str, task: Task | None = None) -> Task:
    found = await replica.handler.on_message_send(request(text, task=task), context(tenant, f"key:{tenant}"))
    assert isinstance(found, Task)
    return found


def amount(task: Task) -> float:
    """What it asks to pay."""
    fields = task.status.message.parts[1].data.struct_value.fields
    return fields["arguments"].struct_value.fields["amount"].number_value


async def test_tasks_of_two_tenants_at_once_share_no_connection_no_approval_and_no_journal(
    database_url: str, tmp_path: Path
) -> None:
    bank = Bank(expected=2)
    async with mcp_over_http(bank.server()) as upstream:
        urls = {"bank": upstream.url}
        async with specialist(database_url, tmp_path, [], 1, MANIFEST, urls, model=Clerk()) as (worker, [one]):
            acme, globex = await asyncio.gather(send(one, "acme", "1"), send(one, "globex", "2"))
            assert [task.status.state for task in (acme, globex)] == [ASKS, ASKS]
            assert [amount(acme), amount(globex)] == [1, 2]
            acme, globex = await asyncio.gather(
                send(one, "acme", "yes", acme), send(one, "globex", "no, not now", globex)
            )
            assert [task.status.state for task in (acme, globex)] == [DONE, DONE]
            assert answer(acme) == "1 for acme | paid 1"
            assert answer(globex).startswith("2 for globex | The call of pay was not approved")
            assert worker.ledger == ["paid 1"]
            for tenant, task in (("acme", acme), ("globex", globex)):
                rows = await one.store.pool.fetch("SELECT tenant, key FROM journal WHERE task_id = $1", task.id)
                assert {row["tenant"] for row in rows} == {tenant}
                assert {"m1", "t:c1", "m2", "t:c2", "m3"} <= {row["key"] for row in rows}


async def test_many_tasks_of_one_tenant_at_once_each_have_their_own_answer(database_url: str, tmp_path: Path) -> None:
    count = 12
    manifest, bank, clerk = MANIFEST.replace("needs_approval: [pay]\n", ""), Bank(expected=count), Clerk()
    async with mcp_over_http(bank.server()) as upstream:
        urls = {"bank": upstream.url}
        async with specialist(database_url, tmp_path, [], 1, manifest, urls, model=clerk) as (worker, [one]):
            tasks = await asyncio.gather(*(send(one, "acme", str(number)) for number in range(count)))
            assert [answer(task) for task in tasks] == [f"{n} for acme | paid {n}" for n in range(count)]
            assert sorted(worker.ledger) == sorted(f"paid {n}" for n in range(count))


async def test_a_specialists_tools_are_made_once_and_those_of_servers_once_for_each_tenant(
    database_url: str, tmp_path: Path
) -> None:
    manifest, bank, clerk = MANIFEST.replace("needs_approval: [pay]\n", ""), Bank(expected=1), Clerk()
    async with mcp_over_http(bank.server()) as upstream:
        urls = {"bank": upstream.url}
        async with specialist(database_url, tmp_path, [], 1, manifest, urls, model=clerk) as (_, [one]):
            for tenant in ("acme", "acme", "globex"):
                assert (await send(one, tenant, "1")).status.state == DONE
            first, again, others = ({tool.name: tool for tool in clerk.tools[turn]} for turn in (0, 3, 6))
            assert all(again[name] is tool for name, tool in first.items())
            assert others.keys() == first.keys()
            assert {name for name, tool in first.items() if others[name] is not tool} == {"bank_whoami"}
