"""What a webhook sees of a task, whatever goes wrong on the way."""

import asyncio
import hashlib
from contextlib import aclosing
from uuid import UUID

import jwt
import pytest
from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import (
    AuthenticationInfo,
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    SendMessageRequest,
    SubscribeToTaskRequest,
    Task,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentnet.a2a.handler import PRINCIPAL
from agentnet.errors import ConflictError, NotFoundError
from agentnet.identity import Principal
from agentnet.push.deliverer import Schedule
from agentnet.push.sending import SIGNATURE_HEADER, TOKEN_HEADER
from agentnet.push.signing import origin_of
from agentnet.testing.faults import kill_deliverer
from tests.integration.push.webhook import QUICK, Agent, Got, agents, config, until, webhook
from tests.integration.tasks.replicas import Script, context, request
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

PATIENT = Schedule(attempts=1000, first_pause=0.01, factor=1.0)
"""Gives nothing up, however often a busy machine is late."""
SENDER_SECONDS = 0.15


def pushing(text: str, url: str, *, at_once: bool = True, **options: object) -> SendMessageRequest:
    """A message with a push config."""
    sent = request(text, at_once=at_once)
    sent.configuration.task_push_notification_config.CopyFrom(config("", url, **options))
    return sent


async def begun(agent: Agent, sent: SendMessageRequest, call: ServerCallContext | None = None) -> Task:
    task = await agent.handler.on_message_send(sent, call or context())
    assert isinstance(task, Task)
    return task


async def deliveries(agent: Agent, state: str | None = None) -> list[dict[str, object]]:
    """Those of the agent's tasks, in order."""
    rows = await agent.outbox.list("default", state, 500)  # type: ignore[arg-type]
    return sorted((dict(row) for row in rows if row["agent"] == agent.name), key=lambda row: row["seq"])


async def states(agent: Agent) -> list[object]:
    return [row["state"] for row in await deliveries(agent)]


async def test_a_webhook_gets_every_event_once_and_in_order(database_url: str) -> None:
    async with webhook() as hook, agents(database_url, Script()) as [one]:
        task = await begun(one, pushing("hello there", hook.url))
        await until(lambda: "completed" in hook.said)
        assert hook.said == ["submitted", "working", "hello", "there", "completed"]
        first = hook.took[0]
        assert first.headers["content-type"] == "application/a2a+json"
        assert first.json["task"]["id"] == task.id
        assert hook.took[1].json["statusUpdate"]["taskId"] == task.id
        await until(lambda: _all_are(one, "delivered"))


async def test_a_config_made_while_the_task_runs_gets_what_comes_then(database_url: str) -> None:
    script = Script()
    async with webhook() as hook, agents(database_url, script) as [one]:
        task = await begun(one, request("wait done", at_once=True))
        await until(lambda: bool(script.begun))
        await one.handler.on_create_task_push_notification_config(config(task.id, hook.url), context())
        script.go.set()
        await until(lambda: "completed" in hook.said)
        assert hook.said[-2:] == ["done", "completed"]


@pytest.mark.parametrize(
    ("due", "failures", "at_once"),
    [
        ("now() + interval '1 hour'", 0, True),
        ("now() + interval '2 s'", 0, True),
        ("NULL", 0, True),
        ("now() - interval '1 hour'", 0, True),
        ("now() + interval '1 hour'", 1, False),
        ("NULL", 1, True),
    ],
)
async def test_an_event_is_due_at_once_but_where_the_last_try_failed(
    database_url: str, due: str, failures: int, at_once: bool
) -> None:
    script = Script()
    async with webhook() as hook, agents(database_url, script) as [one]:
        task = await begun(one, pushing("wait done", hook.url))
        await until(lambda: "working" in hook.said)
        await kill_deliverer(one.push)
        sleeping = f"UPDATE push_configs SET lease_until = NULL, due_at = {due}, failures = $2 WHERE task_id = $1"
        await one.store.pool.execute(sleeping, UUID(task.id), failures)
        script.go.set()
        await one.worker.finished(UUID(task.id))
        asked = "SELECT due_at <= now() FROM push_configs WHERE task_id = $1"
        assert await one.store.pool.fetchval(asked, UUID(task.id)) is at_once


async def test_a_follow_up_message_may_bring_a_config(database_url: str) -> None:
    async with webhook() as hook, agents(database_url, Script()) as [one]:
        asked = await begun(one, request("ask"))
        answer = pushing("that", hook.url)
        answer.message.task_id = asked.id
        await begun(one, answer)
        await until(lambda: "completed" in hook.said)
        assert hook.said == ["working", "that", "completed"]


async def test_a_question_and_its_message_are_pushed(database_url: str) -> None:
    async with webhook() as hook, agents(database_url, Script()) as [one]:
        await begun(one, pushing("ask", hook.url))
        await until(lambda: "input_required" in hook.said)
        status = hook.took[-1].json["statusUpdate"]["status"]
        assert status["message"]["parts"] == [{"text": "which?"}]


async def test_a_cancel_from_another_replica_is_pushed_with_its_own_time(database_url: str) -> None:
    script = Script()
    async with webhook() as hook, agents(database_url, script, 2) as [one, two]:
        task = await begun(one, pushing("wait", hook.url))
        await until(lambda: bool(script.begun))
        await two.handler.on_cancel_task(CancelTaskRequest(id=task.id), context())
        await until(lambda: "canceled" in hook.said)
        [working, canceled] = [got.json["statusUpdate"]["status"]["timestamp"] for got in hook.took[-2:]]
        assert canceled > working


async def test_what_is_refused_is_tried_again_and_nothing_overtakes_it(database_url: str) -> None:
    refusals = {"submitted": 3, "hello": 2}

    async def answer(got: Got) -> int:
        left = refusals.get(got.what, 0)
        refusals[got.what] = left - 1
        return 500 if left > 0 else 204

    async with webhook(answer) as hook, agents(database_url, Script()) as [one]:
        await begun(one, pushing("hello", hook.url))
        await until(lambda: "completed" in hook.said)
        assert hook.said == ["submitted", "working", "hello", "completed"]
        assert [got.what for got in hook.came] == ["submitted"] * 4 + ["working"] + ["hello"] * 3 + ["completed"]
        await until(lambda: _all_are(one, "delivered"))
        assert [row["attempts"] for row in await deliveries(one)] == [4, 1, 3, 1]


async def test_a_webhook_that_hangs_is_tried_again(database_url: str) -> None:
    release = asyncio.Event()

    async def answer(_: Got) -> int:
        if len(hook.came) == 1:
            await release.wait()
        return 200

    async with webhook(answer) as hook, agents(database_url, Script(), schedule=PATIENT, request_seconds=0.5) as [one]:
        await begun(one, pushing("hello", hook.url))
        await until(lambda: "completed" in hook.said)
        release.set()
        assert [got.what for got in hook.came][:2] == ["submitted", "submitted"]


async def test_a_webhook_that_is_down_gets_everything_when_it_is_back(database_url: str) -> None:
    async with agents(database_url, Script(), schedule=PATIENT) as [one]:
        async with webhook() as hook:
            port = int(hook.url.split(":")[2].split("/")[0])
        await begun(one, pushing("hello", hook.url, at_once=False))
        await until(lambda: _tried(one))
        assert "no connection" in str((await deliveries(one))[0]["last_error"])
        async with _listening_again(hook, port):
            await until(lambda: "completed" in hook.said)
        assert hook.said == ["submitted", "working", "hello", "completed"]


async def test_what_is_given_up_is_dead_until_it_is_retried_by_hand(database_url: str) -> None:
    async def answer(got: Got) -> int:
        return 200 if got.what != "working" or mended else 400

    mended = False
    async with webhook(answer) as hook, agents(database_url, Script()) as [one]:
        await begun(one, pushing("hello", hook.url))
        await until(lambda: "completed" in hook.said)
        assert hook.said == ["submitted", "hello", "completed"]  # one that is wrong does not hold up the others
        [dead] = await deliveries(one, "dead")
        assert dead["attempts"] == QUICK.attempts
        assert dead["last_error"] == "answered 400"
        identifier = dead["id"]
        assert isinstance(identifier, UUID)
        with pytest.raises(NotFoundError):
            await one.outbox.retry("other", identifier)
        mended = True
        await one.outbox.retry("default", identifier)
        await until(lambda: hook.said[-1] == "working")
        await until(lambda: _all_are(one, "delivered"))
        with pytest.raises(ConflictError, match="delivered"):
            await one.outbox.retry("default", identifier)


@pytest.mark.parametrize("met", ["claim", "try", "failure"])
async def test_a_retry_by_hand_that_meets_a_try_under_way_waits_for_no_pause(database_url: str, met: str) -> None:
    async with agents(database_url, Script(), delivering=False) as [one]:
        await begun(one, pushing("hello", "http://127.0.0.1:4999/hook", at_once=False))
        [claim] = await one.outbox.claim(10)
        [dead, *_] = await one.outbox.pending(claim)
        await one.outbox.dead(claim, dead, "answered 400")
        await one.outbox.release(claim, more=True)
        [claim] = await one.outbox.claim(10)
        if met == "claim":
            await one.outbox.retry("default", dead.id)
        [tried, *_] = await one.outbox.pending(claim)
        if met == "try":
            await one.outbox.retry("default", dead.id)
        await one.outbox.failed(claim, tried, "answered 503", pause=3600.0)
        if met == "failure":
            await one.outbox.retry("default", dead.id)
        [again] = await one.outbox.claim(10)
        assert (await one.outbox.pending(again)).pop(0).id == dead.id
        await one.outbox.failed(again, dead, "answered 400", pause=3600.0)
        assert await one.outbox.claim(10) == []  # what was asked for is done: from here the pauses hold again


async def test_what_was_given_up_is_forgotten_after_a_month(database_url: str) -> None:
    async with agents(database_url, Script(), delivering=False) as [one]:
        await begun(one, pushing("hello", "http://127.0.0.1:4999/hook", at_once=False))
        [claim] = await one.outbox.claim(10)
        first, second, *_ = await one.outbox.pending(claim)
        for dead in (first, second):
            await one.outbox.dead(claim, dead, "answered 400")
        long_ago = "UPDATE push_deliveries SET done_at = now() - interval '31 days' WHERE id = $1"
        await one.database.pool.execute(long_ago, first.id)
        await one.outbox.prune()
        assert [row["id"] for row in await deliveries(one, "dead")] == [second.id]


async def test_two_retries_by_hand_at_once_are_one(database_url: str) -> None:
    async with agents(database_url, Script(), delivering=False) as [one]:
        await begun(one, pushing("hello", "http://127.0.0.1:4999/hook", at_once=False))
        [claim] = await one.outbox.claim(10)
        [dead, *_] = await one.outbox.pending(claim)
        await one.outbox.dead(claim, dead, "answered 400")
        both = [one.outbox.retry("default", dead.id) for _ in range(2)]
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes if outcome] == [ConflictError]


