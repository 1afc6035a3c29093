"""What the gateway says itself: who is there, cards, tasks, keys, and when it refuses to start."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from a2a.types.a2a_pb2 import Task, TaskState

from agentnet.database.tables import TaskRow
from agentnet.errors import ConfigurationError
from agentnet.identity.keys import generate_key
from agentnet.ids import uuid7
from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from agentnet.settings import Settings
from agentnet.tasks.events import kind_of, status_update
from agentnet.tasks.steps import Step, StepKind, StepPhase
from tests.integration.gateway.conftest import Network

pytestmark = pytest.mark.anyio


async def store(
    network: Network,
    tenant: str,
    agent: str,
    parent: TaskRow | None = None,
    state: TaskState = TaskState.TASK_STATE_COMPLETED,
) -> TaskRow:
    identifier = uuid7()
    now = datetime.now(UTC)
    row = TaskRow(
        id=identifier,
        tenant=tenant,
        agent=agent,
        context_id="c1",
        principal="key:k",
        message_id=str(identifier),
        parent_id=parent.id if parent else None,
        root_id=parent.root_id if parent else identifier,
        chain=[f"agent:{parent.agent}"] if parent else [],
        budget={},
        definition="1",
        state=state,
        status_at=now,
        created_at=now,
        last_seq=1,
        attempt=1,
        run_after=now,
    )
    values = row.model_dump(exclude_none=True) | {"chain": json.dumps(row.chain), "budget": "{}"}
    numbers = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    database = await network.runtime.database()
    await database.pool.execute(f"INSERT INTO tasks ({', '.join(values)}) VALUES ({numbers})", *values.values())
    return row


async def test_agents_are_listed_with_their_address_through_the_gateway(network: Network) -> None:
    await network.agent("writer")
    await network.agent("echo")
    async with network.client() as http:
        [echo, writer] = (await http.get("/agents")).json()["agents"]
    assert (echo["name"], writer["name"]) == ("echo", "writer")
    assert echo["url"] == f"{network.url}/agents/echo"
    assert echo["card_url"] == f"{network.url}/agents/echo/.well-known/agent-card.json"
    assert echo["instances"] == 1
    assert echo["skills"][0]["id"] == "echo"


async def test_a_card_leads_through_the_gateway_and_is_not_sent_twice(network: Network) -> None:
    await network.agent("echo")
    async with network.client() as http:
        response = await http.get("/agents/echo/.well-known/agent-card.json")
        addresses = {item["url"].rstrip("/") for item in response.json()["supportedInterfaces"]}
        assert addresses == {f"{network.url}/agents/echo"}
        assert response.headers["cache-control"].startswith("private")
        assert (await http.get("/agents/echo")).json() == response.json()
        assert (await http.get("/agents/echo/.well-known/agent.json")).json() == response.json()
        again = await http.get(
            "/agents/echo/.well-known/agent-card.json", headers={"if-none-match": response.headers["etag"]}
        )
        assert again.status_code == 304


async def test_an_agent_registered_without_a_card_is_asked_for_it(network: Network) -> None:
    await network.agent("echo")
    await network.register("echo", [network.urls["echo"]], with_card=False)
    async with network.client("") as http:
        assert (await http.get("/agents/echo/.well-known/agent-card.json")).json()["name"] == "echo"


async def test_tasks_are_shown_with_their_tree_and_only_to_their_tenant(network: Network) -> None:
    root = await store(network, "acme", "concierge")
    child = await store(network, "acme", "writer", root)
    grandchild = await store(network, "acme", "echo", child)
    other = await store(network, "other", "concierge")
    async with network.client() as http:
        listed = (await http.get("/v1/tasks", params={"context": "c1", "limit": 500})).json()["tasks"]
        ids = [task["id"] for task in listed]
        assert str(root.id) in ids and str(other.id) not in ids
        assert ids.index(str(grandchild.id)) < ids.index(str(root.id))
        only = (await http.get("/v1/tasks", params={"agent": "writer"})).json()["tasks"]
        assert {task["agent"] for task in only} == {"writer"}
        task = (await http.get(f"/v1/tasks/{child.id}")).json()
        assert task["state"] == "TASK_STATE_COMPLETED"
        assert task["chain"] == ["agent:concierge"]
        assert task["parent_id"] == str(root.id)
        assert datetime.fromisoformat(task["created_at"]) == child.created_at
        tree = (await http.get(f"/v1/tasks/{root.id}/tree")).json()
        assert tree["children"][0]["children"][0]["id"] == str(grandchild.id)
        assert (await http.get(f"/v1/tasks/{other.id}")).status_code == 404
        assert (await http.get(f"/v1/tasks/{other.id}/tree")).status_code == 404
        assert (await http.get(f"/v1/tasks/{UUID(int=0)}")).status_code == 404
        wrong = await http.get("/v1/tasks", params={"limit": "many"})
        assert wrong.status_code == 400 and "limit" in wrong.json()["error"]["message"]


async def tell(network: Network, task: TaskRow, step: Step | None, at: datetime) -> None:
    """Let the task's last event tell of a step, or of nothing but that it works."""
    event = status_update(Task(id=str(task.id), context_id="c1"), TaskState.TASK_STATE_WORKING)
    if step is not None:
        event.status_update.metadata.update(step.as_metadata())
    database = await network.runtime.database()
    await database.pool.execute(
        "INSERT INTO task_events (task_id, seq, tenant, kind, epoch, body, at) VALUES ($1, 1, $2, $3, 1, $4, $5)",
        task.id,
        task.tenant,
        kind_of(event),
        event.SerializeToString(),
        at,
    )


