"""Tasks at servers that a client listens for: several servers' on one stream, under the client's ids."""

import asyncio

import httpx
import pytest

from tests.integration.gateway.mcp.agents.conftest import Wire
from tests.integration.gateway.mcp.conftest import Place
from tests.integration.gateway.mcp.tasking import tasking
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

ELSEWHERE = "http://127.0.0.1:9/mcp"


async def begin(wire: Wire, tool: str) -> str:
    """The id of a new task."""
    result = await wire.result("tools/call", {"name": tool, "arguments": {}})
    assert result["resultType"] == "task"
    task_id: str = result["taskId"]
    return task_id


@pytest.mark.parametrize("tells", [True, False])
async def test_tasks_of_servers_and_of_agents_are_told_of_on_one_stream(place: Place, tells: bool) -> None:
    probe = await place.network.agent("echo")
    async with (
        tasking(tells=tells) as (one_url, one),
        tasking(tells=True) as (other_url, other),
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http,
    ):
        await place.register("one", one_url)
        await place.register("other", other_url)
        await place.register("gone", ELSEWHERE)
        wire = Wire(http, place)
        first, second = await begin(wire, "one__work"), await begin(wire, "other__work")
        third = (await wire.call("slow"))["taskId"]
        asked = [first, second, third, "one~snothing", "nobody~st1"]
        async with wire.stream("subscriptions/listen", {"notifications": {"taskIds": asked}}, 1) as messages:
            acknowledged = (await anext(messages))["params"]["notifications"]
            assert set(acknowledged["taskIds"]) == {first, second, third}
            states: dict[str, str] = {}

            async def hear(status: str) -> None:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while set(states.items()) != {(each, status) for each in (first, second, third)}:
                        message = await anext(messages)
                        assert message["method"] == "notifications/tasks"
                        assert message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == 1
                        states[message["params"]["taskId"]] = message["params"]["status"]

            await hear("working")
            await one.settle("t1")
            await other.settle("t1")
            probe.go.set()
            await hear("completed")
    assert ["t1"] in one.listened and ["t1"] in other.listened


async def test_a_task_at_a_server_that_came_back_is_told_of(place: Place) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        wire = Wire(http, place)
        async with tasking(tells=True) as (url, server):
            await place.register("one", url)
            task_id = await begin(wire, "one__work")
            async with wire.stream("subscriptions/listen", {"notifications": {"taskIds": [task_id]}}) as messages:
                await anext(messages)
                assert (await anext(messages))["params"]["status"] == "working"
                server.tasks["t1"] = "completed"  # in the gap: nobody tells of it
                await server.cut()
                async with asyncio.timeout(PATIENCE_SECONDS):
                    message = await anext(messages)
                assert (message["params"]["taskId"], message["params"]["status"]) == (task_id, "completed")
            assert server.listened == [["t1"], ["t1"]]


async def test_a_task_that_no_server_has_is_refused(place: Place) -> None:
    async with tasking(tells=True) as (url, _), httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        await place.register("one", url)
        wire = Wire(http, place)
        told = [
            (await wire.ask("subscriptions/listen", {"notifications": {"taskIds": [task_id]}}))["error"]
            for task_id in ("one~st9", "nobody~st1", "agent-task.x")
        ]
    assert [error["code"] for error in told] == [-32602] * 3
    assert len({error["message"] for error in told}) == 1
