"""An agent with more server tools than a model reads finds and calls them: approved, journaled and told of as ever."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from agents.testing import assistant_message, function_call
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

from tests.integration.runs.specialists_under_test import (
    ASKS,
    DONE,
    Specialist,
    answer,
    begun,
    finished,
    is_so,
    question,
    sent,
    specialist,
    until,
)
from tests.integration.upstreams.parts import mcp_over_http

pytestmark = pytest.mark.anyio

MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
mcp_servers: [shop]
needs_approval: [shop_order_217]
"""


@dataclass
class Shop:
    """A server of `count` tools."""

    count: int = 300
    ledger: list[str] = field(default_factory=list[str])
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def server(self) -> MCPServer:
        server = MCPServer("shop")
        for number in reversed(range(self.count)):
            hints = ToolAnnotations(read_only_hint=number % 2 == 0, destructive_hint=False, idempotent_hint=False)
            what = "warehouse" if number == 217 else "catalogue"
            server.add_tool(
                self.tool(number), name=f"order_{number}", description=f"Orders from the {what}.", annotations=hints
            )
        return server

    def tool(self, number: int):  # type: ignore[no-untyped-def]
        async def tool(amount: int = 1) -> str:
            self.ledger.append(f"begin {number} {amount}")
            if number == 299:
                await self.gate.wait()
            return f"ordered {number} {amount} times"

        return tool


def listed(worker: Specialist, turn: int = 0) -> list[str]:
    return [tool.name for tool in worker.script.calls[turn].tools]


def outputs(worker: Specialist) -> list[str]:
    return [
        str(item["output"]) for item in worker.script.calls[-1].input if isinstance(item, Mapping) and "output" in item
    ]


def named(name: str, call_id: str, **arguments: Any) -> Any:
    return function_call("call_tool", {"name": name, "arguments": arguments}, call_id=call_id)


async def test_300_tools_are_found_and_called_with_the_approval_of_the_one_that_is_meant(
    database_url: str, tmp_path: Path
) -> None:
    shop = Shop()
    steps = [
        [function_call("find_tools", {"query": "order from the warehouse"}, call_id="c1")],
        [named("shop_order_217", "c2", amount=2), named("shop_order_10", "c3", amount=3)],
        [assistant_message("ordered")],
    ]
    async with (
        mcp_over_http(shop.server()) as server,
        specialist(database_url, tmp_path, steps, 2, MANIFEST, {"shop": server.url}) as (worker, [one, two]),
    ):
        asked = await sent(one, "order")
        assert asked.status.state == ASKS, asked.status
        assert "shop_order_217" in question(asked)
        assert '"amount": 2' in question(asked)
        assert shop.ledger == ["begin 10 3"]
        done = await sent(two, "yes", asked)
    assert done.status.state == DONE, done.status
    assert shop.ledger == ["begin 10 3", "begin 217 2"], "what was done is not done again"
    assert listed(worker) == ["note", "slow", "pay", "ask_user", "give_up", "find_tools", "call_tool"]
    found, *ordered = outputs(worker)
    tools = json.loads(found)
    assert tools[0]["name"] == "shop_order_217"
    assert tools[0]["parameters"]["properties"]["amount"]["type"] == "integer"
    assert ordered == ["ordered 217 2 times", "ordered 10 3 times"]