def model_step(phase: StepPhase, summary: str, ms: int | None = None, kind: StepKind = "model") -> Step:
    return Step("t/m1/wait", kind, phase, "house", ("concierge", "writer"), "t", summary, ms)


AT = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
WAITING = {"model": "house", "agent": "writer", "since": "2026-01-01T12:00:20+00:00"}
STEPS = {
    "a silent model": (
        model_step("start", "waiting for the model: 10 s", 10_000),
        {**WAITING, "what": "waiting for the model: 10 s"},
    ),
    "a rate limit": (
        model_step("start", "waiting 30 s: rate limit"),
        {**WAITING, "what": "waiting 30 s: rate limit", "since": "2026-01-01T12:00:30+00:00"},
    ),
    "a wait that is over": (model_step("end", "waiting 30 s: rate limit"), None),
    "a word that is no wait": (model_step("start", "left out 1,000 characters"), None),
    "a tool": (model_step("start", "waiting for lunch", kind="tool"), None),
    "nothing": (None, None),
}


@pytest.mark.parametrize("which", STEPS)
async def test_a_task_that_waits_for_its_model_says_so_wherever_it_is_shown(network: Network, which: str) -> None:
    step, wanted = STEPS[which]
    tenant = f"waits-{list(STEPS).index(which)}"
    root = await store(network, tenant, "concierge")
    task = await store(network, tenant, "writer", root, TaskState.TASK_STATE_WORKING)
    await tell(network, task, step, AT)
    key = await (await network.runtime.keys()).create(tenant, "mine")
    async with network.client(key) as http:
        listed = {each["id"]: each for each in (await http.get("/v1/tasks")).json()["tasks"]}
        alone = (await http.get(f"/v1/tasks/{task.id}")).json()
        tree = (await http.get(f"/v1/tasks/{root.id}/tree")).json()
    assert [found["waits_for"] for found in (listed[str(task.id)], alone, tree["children"][0])] == [wanted] * 3
    assert listed[str(root.id)]["waits_for"] is None
    assert tree["waits_for"] is None


async def test_a_list_of_tasks_is_filtered_and_paged(network: Network) -> None:
    root = await store(network, "paged", "concierge")
    below = [await store(network, "paged", "writer", root) for _ in range(4)]
    ids = [str(task.id) for task in reversed(below)]
    key = await (await network.runtime.keys()).create("paged", "mine")
    async with network.client(key) as http:

        async def listed(**params: str | int) -> dict[str, Any]:
            response = await http.get("/v1/tasks", params=params)
            assert response.status_code == 200, response.text
            return dict(response.json())

        first = await listed(agent="writer", limit=3)
        assert [task["id"] for task in first["tasks"]] == ids[:3]
        assert (first["total"], first["more_than_total"]) == (4, False)
        second = await listed(agent="writer", limit=3, page=first["next_page"])
        assert [task["id"] for task in second["tasks"]] == ids[3:]
        assert second["next_page"] is None
        for filters, count in (
            ({"state": "completed"}, 5),
            ({"state": "TASK_STATE_COMPLETED", "agent": "writer"}, 4),
            ({"state": "input-required"}, 0),
            ({"root": str(root.id)}, 4),
            ({"parent": str(root.id), "context": "c1"}, 4),
            ({"parent": str(below[0].id)}, 0),
            ({"since": "2020-01-01T00:00:00Z"}, 5),
            ({"since": "2999-01-01T00:00:00"}, 0),
        ):
            assert (await listed(**filters))["total"] == count, filters
        ends = [{"since": "9999-12-31T23:59:59-23:59"}, {"since": "0001-01-01T00:00:00+23:59"}]
        for wrong in ({"state": "finished"}, {"page": "x"}, {"root": "1"}, {"since": "soon"}, {"limit": "0"}, *ends):
            refused = await http.get("/v1/tasks", params=wrong)
            assert refused.status_code == 400, wrong
            assert next(iter(wrong)) in refused.json()["error"]["message"]


