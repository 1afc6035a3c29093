"""A blocking message whose replica dies is answered by another one: its client sees a pause and not the end."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, bind, running
from tests.chaos.processes import ROOT, Process
from tests.conformance.a2a.script import stage
from tests.conformance.a2a.server import scripted_folder
from tests.integration.gateway.conftest import Network
from tests.patience import PATIENCE_SECONDS, until_registered

pytestmark = pytest.mark.anyio

DOORS = ("JSONRPC-1.0", "HTTP+JSON-1.0", "JSONRPC-0.3", "HTTP+JSON-0.3")
LEASE_SECONDS = 2.0


def sends(
    door: str, text: str = "hi", configuration: dict[str, Any] | None = None
) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Path, body and headers of a message."""
    binding, version = door.split("-")
    headers = {"a2a-version": version}
    message: dict[str, Any] = {"messageId": uuid4().hex, "role": "ROLE_USER", "parts": [{"text": text}]}
    params: dict[str, Any] = {"message": message}
    if configuration is not None:
        params["configuration"] = configuration
    if binding == "JSONRPC":
        call: dict[str, Any] = {"jsonrpc": "2.0", "id": "mine", "method": "SendMessage", "params": params}
        if version == "0.3":
            message |= {"kind": "message", "role": "user", "parts": [{"kind": "text", "text": text}]}
            call["method"] = "message/send"
        return "", call, headers
    if version == "0.3":
        message["content"] = message.pop("parts")
        return "/v1/message:send", params, headers
    return "/message:send", params, headers


def answer(door: str, state: str) -> Any:
    """A task in that state, as an agent of ours writes it."""
    written = state.lower() if door == "JSONRPC-0.3" else f"TASK_STATE_{state}"
    task = {"id": "t", "contextId": "c", "status": {"state": written}}
    if not door.startswith("JSONRPC"):
        return {"task": task}
    return {"jsonrpc": "2.0", "id": "mine", "result": task if door.endswith("0.3") else {"task": task}}


def away(door: str) -> Any:
    if door.startswith("JSONRPC"):
        return {"jsonrpc": "2.0", "id": "mine", "error": {"code": -32051, "message": "Starting."}}
    return 503


DROPS, HALF = "it reads a message and is gone", "it begins to answer and is gone"


@dataclass
class Fake:
    """A replica that does one of its turns after the other: `DROPS`, `HALF`, a status, or a body."""

    turns: list[Any]
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.asked.append((headers, await reader.readexactly(int(headers["content-length"]))))
        turn = self.turns.pop(0)
        if turn != DROPS:
            body = b"" if turn == HALF else orjson.dumps({} if isinstance(turn, int) else turn)
            status = turn if isinstance(turn, int) else 200
            head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body) or 9}\r\nconnection: close\r\n\r\n"
            writer.write(head.encode() + body)
        writer.close()


@asynccontextmanager
async def faked(network: Network, turns: list[Any], *, is_ours: bool = True) -> AsyncIterator[Fake]:
    fake, listener = Fake(turns), bind("127.0.0.1", 0, "fake")
    async with await asyncio.start_server(fake.serve, sock=listener):
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        await network.register("fake", [address], is_ours=is_ours)
        yield fake


TURNS: dict[str, Callable[[str], list[Any]]] = {
    "dropped": lambda _: [DROPS],
    "dropped twice": lambda _: [DROPS, DROPS],
    "broken off amid an answer": lambda _: [HALF, DROPS],
    "stopped, with the task as it was": lambda door: [answer(door, "WORKING"), DROPS],
    "stopped before it began": lambda door: [answer(door, "SUBMITTED")],
    "dropped, then starting": lambda door: [DROPS, away(door), away(door)],
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("what", TURNS)
async def test_a_blocking_message_is_answered_whatever_befalls_its_replicas(
    network: Network, door: str, what: str
) -> None:
    path, body, headers = sends(door)
    turns, done = TURNS[what](door), answer(door, "COMPLETED")
    async with faked(network, [*turns, done]) as fake, network.client() as http:
        said = await http.post(f"/agents/fake{path}", json=body, headers=headers | {"request-timeout": "20"})
        assert said.json() == done
    assert {asked for _, asked in fake.asked} == {fake.asked[0][1]}, "the same message each time"
    left = [float(asked["request-timeout"]) for asked, _ in fake.asked]
    assert left == sorted(left, reverse=True)
    assert left[-1] < 20, "the client's time, and no more"


@pytest.mark.parametrize(
    ("door", "configuration"),
    [
        ("JSONRPC-1.0", {"returnImmediately": True}),
        ("HTTP+JSON-1.0", {"returnImmediately": True}),
        ("JSONRPC-0.3", {"blocking": False}),
        ("HTTP+JSON-0.3", {"blocking": False}),
        ("HTTP+JSON-0.3", {}),
    ],
)
async def test_a_client_that_does_not_wait_gets_the_task_as_it_is(
    network: Network, door: str, configuration: dict[str, Any]
) -> None:
    path, body, headers = sends(door, configuration=configuration)
    works = answer(door, "WORKING")
    async with faked(network, [DROPS, works]), network.client() as http:
        assert (await http.post(f"/agents/fake{path}", json=body, headers=headers)).json() == works


@pytest.mark.parametrize("door", DOORS)
async def test_a_client_whose_time_is_up_gets_the_task_as_it_is(network: Network, door: str) -> None:
    path, body, headers = sends(door)
    works = answer(door, "WORKING")
    async with faked(network, [works]), network.client() as http:
        said = await http.post(f"/agents/fake{path}", json=body, headers=headers | {"prefer": "wait=0.4"})
        assert said.json() == works


@pytest.mark.parametrize("door", DOORS)
async def test_a_client_whose_time_ends_without_a_replica_is_told_how_to_go_on(network: Network, door: str) -> None:
    path, body, headers = sends(door)
    async with faked(network, [DROPS] * 9), network.client() as http:
        said = await http.post(f"/agents/fake{path}", json=body, headers=headers | {"request-timeout": "0.5"})
    assert "by its messageId it is answered with the task that it began" in said.json()["error"]["message"]
    assert int(said.headers["retry-after"]) > 0


@pytest.mark.parametrize("door", DOORS)
async def test_an_agent_that_may_not_know_the_message_again_is_not_sent_it_twice(network: Network, door: str) -> None:
    path, body, headers = sends(door)
    async with faked(network, [DROPS], is_ours=False) as fake, network.client() as http:
        said = await http.post(f"/agents/fake{path}", json=body, headers=headers)
    assert "error" in said.json()
    assert len(fake.asked) == 1


async def test_what_sends_no_message_is_not_sent_twice(network: Network) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "CancelTask", "params": {"id": "t", "metadata": {"x": "SendMessage"}}}
    async with faked(network, [DROPS]) as fake, network.client() as http:
        said = await http.post("/agents/fake", json=call, headers={"a2a-version": "1.0"})
    assert said.json()["error"]["code"] == -32051
    assert len(fake.asked) == 1


