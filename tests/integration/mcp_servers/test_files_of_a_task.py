"""A name means a file of the conversation that a tool is called in; those of another are opened by their ids alone."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from mcp import Client

from agentnet.identity.origin import Origin
from agentnet.ids import uuid7
from tests.integration.mcp_servers.conftest import Served
from tests.integration.mcp_servers.test_data import add_task, put

pytestmark = pytest.mark.anyio

Serve = Callable[..., AbstractAsyncContextManager[Served]]
MINE, THEIRS, BELOW, SHARED, IN_A_FOLDER = 1, 10, 5, 100, 1000
"""What the tables say that are all called sales.csv, each in its own place."""


def table(amount: int) -> bytes:
    return f"amount\n{amount}\n".encode()


@dataclass
class Conversations:
    """Several of one tenant, on one server."""

    served: Served
    tenant: str
    tasks: dict[str, UUID] = field(default_factory=dict[str, UUID])
    theirs: str = ""
    """The id of the other conversation's table."""

    @asynccontextmanager
    async def caller(self, agent: str) -> AsyncIterator[Client]:
        async with self.served.client(self.tenant, agent=agent) as client:
            yield client

    def origin(self, task: str) -> dict[str, str] | None:
        """What a call of that task says of it."""
        return Origin(self.tasks[task], task).as_meta() if task else None

    async def called(self, client: Client, task: str, tool: str, **arguments: Any) -> Any:
        meta: Any = self.origin(task)
        return await client.call_tool(tool, arguments, meta=meta)

    async def amount(self, client: Client, task: str, source: str) -> int | str:
        """The amount in a table, or why it is not read."""
        result = await self.called(client, task, "summarize", source=source, value="amount")
        return str(result.content[0].text) if result.is_error else int(result.structured_content["rows"][0][0])


@asynccontextmanager
async def conversations(serve: Serve, tenant: str, **settings: Any) -> AsyncIterator[Conversations]:
    async with serve("data", **settings) as served:
        made = Conversations(served, tenant)
        tasks = made.tasks

        async def begun(context: str, parent: str | None = None, name: str = "") -> UUID:
            above = tasks[parent] if parent else None
            task: UUID = await add_task(served, tenant, "analyst", 2, context=context, parent=above)
            tasks[name or context] = task
            return task

        await put(served, tenant, "sales.csv", table(MINE), task=await begun("mine"))
        await begun("mine", name="later in mine")
        made.theirs = await put(served, tenant, "sales.csv", table(THEIRS), task=await begun("theirs"))
        await put(served, tenant, "secret-plans.csv", table(THEIRS + 1), task=tasks["theirs"])
        await begun("delegated", parent="mine")
        await put(served, tenant, "sales.csv", table(BELOW), task=await begun("with its own", parent="mine"))
        await put(served, tenant, "made.csv", table(BELOW + 1), task=tasks["with its own"])
        await begun("new")
        await put(served, tenant, "sales.csv", table(SHARED))
        foreign: UUID = await add_task(served, f"{tenant}-other", "analyst", 2, context="foreign")
        await put(served, f"{tenant}-other", "sales.csv", table(7), task=foreign)
        tasks |= {"foreign": foreign, "unknown": uuid7()}
        yield made


MEANT: list[tuple[str, str, int | None]] = [
    ("mine", "sales.csv", MINE),
    ("mine", "Sales", MINE),
    ("later in mine", "sales.csv", MINE),
    ("theirs", "sales.csv", THEIRS),
    ("theirs", "secret-plans.csv", THEIRS + 1),
    ("delegated", "sales.csv", MINE),
    ("delegated", "made.csv", BELOW + 1),
    ("with its own", "sales.csv", BELOW),
    ("mine", "made.csv", BELOW + 1),
    ("new", "sales.csv", SHARED),
    ("foreign", "sales.csv", SHARED),
    ("unknown", "sales.csv", SHARED),
    ("", "sales.csv", SHARED),
    ("mine", "secret-plans.csv", None),
    ("new", "secret-plans.csv", None),
    ("", "made.csv", None),
]
"""For the task of an agent: what it says, and the amount in the table that it gets."""


