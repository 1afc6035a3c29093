"""What a service's socket is, and how its server ends."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from agentnet.errors import ConfigurationError
from agentnet.process.service import Server, bind
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


def test_a_listener_names_its_protocol_so_that_asyncio_sends_answers_at_once() -> None:
    with bind("127.0.0.1", 0, "test") as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_who_finds_a_port_taken_is_told_by_whom() -> None:
    with bind("127.0.0.1", 0, "test") as listener, pytest.raises(ConfigurationError, match="cannot be used") as raised:
        bind("127.0.0.1", listener.getsockname()[1], "another")
    assert f"Process {os.getpid()} has it" in (raised.value.hint or "")
    assert str(Path.cwd()) in (raised.value.hint or "")


class Slow:
    """Answers when it is let, and keeps how that went."""

    def __init__(self) -> None:
        self.asked, self.go, self.cancelled = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.lifespan: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for word in ("startup", "shutdown"):
                assert (await receive())["type"] == f"lifespan.{word}"
                self.lifespan.append(word)
                await send({"type": f"lifespan.{word}.complete"})
            return
        self.asked.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def serving(app: ASGIApp, grace: int | None = None) -> AsyncIterator[tuple[Server, "asyncio.Task[None]", str]]:
    listener = bind("127.0.0.1", 0, "test")
    server = Server(uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=grace))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not server.started:
            await asyncio.sleep(0)
        yield server, task, f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.stop()
        await task


async def test_a_server_that_is_told_to_stop_lets_a_response_end_and_takes_no_more() -> None:
    app = Slow()
    async with serving(app) as (server, task, url), httpx.AsyncClient(trust_env=False) as http:
        first = asyncio.create_task(http.get(url))
        await app.asked.wait()
        server.stop()
        while server.servers[0].is_serving():
            await asyncio.sleep(0)
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        assert not task.done()
        app.go.set()
        assert (await first).text == "ok"
        await task
    assert app.lifespan == ["startup", "shutdown"]


async def test_a_server_waits_for_no_idle_connection_and_no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Slow()
    app.go.set()
    naps: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        naps.append(seconds)
        await sleep(0)

    async with serving(app) as (server, task, url), httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(url)).headers["date"]
        monkeypatch.setattr(asyncio, "sleep", noted)
        server.stop()
        await task
    assert max(naps, default=0) < 0.1


async def test_a_response_that_does_not_end_in_its_time_is_cut_and_the_service_ends() -> None:
    app = Slow()
    async with serving(app, grace=0) as (server, task, url), httpx.AsyncClient(trust_env=False) as http:
        first = asyncio.create_task(http.get(url))
        await app.asked.wait()
        server.stop()
        await task
        await app.cancelled.wait()
        with pytest.raises(httpx.HTTPError):
            (await first).raise_for_status()
    assert app.lifespan == ["startup", "shutdown"]


@pytest.mark.parametrize("turns", range(5))
async def test_a_connection_that_comes_with_the_word_to_stop_does_not_stay_open(turns: int) -> None:
    async with serving(Slow()) as (server, task, url):
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as late:
            for _ in range(turns):
                await asyncio.sleep(0)
            server.stop()
            await task
            late.settimeout(PATIENCE_SECONDS)
            with suppress(ConnectionResetError):
                assert late.recv(1) == b""