async def test_an_admin_manages_the_keys_of_its_own_tenant_only(network: Network) -> None:
    keys = await network.runtime.keys()
    admin = await keys.create("acme", "boss", scopes=["admin"])
    foreign = await keys.create("other", "theirs")
    async with network.client(admin) as http:
        made = await http.post("/v1/keys", json={"name": "ci", "days": 1})
        assert made.status_code == 201
        new = made.json()
        listed = (await http.get("/v1/keys")).json()["keys"]
        assert {key["tenant"] for key in listed} == {"acme"}
        assert new["key"] not in str(listed)
        assert (await http.post("/v1/keys", json={"name": "x", "tenant": "other"})).status_code == 403
        assert (await http.post("/v1/keys", json={"name": "x", "scopes": ["service"]})).status_code == 400
        assert (await http.delete(f"/v1/keys/{foreign.split('_')[1]}")).status_code == 404
        async with network.client(new["key"]) as mine:
            assert (await mine.get("/agents")).status_code == 200
            assert (await mine.get("/v1/keys")).status_code == 403
            assert (await http.delete(f"/v1/keys/{new['id']}")).status_code == 204
            assert (await mine.get("/agents")).status_code == 401


async def test_an_admin_sets_the_retention_of_its_own_tenant(network: Network) -> None:
    keys = await network.runtime.keys()
    admin = await keys.create("acme", "boss", scopes=["admin"])
    user, foreign = await keys.create("acme", "user"), await keys.create("other", "theirs", scopes=["admin"])
    none = {"days": None, "count": None, "default": True}
    async with network.client(admin) as http:
        assert (await http.get("/v1/retention")).json()["retention"]["completed"] == none
        assert (await http.put("/v1/retention/completed", json={"days": 30})).status_code == 204
        assert (await http.put("/v1/retention/failed", json={"days": 90, "count": 10})).status_code == 204
        assert (await http.put("/v1/retention/failed", json={"days": 0})).status_code == 400
        assert (await http.put("/v1/retention/working", json={"days": 1})).status_code == 404
    async with network.client(user) as http:
        held = (await http.get("/v1/retention")).json()["retention"]
        assert held["completed"] == {"days": 30, "count": None, "default": False}
        assert held["failed"] == {"days": 90, "count": 10, "default": False}
        assert (await http.put("/v1/retention/failed", json={})).status_code == 403
        assert (await http.delete("/v1/retention/failed")).status_code == 403
    async with network.client(foreign) as http:
        assert (await http.get("/v1/retention")).json()["retention"]["failed"] == none
    async with network.client(admin) as http:
        assert (await http.delete("/v1/retention/failed")).status_code == 204
        assert (await http.get("/v1/retention")).json()["retention"]["failed"] == none


async def test_errors_have_one_shape(network: Network) -> None:
    async with network.client() as http:
        for method, path, status in [("GET", "/nothing", 404), ("POST", "/agents", 405), ("GET", "/agents/none", 404)]:
            response = await http.request(method, path)
            assert response.status_code == status
            assert set(response.json()["error"]) == {"code", "status", "message", "details"}


async def test_an_open_door_is_refused_at_start(home: Path) -> None:
    settings = Settings(home=home, host="0.0.0.0", port=0, secret="s" * 32, _env_file=None)
    async with Runtime.open(settings) as runtime:
        pool = (await runtime.database()).pool
        await pool.execute("UPDATE api_keys SET revoked_at = now()")
        with pytest.raises(ConfigurationError, match=r"Refusing to bind to 0\.0\.0\.0"):
            async with running(runtime, Service("gateway", "gateway", 0)):
                pass


async def test_the_operators_key_is_an_admin_of_the_default_tenant(home: Path) -> None:
    key = generate_key()
    settings = Settings(home=home, host="0.0.0.0", port=0, secret="s" * 32, api_key=key, _env_file=None)
    async with Runtime.open(settings) as runtime:
        for _ in range(2):
            async with running(runtime, Service("gateway", "gateway", 0)):
                principal = await (await runtime.keys()).verify(key)
                assert principal.tenant == "default"
                assert principal.scopes == {"admin", "use"}