async def test_a_stream_to_a_dead_webhook_is_not_tried_for_an_hour_per_chunk(database_url: str) -> None:
    async def answer(_: Got) -> int:
        return 503

    async with webhook(answer) as hook, agents(database_url, Script()) as [one]:
        words = [f"word{number}" for number in range(20)]
        await begun(one, pushing(" ".join(words), hook.url, at_once=False))
        await until(lambda: _all_are(one, "dead"))
        tries = {got.what: 0 for got in hook.came}
        for got in hook.came:
            tries[got.what] += 1
        assert {tries[word] for word in words} == {1}
        assert tries["completed"] == QUICK.attempts


async def test_pauses_grow_to_an_hour_in_all() -> None:
    schedule = Schedule(jitter=0.0)
    pauses = [schedule.pause(attempt) for attempt in range(1, schedule.attempts)]
    assert pauses == sorted(pauses)
    assert 3000 < sum(pauses) < 4500
    assert {Schedule().pause(3) for _ in range(20)} != {Schedule().pause(3)}


async def test_the_claims_of_a_killed_deliverer_are_taken_over(database_url: str) -> None:
    hanging = asyncio.Event()

    async def answer(_: Got) -> int:
        if len(hook.came) == 1:
            await hanging.wait()
        return 200

    async with (
        webhook(answer) as hook,
        agents(database_url, Script(), 2, delivering=False) as [one, two],
    ):
        await one.push.open()
        await begun(one, pushing("hello", hook.url))
        await until(lambda: len(hook.came) == 1)
        await _kill(one)
        await two.push.open()
        await until(lambda: "completed" in hook.said)
        hanging.set()
        assert hook.said[:1] == ["submitted"]
        assert [said for said in hook.said if said != "submitted"] == ["working", "hello", "completed"]


