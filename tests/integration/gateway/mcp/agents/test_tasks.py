"""The tasks extension over agents: ids that any replica answers for, and nobody but their owner."""

from typing import Any

import httpx
import pytest

from tests.integration.gateway.mcp.agents.conftest import TASKS, Wire
from tests.integration.gateway.mcp.conftest import Place, until
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


async def settled(wire: Wire, task_id: str, replica: int = 0) -> dict[str, Any]:
    """The task as soon as it no longer works."""
    found: dict[str, Any] = {}

    async def rests() -> bool:
        nonlocal found
        found = await wire.result("tasks/get", {"taskId": task_id}, replica)
        return bool(found["status"] != "working")

    await until(rests)
    return found


async def test_a_call_becomes_a_task_and_another_replica_tells_its_result(place: Place) -> None:
    probe = await place.network.agent("echo")
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        wire = Wire(http, place)
        begun = await wire.call("slow")
        assert begun["resultType"] == "task" and begun["status"] == "working"
        assert begun["pollIntervalMs"] > 0 and begun["ttlMs"] is None
        working = await wire.result("tasks/get", {"taskId": begun["taskId"]}, 1)
        assert working["status"] == "working" and working["resultType"] == "complete"
        assert working["createdAt"] == begun["createdAt"] <= working["lastUpdatedAt"]
        probe.go.set()
        done = await settled(wire, begun["taskId"], 1)
        assert done["status"] == "completed"
        assert done["result"]["content"][0]["text"] == "first second"
        assert done["result"]["structuredContent"]["state"] == "completed"


async def test_a_failed_agent_is_a_completed_task_with_an_error(place: Place) -> None:
    await place.network.agent("echo")
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        wire = Wire(http, place)
        begun = await wire.call("fail")
        done = await settled(wire, begun["taskId"]) if begun["resultType"] == "task" else {"result": begun}
        assert done["result"]["isError"] is True
        assert done["result"]["content"][0]["text"] == "The disk is full."


async def test_questions_are_input_requests_and_any_replica_takes_their_answers(place: Place) -> None:
    await place.network.agent("echo")
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        wire = Wire(http, place)
        begun = await wire.call("ask")
        keys: list[str] = []
        for replica, answer in enumerate(("twice", "blue")):
            asked = await settled(wire, begun["taskId"], replica)
            assert asked["status"] == "input_required"
            [(key, question)] = asked["inputRequests"].items()
            assert question["method"] == "elicitation/create"
            keys.append(key)
            ignored = {"taskId": begun["taskId"], "inputResponses": {"unknown": {"action": "accept"}}}
            assert (await wire.result("tasks/update", ignored))["resultType"] == "complete"
            given = {key: {"action": "accept", "content": {"answer": answer}}}
            params = {"taskId": begun["taskId"], "inputResponses": given}
            await wire.result("tasks/update", params, 1 - replica)
        done = await settled(wire, begun["taskId"])
        assert done["result"]["content"][0]["text"] == "echo: blue"
        assert len(set(keys)) == 2


async def test_a_client_that_cannot_be_asked_gets_the_question_as_its_result(place: Place) -> None:
    await place.network.agent("echo")
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        wire = Wire(http, place, extensions={TASKS: {}})
        begun = await wire.call("ask")
        done = await settled(wire, begun["taskId"])
        assert done["status"] == "completed"
        said = done["result"]["structuredContent"]
        assert said["state"] == "input-required"
        again = await wire.call("blue", task_id=said["task_id"])
        last = await settled(wire, again["taskId"]) if again["resultType"] == "task" else {"result": again}
        assert last["result"]["content"][0]["text"] == "echo: blue"


async def test_a_cancelled_task_is_cancelled_at_the_agent_and_again_is_no_error(place: Place) -> None:
    probe = await place.network.agent("echo")
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        wire = Wire(http, place)
        begun = await wire.call("hang")
        await probe.started.wait()
        for replica in (1, 0):
            assert (await wire.result("tasks/cancel", {"taskId": begun["taskId"]}, replica))["resultType"] == "complete"
        assert probe.cancelled.is_set()
        assert (await settled(wire, begun["taskId"]))["status"] == "cancelled"


async def test_an_id_is_worth_nothing_to_another_key_or_when_it_was_changed(place: Place) -> None:
    await place.network.agent("echo")
    keys = await place.network.runtime.keys()
    others = [await keys.create("acme", "other"), await keys.create("other", "test")]
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        wire = Wire(http, place)
        task_id = (await wire.call("ask"))["taskId"]
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            for key in others:
                stolen = await Wire(http, place, key).ask(method, {"taskId": task_id, "inputResponses": {}})
                assert stolen["error"]["code"] == -32602
                assert "result" not in stolen
            for wrong in (task_id[:-6] + "AAAAAA", "agent-task.", "agent-task.é", "nothing"):
                message = await wire.ask(method, {"taskId": wrong, "inputResponses": {}}) if wrong.isascii() else None
                assert message is None or message["error"]["code"] == -32602
        assert (await wire.result("tasks/get", {"taskId": task_id}))["status"] == "input_required"
        call = {"name": "echo", "arguments": {"message": "ask"}, "requestState": task_id.removeprefix("agent-task.")}
        assert (await Wire(http, place, elicitation={}).ask("tools/call", call))["error"]["code"] == -32602


async def test_a_client_that_did_not_declare_the_extension_gets_no_task_and_asks_for_none(place: Place) -> None:
    await place.network.agent("echo")
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        plain = Wire(http, place, elicitation={})
        assert (await plain.call("hello"))["resultType"] == "complete"
        task_id = (await Wire(http, place).call("ask"))["taskId"]
        refused = await plain.ask("tasks/get", {"taskId": task_id})
        assert refused["error"]["code"] == -32021


async def test_a_client_that_listens_for_its_task_is_told_of_each_change(place: Place) -> None:
    probe = await place.network.agent("echo")
    other = await (await place.network.runtime.keys()).create("acme", "other")
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        wire = Wire(http, place)
        begun = (await wire.call("slow"))["taskId"]
        theirs = (await Wire(http, place, other).call("ask"))["taskId"]
        asked = {"notifications": {"taskIds": [begun, theirs, "nothing"]}}
        async with wire.stream("subscriptions/listen", asked, 1) as messages:
            acknowledged = (await anext(messages))["params"]["notifications"]
            assert acknowledged == {"taskIds": [begun]}
            first = await anext(messages)
            assert (first["method"], first["params"]["status"]) == ("notifications/tasks", "working")
            probe.go.set()
            async for message in messages:
                last = message["params"]
                assert last["taskId"] == begun
                if last["status"] == "completed":
                    break
        assert last["result"]["content"][0]["text"] == "first second"
        assert last["_meta"]["io.modelcontextprotocol/subscriptionId"] == 1


async def test_listening_for_tasks_needs_the_extension(place: Place) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        refused = await Wire(http, place, elicitation={}).ask(
            "subscriptions/listen", {"notifications": {"taskIds": ["agent-task.x"]}}
        )
        assert refused["error"]["code"] == -32021