@dataclass
class Replicas:
    """Of one agent: one as a process of its own, and one here, which the test begins."""

    network: Network
    folder: Path
    stack: AsyncExitStack

    @property
    def name(self) -> str:
        return self.folder.name

    async def begin_here(self) -> None:
        settings = self.network.runtime.settings.model_copy(
            update={"agents_dirs": [self.folder.parent], "port": 0, "lease_seconds": LEASE_SECONDS}
        )
        runtime = await self.stack.enter_async_context(Runtime.open(settings))
        await self.stack.enter_async_context(running(runtime, Service("agent", self.name, 0)))

    def process(self) -> Process:
        settings = self.network.runtime.settings
        environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'agents'}",
            "AGENTNET_HOME": str(settings.home),
            "AGENTNET_REGISTRY_URL": self.network.registry_url,
            "AGENTNET_LEASE_SECONDS": f"{LEASE_SECONDS:g}",
        }
        command = [sys.executable, "-m", "agentnet", "serve", "agent", self.name]
        arguments = ["--agents", str(self.folder.parent), "--port", "0"]
        return Process(self.name, [*command, *arguments], environment, self.folder.parent / "replica.log")


@asynccontextmanager
async def replicas(network: Network, tmp_path: Path) -> AsyncIterator[Replicas]:
    async with AsyncExitStack() as stack:
        yield Replicas(network, scripted_folder(tmp_path), stack)


async def ask(http: httpx.AsyncClient, name: str, door: str, text: str) -> str:
    path, body, headers = sends(door, text)
    said = await http.post(f"/agents/{name}{path}", json=body, headers=headers)
    return f"{said.status_code} {said.text}"


async def test_a_replica_that_is_killed_amid_blocking_messages_is_followed_by_another(
    network: Network, tmp_path: Path
) -> None:
    async with replicas(network, tmp_path) as mine, network.client() as http:
        process = mine.process()
        process.start()
        try:
            await until_registered(http, "", mine.name)
            markers = [tmp_path / door for door in DOORS]
            asking = [
                asyncio.create_task(ask(http, mine.name, door, f"one once {marker} two"))
                for door, marker in zip(DOORS, markers, strict=True)
            ]
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not all(marker.exists() for marker in markers):
                    await asyncio.sleep(0.01)
            process.kill()
            await mine.begin_here()
            async with asyncio.timeout(PATIENCE_SECONDS):
                answers = await asyncio.gather(*asking)
        finally:
            process.kill()
    for said in answers:
        assert said.startswith("200 ") and '"two"' in said
        assert "completed" in said.lower() and '"error"' not in said


@pytest.mark.parametrize("door", DOORS)
async def test_a_replica_that_is_stopped_amid_a_blocking_message_is_followed_by_another(
    network: Network, tmp_path: Path, door: str
) -> None:
    gate = uuid4().hex
    async with replicas(network, tmp_path) as mine, network.client() as http, AsyncExitStack() as first:
        here = Replicas(network, mine.folder, first)
        await here.begin_here()
        await until_registered(http, "", mine.name)
        asking = asyncio.create_task(ask(http, mine.name, door, f"one wait {gate} two"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not any(stage.begun.values()):
                await asyncio.sleep(0.01)
        await mine.begin_here()
        await first.aclose()
        stage.gates[gate].set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = await asking
    stage.begun.clear()
    assert said.startswith("200 ") and '"two"' in said
    assert "completed" in said.lower() and '"error"' not in said