async def test_a_deliverer_that_lost_its_claim_records_nothing(database_url: str) -> None:
    async with webhook() as hook, agents(database_url, Script(), delivering=False, lease_seconds=0.05) as [one]:
        await begun(one, pushing("hello", hook.url, at_once=False))
        [stale] = await one.outbox.claim(10)
        await until(lambda: _claimed_again(one))
        [delivery, *_] = await one.outbox.pending(stale)
        from agentnet.push.outbox import LostClaimError

        with pytest.raises(LostClaimError):
            await one.outbox.delivered(stale, delivery)
        assert set(await states(one)) == {"pending"}


async def test_a_slow_webhook_holds_up_neither_the_stream_nor_the_task(database_url: str) -> None:
    release = asyncio.Event()

    async def answer(_: Got) -> int:
        await release.wait()
        return 200

    script = Script()
    async with webhook(answer) as hook, agents(database_url, script) as [one]:
        task = await begun(one, pushing("wait count 100", hook.url))
        stream = one.handler.on_subscribe_to_task(SubscribeToTaskRequest(id=task.id), context())
        async with aclosing(stream) as events, asyncio.timeout(PATIENCE_SECONDS):
            script.go.set()
            seen = [event async for event in events]
        assert seen[-1].status.state == 3  # type: ignore[union-attr]
        assert hook.took == []  # the webhook still holds the very first notification
        release.set()
        await until(lambda: "completed" in hook.said)