async def test_a_call_in_doubt_is_asked_about_and_never_made_twice(database_url: str, tmp_path: Path) -> None:
    shop = Shop()
    steps = [[named("shop_order_299", "c1")], [assistant_message("done")]]
    async with (
        mcp_over_http(shop.server()) as server,
        specialist(database_url, tmp_path, steps, 2, MANIFEST, {"shop": server.url}) as (_, [one, two]),
    ):
        task = await begun(one)
        await until(lambda: is_so(shop.ledger == ["begin 299 1"]))
        await one.die()
        shop.gate.set()
        asked = await finished(two, task)
        assert asked.status.state == ASKS
        assert "while it called shop_order_299" in question(asked)
        done = await sent(two, "yes", asked)
    assert done.status.state == DONE, done.status
    assert shop.ledger == ["begin 299 1"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            named("shop_ordr_217", "c1"),
            "There is no tool 'shop_ordr_217' to be called so. Did you mean 'shop_order_217'?",
        ),
        (function_call("call_tool", {"arguments": {}}, call_id="c1"), "name is missing"),
        (function_call("call_tool", {"name": "shop_order_2", "arguments": "[1]"}, call_id="c1"), "not a JSON object"),
        (named("note", "c1", text="x"), "There is no tool 'note'"),
        (function_call("find_tools", {}, call_id="c1"), "query is missing"),
        (function_call("find_tools", {"query": "zebra"}, call_id="c1"), "No tool fits that"),
        (function_call("call_tool", {"name": "shop_order_2", "amount": 4}, call_id="c1"), "ordered 2 4 times"),
        (
            function_call("call_tool", {"name": "shop_order_2", "arguments": '{"amount": 4}'}, call_id="c1"),
            "ordered 2 4",
        ),
        (function_call("shop_order_2", {"amount": 4}, call_id="c1"), "ordered 2 4 times"),
    ],
)
async def test_what_a_model_gets_wrong_is_told_and_what_it_must_mean_is_done(
    database_url: str, tmp_path: Path, call: Any, said: str
) -> None:
    shop = Shop()
    steps = [[call], [assistant_message("done")]]
    async with (
        mcp_over_http(shop.server()) as server,
        specialist(database_url, tmp_path, steps, 1, MANIFEST, {"shop": server.url}) as (worker, [one]),
    ):
        done = await sent(one, "go")
    assert done.status.state == DONE, done.status
    assert answer(done) == "done"
    assert said in outputs(worker)[0]


async def test_few_tools_are_listed_in_one_order_whatever_the_servers_is(database_url: str, tmp_path: Path) -> None:
    shop = Shop(count=4)
    manifest = MANIFEST.replace("needs_approval: [shop_order_217]", "")
    async with (
        mcp_over_http(shop.server()) as server,
        specialist(database_url, tmp_path, [[assistant_message("done")]], 1, manifest, {"shop": server.url}) as (
            worker,
            [one],
        ),
    ):
        await sent(one, "go")
    assert listed(worker) == [
        "note",
        "slow",
        "pay",
        *(f"shop_order_{number}" for number in range(4)),
        "ask_user",
        "give_up",
    ]


OF_FOLDER = "from agents import function_tool\n\nledger: list[str] = []\n" + "".join(
    f'''
@function_tool
async def weigh_{number}(item: str) -> str:
    """Weigh an item on scale {number}{" of the harbour" if number == 77 else ""}."""
    ledger.append(f"{number} {{item}}")
    return f"{{item}} weighs {number}"
'''
    for number in range(120)
)


@pytest.mark.parametrize("approved", [False, True])
async def test_120_tools_of_a_folder_are_found_and_called_as_those_of_servers(
    database_url: str, tmp_path: Path, approved: bool
) -> None:
    manifest = MANIFEST.replace("mcp_servers: [shop]\n", "").replace("[shop_order_217]", f"[weigh_{78 - approved}]")
    steps = [
        [function_call("find_tools", {"query": "scale of the harbour"}, call_id="c1")],
        [named("weigh_77", "c2", item="a crate")],
        [assistant_message("weighed")],
    ]
    async with specialist(database_url, tmp_path, steps, 1, manifest, tools=OF_FOLDER) as (worker, [one]):
        done = await sent(one, "weigh")
        if approved:
            assert done.status.state == ASKS, done.status
            assert "weigh_77" in question(done)
            assert worker.ledger == []
            done = await sent(one, "yes", done)
    assert done.status.state == DONE, done.status
    assert worker.ledger == ["77 a crate"]
    assert listed(worker) == ["ask_user", "give_up", "find_tools", "call_tool"]
    found, weighed = outputs(worker)
    assert json.loads(found)[0]["name"] == "weigh_77"
    assert weighed == "a crate weighs 77"


async def test_a_few_tools_of_a_folder_are_listed_and_nothing_finds_them(database_url: str, tmp_path: Path) -> None:
    manifest = MANIFEST.replace("mcp_servers: [shop]\n", "").replace("[shop_order_217]", "[]")
    async with specialist(database_url, tmp_path, [[assistant_message("done")]], 1, manifest) as (worker, [one]):
        await sent(one, "go")
    assert listed(worker) == ["note", "slow", "pay", "ask_user", "give_up"]


async def test_a_model_may_be_left_without_the_way_to_give_up(database_url: str, tmp_path: Path) -> None:
    manifest = MANIFEST.replace("mcp_servers: [shop]\n", "give_up: false\n").replace("[shop_order_217]", "[]")
    async with specialist(database_url, tmp_path, [[assistant_message("done")]], 1, manifest) as (worker, [one]):
        await sent(one, "go")
    assert listed(worker) == ["note", "slow", "pay", "ask_user"]