async def test_an_agent_reads_by_its_name_the_file_of_its_own_conversation(serve: Serve, tenant: str) -> None:
    async with conversations(serve, tenant) as made, made.caller("analyst") as agent:
        got = [(task, name, await made.amount(agent, task, name)) for task, name, _ in MEANT]
        opened = {task: await made.amount(agent, task, made.theirs) for task in ("mine", "new", "")}
    refused = [(task, name) for task, name, amount in MEANT if amount is None]
    assert [each for each in got if each[:2] not in refused] == [each for each in MEANT if each[:2] not in refused]
    for task, name, said in got:
        if (task, name) in refused:
            assert str(said).startswith(f"There is no source '{name}'. "), (task, name, said)
            assert f"/{name}" not in str(said), "not even its id is told"
    assert opened == {"mine": THEIRS, "new": THEIRS, "": THEIRS}, "by its id it is opened from everywhere"


async def test_lists_and_sql_know_the_same_files(serve: Serve, tenant: str) -> None:
    async with conversations(serve, tenant) as made, made.caller("analyst") as agent:
        listed, summed = {}, {}
        for task in ("mine", "theirs", "new", ""):
            found = (await made.called(agent, task, "list_sources")).structured_content["sources"]
            listed[task] = [each["source"].rpartition("/")[2] for each in found]
            result = await made.called(agent, task, "query", sql="SELECT sum(amount) FROM sales")
            summed[task] = result.structured_content["rows"][0][0]
        wrong = await made.called(agent, "new", "query", sql="SELECT * FROM secret_plans")
    assert listed == {
        "mine": ["task_log", "sales.csv", "made.csv", "sales.csv", "sales.csv"],
        "theirs": ["task_log", "secret-plans.csv", "sales.csv", "sales.csv"],
        "new": ["task_log", "sales.csv"],
        "": ["task_log", "sales.csv"],
    }
    assert summed == {"mine": MINE, "theirs": THEIRS, "new": SHARED, "": SHARED}
    assert wrong.is_error


@pytest.mark.parametrize("task", ["mine", "theirs", "foreign"])
async def test_what_a_host_writes_beside_its_call_opens_no_conversation(serve: Serve, tenant: str, task: str) -> None:
    async with conversations(serve, tenant) as made, made.caller("") as host:
        assert await made.amount(host, task, "sales.csv") == SHARED
        assert "There is no source" in str(await made.amount(host, task, "secret-plans.csv"))
        listed = (await made.called(host, task, "list_sources")).structured_content["sources"]
        assert len(listed) == 2
        assert await made.amount(host, task, made.theirs) == THEIRS


NO_ORIGINS: list[dict[str, Any]] = [
    {},
    {"agentnet.dev/task_id": "mine"},
    {"agentnet.dev/task_id": 5, "agentnet.dev/context_id": "mine"},
    {"agentnet.dev/task_id": "' OR true --", "agentnet.dev/context_id": "mine"},
    {"agentnet.dev/context_id": "mine"},
]


async def test_an_agent_that_says_its_task_wrong_is_in_no_conversation(serve: Serve, tenant: str) -> None:
    async with conversations(serve, tenant) as made, made.caller("analyst") as agent:
        for meta in NO_ORIGINS:
            said: Any = meta
            result = await agent.call_tool("summarize", {"source": "sales.csv", "value": "amount"}, meta=said)
            assert result.structured_content["rows"] == [[SHARED]], meta


async def test_what_the_tenant_has_goes_before_a_folders_file_unless_its_path_is_said(
    serve: Serve, tenant: str, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    root.mkdir()
    for name in ("sales.csv", "stock.csv"):
        (root / name).write_bytes(table(IN_A_FOLDER))
    async with conversations(serve, tenant, data_roots=[root]) as made, made.caller("analyst") as agent:
        assert await made.amount(agent, "mine", "sales.csv") == MINE
        assert await made.amount(agent, "new", "sales.csv") == SHARED
        for task in ("mine", "new", ""):
            assert await made.amount(agent, task, "data/sales.csv") == IN_A_FOLDER
            assert await made.amount(agent, task, "stock.csv") == IN_A_FOLDER