async def test_a_client_of_0_3_gets_the_task_as_0_3_says_it(database_url: str) -> None:
    old = context()
    old.state["headers"] = {}
    async with webhook() as hook, agents(database_url, Script()) as [one]:
        task = await begun(one, pushing("hello there", hook.url, at_once=False), old)
        await until(lambda: "completed" in hook.said)
        assert hook.said == ["submitted", "working", "completed"]
        bodies = [got.json for got in hook.took]
        assert {body["kind"] for body in bodies} == {"task"}
        assert {body["id"] for body in bodies} == {task.id}
        assert "artifacts" not in bodies[1]
        assert [artifact["parts"][0]["text"] for artifact in bodies[2]["artifacts"]] == ["hello", "there"]
        assert bodies[2]["history"][0]["role"] == "user"
        assert hook.took[0].headers["content-type"] == "application/json"


async def test_a_notification_is_signed_for_its_receiver_and_its_body(database_url: str) -> None:
    async with webhook() as hook, agents(database_url, Script()) as [one]:
        task = await begun(one, pushing("hello", hook.url, token="mine"))
        await until(lambda: "completed" in hook.said)
        got = hook.took[-1]
        assert got.headers[TOKEN_HEADER.lower()] == "mine"
        token = got.headers[SIGNATURE_HEADER.lower()]
        assert got.headers["authorization"] == f"Bearer {token}"
        keys = jwt.PyJWKSet.from_dict({"keys": await one.push.keys.public()})
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key.key, algorithms=["ES256"], audience=origin_of(hook.url))
        assert claims["task_id"] == task.id
        assert claims["request_body_sha256"] == hashlib.sha256(got.body).hexdigest()
        assert claims["jti"] == str((await deliveries(one))[-1]["id"])
        assert all("d" not in published for published in await one.push.keys.public())  # the private part
        with pytest.raises(jwt.InvalidAudienceError):
            jwt.decode(token, key.key, algorithms=["ES256"], audience="https://another.example")


