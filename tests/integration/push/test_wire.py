"""Push notifications from the wire: an agent server and the gateway, as clients of both versions meet them."""

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import httpx
import jwt
import pytest

from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from agentnet.settings import Settings
from tests.integration.push.webhook import Got, until, webhook
from tests.patience import PATIENCE_SECONDS, until_registered

pytestmark = pytest.mark.anyio

MANIFEST = """
name: pusher
description: Says what it was told.
skills:
  - {id: say, name: Say, description: Says it.}
"""
EXECUTOR = """
from a2a.server.agent_execution import AgentExecutor
from a2a.server.tasks import TaskUpdater
from a2a.types.a2a_pb2 import Part

class Pusher(AgentExecutor):
    async def execute(self, context, event_queue):
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        if context.get_user_input() == "ask":
            await updater.requires_input(updater.new_agent_message([Part(text="which?")]))
            return
        await updater.add_artifact([Part(text=context.get_user_input())], artifact_id="a")
        await updater.complete()

    async def cancel(self, context, event_queue):
        pass

executor = Pusher()
"""


@dataclass
class Network:
    gateway: str
    agent: str
    http: httpx.AsyncClient
    runtime: Runtime
    tenant: str
    key: str

    async def rpc(self, method: str, params: dict[str, Any], version: str = "1.0") -> Any:
        headers = {"A2A-Version": version} if version else {}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = (await self.http.post(f"{self.gateway}/agents/pusher", json=body, headers=headers)).json()
        return answer.get("result", answer.get("error"))


@pytest.fixture
async def network(database_url: str, tmp_path: Path) -> AsyncIterator[Network]:
    folder = tmp_path / "agents" / "pusher"
    folder.mkdir(parents=True)
    (folder / "agent.yaml").write_text(MANIFEST)
    (folder / "instructions.md").write_text("Say it.")
    (folder / "executor.py").write_text(EXECUTOR)
    settings = Settings(
        home=tmp_path / "home",
        database_url=database_url,
        port=0,
        registry_port=0,
        allow_private_urls=True,
        agents_dirs=[folder.parent],
        model="offline",
        _env_file=None,
    )
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(Runtime.open(settings))
        registry = await stack.enter_async_context(running(first, Service("registry", "registry", 0)))
        own = settings.model_copy(update={"registry_url": registry.url})
        runtime = await stack.enter_async_context(Runtime.open(own))
        await (await runtime.database()).pool.execute("DELETE FROM signing_keys")
        gateway = await stack.enter_async_context(running(runtime, Service("gateway", "gateway", 0)))
        last = await stack.enter_async_context(Runtime.open(own))
        agent = await stack.enter_async_context(running(last, Service("agent", "pusher", 0)))
        tenant = f"tenant-{uuid4().hex[:6]}"
        key = await (await runtime.keys()).create(tenant, "test")
        http = await stack.enter_async_context(
            httpx.AsyncClient(headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=PATIENCE_SECONDS)
        )
        await until_registered(http, gateway.url, "pusher")
        yield Network(gateway.url, agent.url, http, runtime, tenant, key)


def message(text: str, **configuration: Any) -> dict[str, Any]:
    sent = {"messageId": uuid4().hex, "role": "ROLE_USER", "parts": [{"text": text}]}
    return {"message": sent, "configuration": configuration}


