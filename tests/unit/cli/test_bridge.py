"""The bridge between a host and a gateway that is made up here: what the host reads, whatever the gateway does."""

import asyncio
import io
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from agentnet.cli.mcp import bridge
from agentnet.cli.mcp.bridge import Bridge
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

EVENTS = {"content-type": "text/event-stream"}
INITIALIZE = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-06-18"}}
SESSION = "mcp-session-id"


class Host:
    """Writes lines to the bridge and reads what it says."""

    def __init__(self, pipe: int, output: io.BytesIO) -> None:
        self._pipe = pipe
        self._output = output
        self._read = 0

    def write(self, *messages: Any) -> None:
        for message in messages:
            line = message if isinstance(message, bytes) else json.dumps(message).encode()
            os.write(self._pipe, line + b"\n")

    async def line(self) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(lines := self._output.getvalue().split(b"\n")) < self._read + 2:
                await asyncio.sleep(0.01)
        self._read += 1
        return lines[self._read - 1]

    async def ask(self, message: Any) -> Any:
        self.write(message)
        return json.loads(await self.line())


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(bridge, "PAUSE_SECONDS", 0.01)

    @asynccontextmanager
    async def attached(gateway: Callable[[httpx.Request], Any]) -> AsyncIterator[Host]:
        reading, writing = os.pipe()
        output = io.BytesIO()
        with os.fdopen(reading, "rb") as stdin:
            monkeypatch.setattr(sys, "stdin", SimpleNamespace(fileno=stdin.fileno))
            monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=output))
            async with httpx.AsyncClient(transport=httpx.MockTransport(gateway), timeout=PATIENCE_SECONDS) as http:
                serving = asyncio.create_task(Bridge(http, "http://gateway/mcp").serve())
                yield Host(writing, output)
                os.close(writing)
                await serving
        monkeypatch.undo()

    return attached


def call(identifier: Any = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "method": "tools/call", "params": {"name": "x", **params}}


def events(*data: str) -> httpx.Response:
    return httpx.Response(200, headers=EVENTS, content="".join(f"data: {each}\n\n" for each in data).encode())


async def test_what_passes_is_not_touched(host: Any) -> None:
    asked: list[bytes] = []
    answer = '{"jsonrpc":"2.0","id":1,"result":{"text":"a\u2028b\x85c","n":123456789012345678901234567890}}'

    def gateway(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        return events("", answer)

    async with host(gateway) as attached:
        question = b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"n":123456789012345678901234567890}}'
        attached.write(question)
        assert (await attached.line()).decode() == answer
    assert asked == [question]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda: httpx.Response(200, headers=EVENTS, content=b": ping\n\n"), "without an answer"),
        (lambda: events("no JSON"), "cannot be passed on"),
        (lambda: httpx.Response(401, json={"error": {"message": "This key was revoked."}}), "This key was revoked."),
        (lambda: httpx.Response(200, text="hello"), "HTTP status 200"),
    ],
)
async def test_a_request_that_gets_no_answer_is_answered(
    host: Any, answer: Callable[[], httpx.Response], told: str
) -> None:
    async with host(lambda _: answer()) as attached:
        said = await attached.ask(call("one"))
    assert (said["id"], said["error"]["code"]) == ("one", -32000)
    assert told in said["error"]["message"]


async def test_a_message_that_fits_no_header_is_answered(host: Any) -> None:
    meta = {"io.modelcontextprotocol/protocolVersion": "\xe9"}
    async with host(lambda _: events("{}")) as attached:
        assert "cannot be passed on" in (await attached.ask(call(_meta=meta)))["error"]["message"]


class Sessions:
    """A gateway with sessions, that can lose them and be away."""

    def __init__(self, *, answers_streams: bool = True) -> None:
        self.answers_streams = answers_streams
        self.known: set[str] = set()
        self.begun = 0
        self.away = 0
        """Requests from the next `initialize` on that get no answer."""
        self.listened = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        session = request.headers.get(SESSION)
        if request.method == "GET":
            if not self.answers_streams:
                await asyncio.Event().wait()
            if session not in self.known:
                return httpx.Response(404)
            self.listened.set()
            return httpx.Response(200, headers=EVENTS)
        if request.method == "DELETE":
            return httpx.Response(204)
        message = json.loads(request.content)
        if message["method"] == "initialize":
            return self._initialized(message)
        if session not in self.known:
            return httpx.Response(404 if session else 400)
        if "id" not in message:
            return httpx.Response(202)
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": message["id"], "result": {"session": session}})

    def _initialized(self, message: dict[str, Any]) -> httpx.Response:
        if self.away:
            self.away -= 1
            raise httpx.ConnectError("away")
        self.begun += 1
        self.known.add(str(self.begun))
        result = {"protocolVersion": "2025-06-18"}
        body = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        return httpx.Response(200, json=body, headers={SESSION: str(self.begun)})


async def test_a_session_that_cannot_be_begun_again_now_is_with_the_next_message(host: Any) -> None:
    gateway = Sessions(answers_streams=False)
    async with host(gateway) as attached:
        await attached.ask(INITIALIZE)
        gateway.known.clear()
        gateway.away = 1
        assert "ConnectError" in (await attached.ask(call(1)))["error"]["message"]
        assert (await attached.ask(call(2)))["result"] == {"session": "2"}


async def test_calls_that_find_the_session_gone_together_begin_one(host: Any) -> None:
    gateway = Sessions(answers_streams=False)
    async with host(gateway) as attached:
        await attached.ask(INITIALIZE)
        gateway.known.clear()
        attached.write(*(call(number) for number in range(1, 6)))
        assert all([b"result" in await attached.line() for _ in range(5)])
    assert gateway.begun == 2


async def test_a_host_that_is_silent_hears_again_after_its_session_ended(host: Any) -> None:
    gateway = Sessions()
    async with host(gateway) as attached, asyncio.timeout(PATIENCE_SECONDS):
        await attached.ask(INITIALIZE)
        await gateway.listened.wait()
        gateway.known.clear()
        gateway.listened.clear()
        await gateway.listened.wait()
    assert gateway.begun == 2


async def test_a_call_that_its_host_cancelled_in_a_session_gets_no_answer(host: Any) -> None:
    sessions, cancelled = Sessions(answers_streams=False), asyncio.Event()

    async def ended() -> httpx.Response:
        await cancelled.wait()
        return httpx.Response(200, headers=EVENTS)

    async def gateway(request: httpx.Request) -> httpx.Response:
        message = json.loads(request.content or b"{}")
        if message.get("method") == "notifications/cancelled":
            cancelled.set()
        return await ended() if message.get("id") == 1 else await sessions(request)

    async with host(gateway) as attached:
        await attached.ask(INITIALIZE)
        attached.write(call(1))
        attached.write({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
        assert (await attached.ask(call(2)))["id"] == 2
    assert cancelled.is_set()
