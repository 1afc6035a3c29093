"""What users of a plain a2a-sdk server see and users of this one must not (`W1` to `W21` of its known weaknesses).

Those of push notifications (W8, W9, W17's webhooks) are tested with push notifications.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from agentnet.process.launch import single
from agentnet.process.service import Service
from agentnet.retention.rules import Rule, Rules
from agentnet.retention.sweeper import Sweeper
from agentnet.settings import Settings
from agentnet.testing.insides import reads_of_log
from tests.conformance.a2a.messages import (
    AT_ONCE,
    begun,
    collected,
    message,
    numbers,
    sent,
    state,
    text_of,
)
from tests.conformance.a2a.script import stage
from tests.conformance.a2a.server import Server, free_port, servers, until
from tests.conformance.a2a.wire import ALL, BINDINGS_1_0, Door, Json, RefusedError, open_door
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
START_SECONDS = 180
LEASE_SECONDS = 15.0
"""Of the pair: longer than a busy machine stands still. An expired lease goes unnoticed for a third of it at most."""
STORED_BYTES = """
SELECT octet_length(snapshot) + (SELECT sum(octet_length(body)) FROM task_events WHERE task_id = $1)
FROM tasks WHERE id = $1
"""


@pytest.fixture(scope="module")
async def pair(database_url: str, home: Path, anyio_backend: str) -> AsyncIterator[tuple[Server, Server]]:
    """Two replicas of one agent on one database."""
    async with servers(database_url, home, 2, lease_seconds=LEASE_SECONDS) as [one, two]:
        yield one, two


@pytest.fixture
async def doors(pair: tuple[Server, Server]) -> AsyncIterator[tuple[Door, Door]]:
    """A client of each of the two replicas."""
    async with pair[0].door() as one, pair[1].door() as two:
        yield one, two


async def test_w1_a_second_answer_with_only_the_task_id_does_not_fail_the_task(any_door: Door) -> None:
    task = await sent(any_door, "ask")
    for _ in range(2):
        again = await sent(any_door, "ask", taskId=task["id"])
        assert (state(again), again["contextId"]) == ("INPUT_REQUIRED", task["contextId"])
        assert again["status"]["message"]["contextId"] == task["contextId"]


async def test_w2_a_task_of_a_killed_server_is_finished_by_another(
    database_url: str, pair: tuple[Server, Server], tmp_path: Path
) -> None:
    short_lease = {"AGENTNET_LEASE_SECONDS": "4"}
    async with replica_process(database_url, pair[0], tmp_path, short_lease) as (url, process):
        async with open_door("JSONRPC-1.0", url, "", pair[0].key) as doomed, pair[0].door() as door:
            marker = tmp_path / "once"
            task = await begun(doomed, f"once {marker} done")
            await until(lambda: _exists(marker))
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
            assert state(await door.get(task["id"])) in {"SUBMITTED", "WORKING"}
            events = await collected(door.subscribe(task["id"]))
    assert state(events[-1]["statusUpdate"]) == "COMPLETED"


async def test_w2_a_task_of_a_server_that_is_told_to_stop_goes_on_at_another_at_once(
    database_url: str, pair: tuple[Server, Server], tmp_path: Path
) -> None:
    long_lease = {"AGENTNET_LEASE_SECONDS": "3600"}
    async with replica_process(database_url, pair[0], tmp_path, long_lease) as (url, process):
        async with open_door("JSONRPC-1.0", url, "", pair[0].key) as doomed, pair[0].door() as door:
            marker = tmp_path / "once"
            task = await begun(doomed, f"once {marker} done")
            await until(lambda: _exists(marker))
            process.terminate()
            events = await collected(door.subscribe(task["id"]))  # were it the lease that ends it, this took an hour
    assert state(events[-1]["statusUpdate"]) == "COMPLETED"


async def test_w3_a_cancel_sent_to_another_replica_stops_the_work(doors: tuple[Door, Door]) -> None:
    one, two = doors
    task = await begun(one, "forever")
    await stage.until_begun(task["id"])
    assert state(await two.cancel(task["id"])) == "CANCELED"
    assert task["id"] in stage.stopped
    assert state(await one.get(task["id"])) == "CANCELED"


async def test_w4_a_message_to_another_replica_starts_no_second_run(doors: tuple[Door, Door]) -> None:
    one, two = doors
    gate = uuid4().hex
    task = await begun(one, f"wait {gate} first")
    await stage.until_begun(task["id"])
    follow_up = await begun(two, "second", taskId=task["id"])
    assert follow_up["id"] == task["id"]
    assert stage.begun[task["id"]] == 1
    stage.gates[gate].set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while state(done := await two.get(task["id"])) != "COMPLETED":
            await asyncio.sleep(0.01)
    assert {artifact["artifactId"] for artifact in done["artifacts"]} == {"first", "second"}


async def test_w4_one_message_sent_to_both_replicas_at_once_runs_once(doors: tuple[Door, Door]) -> None:
    once = message("hello")
    answers = await asyncio.gather(*(door.send(once) for door in doors * 3))
    [task_id] = {answer["task"]["id"] for answer in answers}
    assert stage.begun[task_id] == 1


async def test_w5_a_subscriber_sees_what_another_replica_does_after_the_answer(doors: tuple[Door, Door]) -> None:
    one, two = doors
    task = await sent(one, "ask")
    async with aclosing(one.subscribe(task["id"])) as stream:
        events = [await anext(stream)]
        await two.send(message("count 20", taskId=task["id"]))
        async with asyncio.timeout(PATIENCE_SECONDS):
            events += [event async for event in stream]
    assert text_of(events) == numbers(20)
    assert state(events[-1]["statusUpdate"]) == "COMPLETED"


async def test_w6_many_subscribers_on_another_replica_share_one_reading_of_the_log(
    pair: tuple[Server, Server], doors: tuple[Door, Door]
) -> None:
    one, two = doors
    gate = uuid4().hex
    task = await begun(one, f"wait {gate} count 50")
    store = await pair[1].runtime.tasks()
    async with AsyncExitStack() as stack:
        reads = stack.enter_context(reads_of_log(store.feeds))
        streams = [await stack.enter_async_context(aclosing(two.subscribe(task["id"]))) for _ in range(60)]
        firsts = await asyncio.gather(*(anext(stream) for stream in streams))
        begun_reads = reads.count(UUID(task["id"]))
        stage.gates[gate].set()
        rests = await asyncio.gather(*(collected(stream) for stream in streams))
    texts = {text_of([first, *rest]) for first, rest in zip(firsts, rests, strict=True)}
    assert texts == {numbers(50)}
    assert 0 < reads.count(UUID(task["id"])) - begun_reads < 60


async def test_w7_a_long_history_makes_a_turn_store_no_more(pair: tuple[Server, Server], door: Door) -> None:
    database = await pair[0].runtime.database()
    task = await sent(door, "ask")
    stored: list[int] = []
    for _ in range(30):
        await sent(door, "ask", taskId=task["id"])
        stored.append(await database.pool.fetchval(STORED_BYTES, UUID(task["id"])))
    turns = [after - before for before, after in pairwise(stored)]
    assert max(turns) <= 1.1 * turns[0]


@pytest.mark.parametrize("name", ALL)
async def test_w10_a_task_of_one_tenant_cannot_be_read_by_naming_another(server: Server, name: str) -> None:
    async with server.door(name) as mine, server.door(name, key=server.other_key) as theirs:
        task = await sent(mine, "hello")
        with pytest.raises(RefusedError):
            await theirs.get(task["id"])
        if name in BINDINGS_1_0[:1]:
            with pytest.raises(RefusedError):
                await theirs.get(task["id"], tenant="default")


async def test_w10_the_sdks_own_client_reaches_the_tenants_path(server: Server) -> None:
    async with server.http() as http:
        task = (await http.post("/default/message:send", json={"message": message("hello")})).json()["task"]
        assert (await http.get(f"/default/tasks/{task['id']}")).json()["id"] == task["id"]


async def test_w11_a_canceled_task_does_not_come_back_as_completed(doors: tuple[Door, Door]) -> None:
    one, two = doors
    gate = uuid4().hex
    task = await begun(one, f"stubborn {gate} done")
    await stage.until_begun(task["id"])
    assert state(await two.cancel(task["id"])) == "CANCELED"
    stage.gates[gate].set()
    assert state(await sent(one, "another")) == "COMPLETED"  # the replica had its turns since
    canceled = await one.get(task["id"])
    assert state(canceled) == "CANCELED"
    assert canceled == await two.get(task["id"])


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_w12_a_slow_reader_gets_every_event_and_the_end(server: Server, name: str) -> None:
    async with server.door(name) as slow, server.door() as quick:
        gate = uuid4().hex
        async with aclosing(slow.stream(message(f"wait {gate} count 3000"))) as stream:
            events = [await anext(stream)]
            task_id = events[0]["task"]["id"]
            stage.gates[gate].set()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while state(await quick.get(task_id, historyLength=0)) != "COMPLETED":
                    await asyncio.sleep(0.02)
            events += [event async for event in stream]
    assert text_of(events) == numbers(3000)
    assert state(events[-1]["statusUpdate"]) == "COMPLETED"


@pytest.mark.parametrize("where", ["here", "elsewhere"])
@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_w12_a_reader_that_was_cut_off_goes_on_where_it_was(
    pair: tuple[Server, Server], binding: str, where: str
) -> None:
    gate = uuid4().hex
    async with pair[0].door() as door:
        task = await begun(door, f"count 30 wait {gate} more")
        await stage.until_begun(task["id"])
        seen = await numbered(pair[0], binding, task["id"], None, until_text=numbers(30))
        last, _ = seen[-1]
        stage.gates[gate].set()
        rest = await numbered(pair[where == "elsewhere"], binding, task["id"], last)
    assert text_of([event for _, event in seen]) == numbers(30)
    assert text_of([event for _, event in rest]) == ""  # none of it twice
    assert text_of([event for _, event in rest], "more") == "more"
    assert "task" not in rest[0][1]
    assert state(rest[-1][1]["statusUpdate"]) == "COMPLETED"


async def numbered(
    server: Server, binding: str, task_id: str, after: str | None, until_text: str | None = None
) -> list[tuple[str, Json]]:
    """The events of a subscription with their ids, behind the id `after`, up to the text or the end."""
    path, body = "/", {"jsonrpc": "2.0", "id": 1, "method": "SubscribeToTask", "params": {"id": task_id}}
    if binding == "HTTP+JSON":
        path, body = f"/tasks/{task_id}:subscribe", {}
    found: list[tuple[str, Json]] = []
    headers = {"last-event-id": after} if after else {}
    async with server.http() as http, http.stream("POST", path, json=body, headers=headers) as response:
        identifier = ""
        async for line in response.aiter_lines():
            if line.startswith("id:"):
                identifier = line.removeprefix("id:").strip()
            elif line.startswith("data:"):
                data = json.loads(line.removeprefix("data:"))
                found.append((identifier, data["result"] if binding == "JSONRPC" else data))
                if until_text is not None and text_of([event for _, event in found]) == until_text:
                    break
    return found


async def test_w13_tasks_that_wait_for_input_take_no_place_and_no_worker(
    database_url: str, tmp_path: Path, anyio_backend: str
) -> None:
    async with servers(database_url, tmp_path, concurrency=2) as [small], small.door() as door:
        await sent(door, "hello")
        running = len(asyncio.all_tasks())
        parked = [await sent(door, "ask") for _ in range(20)]
        assert {state(task) for task in parked} == {"INPUT_REQUIRED"}
        assert len(asyncio.all_tasks()) <= running
        assert state(await sent(door, "hello")) == "COMPLETED"
        assert state(await sent(door, "answer", taskId=parked[0]["id"])) == "COMPLETED"


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_w14_a_version_of_tomorrow_is_not_taken_for_todays(server: Server, name: str) -> None:
    for version in ("1.7", "0.9", "3.0"):
        async with server.door(name, headers={"a2a-version": version}) as door:
            with pytest.raises(RefusedError) as refused:
                await sent(door, "hello")
            assert refused.value.reason == "VERSION_NOT_SUPPORTED"


async def test_w14_the_version_in_the_query_counts(server: Server) -> None:
    async with server.http(version=None) as http:
        answer = await http.get("/tasks?A2A-Version=1.0")
        assert answer.status_code == 200


async def test_w15_a_canceled_task_says_when_it_was_canceled(doors: tuple[Door, Door]) -> None:
    one, two = doors
    for text in ("ask", "forever"):
        task = await begun(one, text)
        await stage.until_begun(task["id"])
        before = (await one.get(task["id"]))["status"]
        canceled = await two.cancel(task["id"])
        assert canceled["status"]["timestamp"] > before["timestamp"]
        assert "message" not in canceled["status"]


async def test_w16_a_long_context_is_kept_and_no_refusal_shows_sql(any_door: Door) -> None:
    context = "c" * 60
    assert (await sent(any_door, "hello", contextId=context))["contextId"] == context
    for wrong in ({"contextId": "x" * 5000}, {"contextId": "a\x00b"}, {"messageId": "m" * 5000}):
        with pytest.raises(RefusedError) as refused:
            await any_door.send(message("hello") | wrong)
        said = f"{refused.value.message} {refused.value.details}".lower()
        assert not [word for word in ("sql", "insert", "select", "traceback", "asyncpg") if word in said]


async def test_w17_the_card_stands_at_the_address_of_0_2_clients_too(server: Server) -> None:
    async with server.http(key=None) as http:
        assert (await http.get("/.well-known/agent.json")).json()["name"] == server.name


@pytest.mark.parametrize("name", BINDINGS_1_0)
async def test_w18_tasks_and_events_do_not_stay_for_ever(server: Server, name: str) -> None:
    database = await server.runtime.database()
    async with server.door(name) as door:
        old, young = await sent(door, "hello"), await sent(door, "hello")
        await database.pool.execute("UPDATE tasks SET status_at = now() - interval '9 days' WHERE id = $1", old["id"])
        rules = Rules(database, server.runtime.settings)
        await rules.set("default", "completed", Rule(days=8))
        await Sweeper(database, rules).sweep()
        await rules.drop("default", "completed")
        with pytest.raises(RefusedError) as refused:
            await door.get(old["id"])
        assert refused.value.reason == "TASK_NOT_FOUND"
        assert state(await door.get(young["id"])) == "COMPLETED"
    assert await database.pool.fetchval("SELECT count(*) FROM task_events WHERE task_id = $1", old["id"]) == 0


async def test_w19_the_card_is_the_same_bytes_each_time_and_gains_no_signatures(server: Server) -> None:
    async with server.http(key=None) as http:
        answers = [await http.get("/.well-known/agent-card.json") for _ in range(3)]
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["etag"] for answer in answers}) == 1
    assert len(answers[0].json().get("signatures", [])) <= 1


async def test_w20_a_body_over_the_limit_is_refused(database_url: str, tmp_path: Path) -> None:
    async with servers(database_url, tmp_path, max_body_bytes=20_000) as [small], small.http() as http:
        response = await http.post("/message:send", json={"message": message("x" * 30_000)})
        assert response.status_code == 413
        assert "20000" in response.json()["error"]["message"]


async def test_w20_too_much_at_once_waits_and_is_done(database_url: str, tmp_path: Path) -> None:
    async with servers(database_url, tmp_path, concurrency=2) as [small], small.door() as door:
        tasks = await asyncio.gather(*(sent(door, f"t{number}") for number in range(20)))
        assert {state(task) for task in tasks} == {"COMPLETED"}


async def test_w20_a_queue_over_its_limit_says_busy_and_when_to_come_back(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentnet.a2a.handler.QUEUE_LIMIT", 1)
    async with servers(database_url, tmp_path, concurrency=1) as [small], AsyncExitStack() as stack:
        doors = {name: await stack.enter_async_context(small.door(name)) for name in BINDINGS_1_0}
        for _ in range(2):
            await begun(doors["JSONRPC-1.0"], "forever")
        codes = {}
        for name, door in doors.items():
            with pytest.raises(RefusedError, match="try again later") as refused:
                await begun(door, "hello")
            codes[name] = refused.value.code
            assert refused.value.reason == "BUSY"
            assert any("retry_after" in detail.get("metadata", {}) for detail in refused.value.details)
    assert codes == {"JSONRPC-1.0": -32050, "HTTP+JSON-1.0": 429, "GRPC-1.0": "RESOURCE_EXHAUSTED"}


async def test_w20_busy_comes_with_retry_after(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentnet.a2a.handler.QUEUE_LIMIT", 0)
    async with servers(database_url, tmp_path, concurrency=1) as [small], small.http() as http:
        body: Json = {"message": message("forever"), "configuration": AT_ONCE}
        await http.post("/message:send", json=body)
        response = await http.post("/message:send", json={"message": message("hello")})
        assert int(response.headers["retry-after"]) >= 1


async def test_w20_a_blocking_call_does_not_wait_for_ever(database_url: str, tmp_path: Path) -> None:
    async with servers(database_url, tmp_path, max_wait_seconds=0.3) as [small], small.door() as door:
        task = await sent(door, "forever")
        assert state(task) in {"SUBMITTED", "WORKING"}


async def test_w20_a_repeated_message_is_not_done_again(any_door: Door) -> None:
    once = message("hello")
    tasks = [(await any_door.send(once))["task"] for _ in range(3)]
    [task_id] = {task["id"] for task in tasks}
    assert stage.begun[task_id] == 1


async def test_w21_what_was_loaded_at_the_start_is_not_collected_over_and_over(
    database_url: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database_url=database_url, database_pool=2)
    before = gc.get_threshold()
    async with single(settings, Service("registry", "registry", 0)):
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold() > before
    assert gc.get_threshold() == before


def environment(database_url: str, server: Server, more: dict[str, str]) -> dict[str, str]:
    """What a replica of `server` in a process of its own is started with."""
    settings = server.runtime.settings
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return kept | {
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "agents"))),
        "AGENTNET_HOME": str(settings.home),
        "AGENTNET_AGENTS_DIRS": json.dumps([str(path) for path in settings.agents_dirs]),
        "AGENTNET_REGISTRY_PORT": str(settings.registry_port),
        "AGENTNET_LEASE_SECONDS": str(settings.lease_seconds),
        "AGENTNET_DATABASE_POOL": "5",
        "DATABASE_URL": database_url,
        **more,
    }


@asynccontextmanager
async def replica_process(
    database_url: str, server: Server, folder: Path, more: dict[str, str] | None = None
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A replica of `server` as a process: gives its URL and the process."""
    port, log = free_port(), folder / "replica.log"
    arguments = ("-m", "agentnet", "serve", "agent", server.name, "--port", str(port))
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            env=environment(database_url, server, more or {}),
            cwd=folder,
            stdout=out,
            stderr=out,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(START_SECONDS), httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
            while not await _answers(http, url):
                assert process.returncode is None, log.read_text()[-3000:]
                await asyncio.sleep(0.05)
        yield url, process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(f"{url}/ready")).is_success
    except httpx.TransportError:
        return False


async def _exists(path: Path) -> bool:
    return path.exists()