async def test_the_clients_own_credentials_are_sent_and_our_signature_stands_beside(database_url: str) -> None:
    async with webhook() as hook, agents(database_url, Script()) as [one]:
        own = AuthenticationInfo(scheme="Basic", credentials="dXNlcjpwYXNz")
        await begun(one, pushing("hello", hook.url, authentication=own))
        await until(lambda: bool(hook.took))
        assert hook.took[0].headers["authorization"] == "Basic dXNlcjpwYXNz"
        assert jwt.get_unverified_header(hook.took[0].headers[SIGNATURE_HEADER.lower()])["alg"] == "ES256"


async def test_a_new_key_is_published_before_anything_is_signed_with_it(database_url: str) -> None:
    async with agents(database_url, Script(), delivering=False) as [one]:
        before = await one.push.keys.current()
        rotated = await one.push.keys.rotate()
        published = [key["kid"] for key in await one.push.keys.public()]
        assert {before.kid, rotated} <= set(published)
        assert (await one.push.keys.current()).kid == before.kid
        await one.database.pool.execute("UPDATE signing_keys SET created_at = created_at - interval '1 hour'")
        assert (await one.push.keys.current()).kid == rotated
        await one.database.pool.execute("DELETE FROM signing_keys")


async def test_a_redirect_is_not_followed(database_url: str) -> None:
    async def answer(_: Got) -> int:
        return 307

    async with webhook() as inner, webhook(answer) as hook, agents(database_url, Script()) as [one]:
        hook.redirects_to = inner.url
        await begun(one, pushing("hello", hook.url, at_once=False))
        await until(lambda: _all_are(one, "dead"))
        assert inner.came == []
        assert {row["last_error"] for row in await deliveries(one)} == {"answered 307"}


async def test_a_name_that_turns_private_after_it_was_checked_is_not_connected_to(database_url: str) -> None:
    looked_up: list[str] = []

    async def rebinding(host: str, _port: int) -> list[str]:
        looked_up.append(host)
        return ["93.184.215.14"] if len(looked_up) == 1 else ["127.0.0.1"]

    async with (
        webhook() as hook,
        agents(database_url, Script(), allow_private=False, resolve=rebinding) as [one],
    ):
        url = hook.url.replace("127.0.0.1", "rebinding.example")
        await begun(one, pushing("hello", url, at_once=False))
        await until(lambda: _all_are(one, "dead"))
        assert hook.came == []
        assert "public address" in str((await deliveries(one))[0]["last_error"])
        assert len(looked_up) > 1


async def test_nothing_is_sent_after_a_config_was_deleted(database_url: str) -> None:
    script = Script()
    async with webhook() as hook, agents(database_url, script) as [one]:
        task = await begun(one, pushing("wait done", hook.url, config_id="c1"))
        await until(lambda: "working" in hook.said)
        gone = DeleteTaskPushNotificationConfigRequest(task_id=task.id, id="c1")
        await one.handler.on_delete_task_push_notification_config(gone, context())
        script.go.set()
        await one.worker.finished(UUID(task.id))
        assert await states(one) == []
        assert await one.database.pool.fetchval("SELECT push FROM tasks WHERE id = $1", UUID(task.id)) is None
        assert hook.said == ["submitted", "working"]


async def test_another_tenants_deliveries_are_not_there(database_url: str) -> None:
    async with webhook() as hook, agents(database_url, Script()) as [one]:
        other = ServerCallContext(state={PRINCIPAL: Principal("other", "key:other")})
        await begun(one, pushing("hello", hook.url), other)
        await until(lambda: "completed" in hook.said)
        assert await deliveries(one) == []
        assert len([row for row in await one.outbox.list("other", None, 50) if row["agent"] == one.name]) == 4