async def test_a_client_registers_is_told_and_verifies_with_the_published_keys(network: Network) -> None:
    async with webhook() as hook:
        config = {"url": hook.url, "token": "mine"}
        result = await network.rpc("SendMessage", message("hello", taskPushNotificationConfig=config))
        assert result["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
        await until(lambda: "completed" in hook.said)
        got = hook.took[-1]
        assert got.headers["x-a2a-notification-token"] == "mine"
        signature = got.headers["a2a-notification-signature"]
        for base in (network.gateway, network.agent):
            async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as anybody:
                published = (await anybody.get(f"{base}/.well-known/jwks.json")).json()
            keys = jwt.PyJWKSet.from_dict(published)
            key = keys[jwt.get_unverified_header(signature)["kid"]].key
            claims = jwt.decode(signature, key, algorithms=["ES256"], options={"verify_aud": False})
            assert claims["task_id"] == result["task"]["id"]


async def test_the_card_says_that_it_pushes(network: Network) -> None:
    card = (await network.http.get(f"{network.gateway}/agents/pusher/.well-known/agent-card.json")).json()
    assert card["capabilities"]["pushNotifications"] is True


async def test_the_four_operations_answer_over_json_rpc_and_http_json(network: Network) -> None:
    asked = (await network.rpc("SendMessage", message("ask")))["task"]
    url = "http://127.0.0.1:4999/hook"
    made = await network.rpc("CreateTaskPushNotificationConfig", {"taskId": asked["id"], "id": "c", "url": url})
    assert made == {"taskId": asked["id"], "id": "c", "url": url}
    headers = {"A2A-Version": "1.0"}
    rest = f"{network.gateway}/agents/pusher/tasks/{asked['id']}/pushNotificationConfigs"
    assert (await network.http.get(f"{rest}/c", headers=headers)).json() == made
    second = (await network.http.post(rest, json={"id": "d", "url": url}, headers=headers)).json()
    assert second["id"] == "d"
    listed = await network.rpc("ListTaskPushNotificationConfigs", {"taskId": asked["id"]})
    assert [each["id"] for each in listed["configs"]] == ["c", "d"]
    assert (await network.http.delete(f"{rest}/c", headers=headers)).is_success
    assert (await network.http.get(f"{rest}/c", headers=headers)).status_code == 404
    unsafe = await network.rpc("CreateTaskPushNotificationConfig", {"taskId": asked["id"], "url": "http://169.254.1.1"})
    assert unsafe["code"] == -32602
    assert "public address" in unsafe["message"]


async def test_a_client_of_0_3_registers_in_0_3_and_is_told_in_0_3(network: Network) -> None:
    async with webhook() as hook:
        sent = {"messageId": uuid4().hex, "role": "user", "kind": "message", "parts": [{"kind": "text", "text": "ask"}]}
        asked = await network.rpc("message/send", {"message": sent}, version="")
        config = {"url": hook.url, "authentication": {"schemes": ["Bearer"]}}
        made = await network.rpc(
            "tasks/pushNotificationConfig/set", {"taskId": asked["id"], "pushNotificationConfig": config}, version=""
        )
        read = await network.rpc("tasks/pushNotificationConfig/get", {"id": asked["id"]}, version="")
        assert read == made
        answer = sent | {"messageId": uuid4().hex, "taskId": asked["id"], "parts": [{"kind": "text", "text": "that"}]}
        await network.rpc("message/send", {"message": answer}, version="")
        await until(lambda: "completed" in hook.said)
        task = hook.took[-1].json
        assert (task["kind"], task["id"], task["status"]["state"]) == ("task", asked["id"], "completed")
        assert task["artifacts"][0]["parts"][0] == {"kind": "text", "text": "that"}
        assert hook.took[-1].headers["authorization"].startswith("Bearer ey")


async def test_a_dead_delivery_is_listed_and_retried_through_the_gateway(network: Network) -> None:
    gone = True

    async def answer(_: Got) -> int:
        return 500 if gone else 200

    async with webhook(answer) as hook:
        config = {"url": hook.url + "?secret=1"}
        await network.rpc("SendMessage", message("hello", taskPushNotificationConfig=config))
        await until(lambda: _given_up(network))
        listed = (await network.http.get(f"{network.gateway}/v1/push?state=dead")).json()["deliveries"]
        assert [each["seq"] for each in listed] == [4, 3, 2, 1]
        assert listed[0]["url"] == hook.url
        assert listed[0]["agent"] == "pusher"
        retry = f"{network.gateway}/v1/push/{listed[0]['id']}/retry"
        other = await (await network.runtime.keys()).create("other", "test")
        refused = await network.http.post(retry, headers={"authorization": f"Bearer {other}"})
        assert refused.status_code == 404
        gone = False
        hook.took.clear()
        assert (await network.http.post(retry)).status_code == 204
        await until(lambda: hook.said == ["completed"])
        await until(lambda: _delivered(network))
        assert (await network.http.post(retry)).status_code == 409
        assert (await network.http.get(f"{network.gateway}/v1/push?state=lost")).status_code == 400


async def test_the_command_line_lists_and_retries(network: Network) -> None:
    async with webhook() as hook:
        await network.rpc("SendMessage", message("hello", taskPushNotificationConfig={"url": hook.url}))
        await until(lambda: "completed" in hook.said)
        await until(lambda: _delivered(network, 4))
        pool = (await network.runtime.database()).pool
        await pool.execute("UPDATE push_deliveries SET state = 'dead', done_at = now() WHERE seq = 4")
        environment = os.environ | {"AGENTNET_API_KEY": network.key, "AGENTNET_URL": network.gateway}

        async def run(*arguments: str) -> str:
            command = [sys.executable, "-m", "agentnet", "push", *arguments]
            done = await anyio.run_process(command, env=environment)
            return done.stdout.decode()

        [dead] = json.loads(await run("list", "--json"))["deliveries"]
        assert dead["state"] == "dead"
        hook.took.clear()
        assert "tried again" in await run("retry", dead["id"])
        await until(lambda: hook.said == ["completed"])


async def _given_up(network: Network) -> bool:
    """Call all four dead, while no try is under way that would write its own outcome over it."""
    pool = (await network.runtime.database()).pool
    async with pool.acquire() as connection, connection.transaction():
        rests = "SELECT true FROM push_configs WHERE tenant = $1 AND lease_until IS NULL FOR UPDATE"
        if not await connection.fetchval(rests, network.tenant):
            return False
        dead = "UPDATE push_deliveries SET state = 'dead', done_at = now() WHERE tenant = $1"
        return str(await connection.execute(dead, network.tenant)) == "UPDATE 4"


async def _delivered(network: Network, count: int = 1) -> bool:
    return await _count(network, "delivered") == count


async def _count(network: Network, state: str) -> int:
    return len((await network.http.get(f"{network.gateway}/v1/push?state={state}")).json()["deliveries"])
