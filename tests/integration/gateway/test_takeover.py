"""A stream whose replica died goes on at another one: its client sees a pause and not the end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, bind, running
from tests.conformance.a2a.script import stage
from tests.conformance.a2a.server import EXECUTOR, MANIFEST
from tests.integration.gateway.conftest import Network
from tests.integration.gateway.echo import serving
from tests.patience import PATIENCE_SECONDS, until_registered

pytestmark = pytest.mark.anyio

TASK = "019a0000-0000-7000-8000-000000000001"
DOORS = ("JSONRPC-1.0", "HTTP+JSON-1.0", "JSONRPC-0.3", "HTTP+JSON-0.3")


def sends(door: str, text: str = "hi") -> tuple[str, dict[str, Any], dict[str, str]]:
    """Path, body and headers of a message's stream."""
    binding, version = door.split("-")
    headers = {"a2a-version": version}
    message: dict[str, Any] = {"messageId": uuid4().hex, "role": "ROLE_USER", "parts": [{"text": text}]}
    if binding == "JSONRPC":
        call: dict[str, Any] = {"jsonrpc": "2.0", "id": "mine", "method": "SendStreamingMessage"}
        if version == "0.3":
            message |= {"kind": "message", "role": "user", "parts": [{"kind": "text", "text": text}]}
            call["method"] = "message/stream"
        return "", call | {"params": {"message": message}}, headers
    if version == "0.3":
        message["content"] = message.pop("parts")
        return "/v1/message:stream", {"message": message}, headers
    return "/message:stream", {"message": message}, headers