async def test_an_event_stored_while_its_config_is_made_is_not_overlooked(database_url: str) -> None:
    script = Script()
    async with webhook() as hook, agents(database_url, script) as [one]:
        for _ in range(10):
            script.go.clear()
            script.begun.clear()
            task = await begun(one, request("wait done", at_once=True))
            await until(lambda: bool(script.begun))
            script.go.set()
            hook.took.clear()
            await one.handler.on_create_task_push_notification_config(config(task.id, hook.url), context())
            stored = one.database.pool.fetchval
            await one.worker.finished(UUID(task.id))
            written = await stored("SELECT count(*) FROM push_deliveries WHERE task_id = $1", UUID(task.id))
            await until(lambda written=written: len(hook.took) == written)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=st.lists(st.sampled_from([200, 200, 200, 500, 404, 302, 0]), max_size=40),
    words=st.integers(1, 8),
    hooks=st.integers(1, 2),
)
async def test_each_config_gets_its_events_in_order_whatever_fails(
    database_url: str, plan: list[int], words: int, hooks: int
) -> None:
    left = list(plan)

    async def answer(_: Got) -> int:
        status = left.pop() if left else 200
        if status == 0:
            await asyncio.sleep(2 * SENDER_SECONDS)  # longer than the sender waits: taken, but the sender cannot know
            return 200
        return status

    text = [f"w{number}" for number in range(words)]
    order = ["submitted", "working", *text, "completed"]
    async with webhook(answer) as hook:
        async with agents(database_url, Script(), 2, schedule=PATIENT, request_seconds=SENDER_SECONDS) as [one, _two]:
            task = await begun(one, pushing(" ".join(text), f"{hook.url}/0", config_id="0"))
            if hooks == 2:
                await one.handler.on_create_task_push_notification_config(
                    config(task.id, f"{hook.url}/1", "1"), context()
                )
            await until(lambda: _all_are(one, "delivered"), 2 * PATIENCE_SECONDS)
            by_config: dict[object, list[int]] = {}
            ids = {str(row["id"]): row for row in await deliveries(one)}
            for got in hook.came:
                row = ids[got.headers["a2a-notification-id"]]
                by_config.setdefault(row["config_id"], []).append(int(str(row["seq"])))
            for seqs in by_config.values():
                assert seqs == sorted(seqs)
            first = [row["seq"] for row in ids.values() if row["config_id"] == "0"]
            assert len(first) == len(order)


async def _all_are(agent: Agent, state: str) -> bool:
    """Whether the agent's tasks have ended and all that was to be delivered is in that state."""
    found = await states(agent)
    open_tasks = await agent.database.pool.fetchval(
        "SELECT count(*) FROM tasks WHERE agent = $1 AND state IN (1, 2)", agent.name
    )
    return open_tasks == 0 and bool(found) and set(found) == {state}


async def _tried(agent: Agent) -> bool:
    rows = await deliveries(agent)
    return bool(rows) and int(str(rows[0]["attempts"])) > 1


async def _claimed_again(agent: Agent) -> bool:
    return bool(await agent.outbox.claim(10))


async def _kill(agent: Agent) -> None:
    """Its claims run out at once."""
    await kill_deliverer(agent.push)
    await agent.database.pool.execute(
        "UPDATE push_configs SET lease_until = now() - interval '1 s' WHERE lease_until IS NOT NULL"
    )


def _listening_again(hook: object, port: int) -> object:
    from contextlib import asynccontextmanager

    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Route

    @asynccontextmanager
    async def listening() -> object:  # type: ignore[misc]
        app = Starlette(routes=[Route("/{path:path}", hook.receive, methods=["POST"])])  # type: ignore[attr-defined]
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
        running = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        yield
        server.should_exit = True
        await running

    return listening()