@dataclass
class Fake:
    """An agent of ours as far as the wire goes: it breaks off behind each of its turns."""

    turns: list[list[Any]]
    """Events of each answer, a number for a refusal of that status. Behind them it breaks off; with None it ends, and
    with ... it goes on until its reader leaves."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    number: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message.get("body", b"")
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        self.asked.append({"path": scope["path"], "method": scope["method"], "headers": headers, "body": body})
        turn = self.turns.pop(0)
        if isinstance(turn[0], int):
            await send({"type": "http.response.start", "status": turn[0], "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})
            return
        length = [] if turn[-1] is None else [(b"content-length", b"99999999")]
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"text/event-stream"), *length],
            }
        )
        for event in turn:
            if event is ...:
                while (await receive())["type"] != "http.disconnect":
                    pass
            elif event is not None:
                self.number += 1
                data = event if isinstance(event, bytes) else self._framed(event)
                await send({"type": "http.response.body", "body": data, "more_body": True})
        if turn[-1] is None:
            await send({"type": "http.response.body", "body": b""})

    def _framed(self, event: Any) -> bytes:
        return f"id: {self.number}.1.-1.{self.number}\ndata: {json.dumps(event)}\n\n".encode()


def status(state: str) -> Any:
    update = {"taskId": TASK, "contextId": "c", "status": {"state": f"TASK_STATE_{state}"}}
    return {"jsonrpc": "2.0", "id": "mine", "result": {"statusUpdate": update}}


@asynccontextmanager
async def faked(network: Network, turns: list[list[Any]]) -> AsyncIterator[Fake]:
    fake, listener = Fake(turns), bind("127.0.0.1", 0, "fake")
    async with serving(fake, listener):
        await network.register("fake", [f"http://127.0.0.1:{listener.getsockname()[1]}"])
        yield fake


async def heard(network: Network, door: str = "JSONRPC-1.0", **more: Any) -> str:
    path, body, headers = sends(door)
    async with network.client() as http:
        return (await http.post(f"/agents/fake{path}", json=body | more, headers=headers)).text


def states(text: str) -> list[str]:
    found = [line for line in text.split("\n") if line.startswith("data: ")]
    return [
        json.loads(line[6:])["result"]["statusUpdate"]["status"]["state"].removeprefix("TASK_STATE_") for line in found
    ]


WORK, DONE, ASKS = status("WORKING"), status("COMPLETED"), status("INPUT_REQUIRED")


@pytest.mark.parametrize(
    "turns",
    [
        [[WORK], [DONE]],
        [[WORK, None], [DONE, None]],
        [[WORK, b'id: 2.1.-1.2\ndata: {"half'], [DONE]],
        [[WORK], [WORK], [None], [WORK, None], [DONE]],
        [[WORK], [503], [b"no events"], [502], [429], [DONE]],
        [[WORK], [b": keep-alive\n\n"], [DONE]],
    ],
)
async def test_a_stream_goes_on_whatever_befalls_its_replicas(network: Network, turns: list[list[Any]]) -> None:
    works = sum(event == WORK for turn in turns for event in turn)
    async with faked(network, turns) as fake:
        assert states(await heard(network)) == ["WORKING"] * works + ["COMPLETED"]
        first, *others = fake.asked
        assert json.loads(first["body"])["method"] == "SendStreamingMessage"
        for asked in others:
            assert json.loads(asked["body"]) == {
                "jsonrpc": "2.0",
                "id": "mine",
                "method": "SubscribeToTask",
                "params": {"id": TASK},
            }
            assert asked["headers"]["a2a-version"] == "1.0"
            assert asked["headers"]["last-event-id"].endswith(".1.-1." + asked["headers"]["last-event-id"][0])
        assert others[0]["headers"]["last-event-id"] == "1.1.-1.1"


async def test_a_message_whose_stream_was_taken_up_ends_at_a_question_like_any(network: Network) -> None:
    async with faked(network, [[WORK], [ASKS, ...]]) as fake:
        assert states(await heard(network)) == ["WORKING", "INPUT_REQUIRED"]
        assert not fake.turns


async def test_a_subscription_that_was_taken_up_goes_on_behind_a_question(network: Network) -> None:
    async with faked(network, [[WORK], [ASKS], [WORK], [DONE]]):
        text = await heard(network, method="SubscribeToTask", params={"id": TASK})
        assert states(text) == ["WORKING", "INPUT_REQUIRED", "WORKING", "COMPLETED"]


@pytest.mark.parametrize("turn", [[404], [401], [400]])
async def test_a_refusal_that_will_not_pass_ends_the_stream_with_an_error(network: Network, turn: list[Any]) -> None:
    async with faked(network, [[WORK], turn]) as fake:
        text = await heard(network)
        assert text.count("event: error") == 1
        assert json.loads(text.rpartition("data: ")[2])["id"] == "mine"
        assert not fake.turns


@pytest.mark.parametrize("door", DOORS)
async def test_a_replica_that_stops_amid_a_stream_is_followed_by_another(
    network: Network, tmp_path: Path, door: str
) -> None:
    name, gate = f"scripted-{uuid4().hex[:8]}", uuid4().hex
    folder = tmp_path / name
    folder.mkdir()
    (folder / "agent.yaml").write_text(MANIFEST.format(name=name))
    (folder / "instructions.md").write_text("Follow the script.")
    (folder / "executor.py").write_text(EXECUTOR)
    settings = network.runtime.settings.model_copy(update={"agents_dirs": [tmp_path], "port": 0})
    async with AsyncExitStack() as second:
        async with AsyncExitStack() as first:
            runtime = await first.enter_async_context(Runtime.open(settings))
            await first.enter_async_context(running(runtime, Service("agent", name, 0)))
            path, body, headers = sends(door, f"one wait {gate} two")
            async with network.client() as http:
                await until_registered(http, "", name)
                reading = asyncio.create_task(_read(http, f"/agents/{name}{path}", body, headers))
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while not any(stage.begun.values()):
                        await asyncio.sleep(0.01)
                other = await second.enter_async_context(Runtime.open(settings))
                await second.enter_async_context(running(other, Service("agent", name, 0)))
                await first.aclose()
                stage.gates[gate].set()
                async with asyncio.timeout(PATIENCE_SECONDS):
                    text = await reading
    stage.begun.clear()
    assert "event: error" not in text
    assert text.count('"two"') >= 1
    assert ('"final":true' in text) if door.endswith("0.3") else ("TASK_STATE_COMPLETED" in text)


async def _read(http: httpx.AsyncClient, path: str, body: Any, headers: dict[str, str]) -> str:
    return (await http.post(path, json=body, headers=headers)).text
