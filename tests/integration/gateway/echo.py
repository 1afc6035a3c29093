"""A small but real agent for the gateway's tests: the SDK's own handler over an executor that obeys its message."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Coroutine, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from a2a.helpers import new_data_part, new_raw_part, new_task_from_user_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, TaskState
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from agentnet.frame.access import PUBLIC, Access
from agentnet.frame.authentication import AuthMiddleware, authenticate_with
from agentnet.identity.principal import Principal
from agentnet.identity.tokens import Tokens
from agentnet.process.service import Server, bind
from agentnet.runs.question import data_of
from agentnet.tasks.steps import SOURCE, Step
from cards import CardResponse
from cards.serve import CARD_PATH, OLDER_CARD_PATH

BIG = b"%PDF" + bytes(300_000)
PNG = b"\x89PNG\r\n\x1a\n pixels"


@dataclass
class Probe:
    """What the tests see of the agent, and how they hold it."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    aborted: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    """Breaks the streams that are open when it is set."""
    was_cut: asyncio.Event = field(default_factory=asyncio.Event)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is set, answers to requests wait for `released`."""
    held: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    principals: list[Principal] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


class EchoExecutor(AgentExecutor):
    """Answers `echo: <text>`; its first word may change how, as the methods say."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        text = context.get_user_input() or json.dumps(data_of(context.message))
        if context.current_task is None:
            await event_queue.enqueue_event(new_task_from_user_message(context.message))
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        word = text.split(" ", 1)[0]
        await getattr(self, f"_{word}", self._echo)(updater, text)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        self.probe.cancelled.set()
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()

    async def _echo(self, updater: TaskUpdater, text: str) -> None:
        await updater.add_artifact([new_text_part(f"echo: {text}")], artifact_id="answer")
        await updater.complete()

    async def _slow(self, updater: TaskUpdater, text: str) -> None:
        await updater.add_artifact([new_text_part("first ")], artifact_id="answer")
        self.probe.started.set()
        await self.probe.go.wait()
        await updater.add_artifact([new_text_part("second")], artifact_id="answer", append=True, last_chunk=True)
        await updater.complete()

    async def _hang(self, updater: TaskUpdater, text: str) -> None:
        self.probe.started.set()
        await asyncio.Event().wait()

    async def _ask(self, updater: TaskUpdater, text: str) -> None:
        await updater.requires_input(updater.new_agent_message([new_text_part("Which colour?")]))

    async def _twice(self, updater: TaskUpdater, text: str) -> None:
        await updater.requires_input(updater.new_agent_message([new_text_part("Which shape?")]))

    async def _approve(self, updater: TaskUpdater, text: str) -> None:
        data = {"kind": "approval", "tool": "pay", "arguments": {"amount": 5}, "path": ["echo"]}
        parts = [new_text_part("May echo call pay? Answer yes or no."), new_data_part(data)]
        await updater.requires_input(updater.new_agent_message(parts))

    async def _doubt(self, updater: TaskUpdater, text: str) -> None:
        data = {"kind": "in-doubt", "tool": "pay", "arguments": {"amount": 5}, "path": ["echo"]}
        parts = [new_text_part("Did this happen?"), new_data_part(data)]
        await updater.requires_input(updater.new_agent_message(parts))

    async def _signin(self, updater: TaskUpdater, text: str) -> None:
        said = [new_text_part("Sign in at https://idp.example/device, please.")]
        await updater.requires_auth(updater.new_agent_message(said))

    async def _big(self, updater: TaskUpdater, text: str) -> None:
        await updater.add_artifact([new_raw_part(BIG, "application/pdf", "big.pdf")], artifact_id="big one")
        await self._echo(updater, text)

    async def _chatter(self, updater: TaskUpdater, text: str) -> None:
        for number in range(500):
            await updater.add_artifact([new_text_part(f"{number} ")], artifact_id="answer", append=number > 0)
        await updater.complete()

    async def _fail(self, updater: TaskUpdater, text: str) -> None:
        await updater.failed(updater.new_agent_message([new_text_part("The disk is full.")]))

    async def _reject(self, updater: TaskUpdater, text: str) -> None:
        await updater.reject(updater.new_agent_message([new_text_part("Not my trade.")]))

    async def _files(self, updater: TaskUpdater, text: str) -> None:
        await updater.add_artifact([new_raw_part(PNG, "image/png", "chart.png")])
        await updater.add_artifact([new_raw_part(b"a,b\n1,2\n", "text/csv", "table.csv")])
        await updater.add_artifact([new_text_part("a peer's words")], metadata={SOURCE: ["echo", "peer"]})
        await self._echo(updater, text)

    async def _steps(self, updater: TaskUpdater, text: str) -> None:
        for phase, ms in (("start", None), ("end", 120)):
            step = Step("s1", "tool", phase, "knowledge_search", ("researcher",), updater.task_id, ms=ms)
            await updater.update_status(TaskState.TASK_STATE_WORKING, metadata=step.as_metadata())
        await self._echo(updater, text)


def card_of(name: str, url: str) -> AgentCard:
    return AgentCard(
        name=name,
        description=f"The agent {name} repeats what it is told.",
        version="1.0.0",
        supported_interfaces=[
            AgentInterface(url=address, protocol_binding=binding, protocol_version=version)
            for version in ("1.0", "0.3")
            for binding, address in (("JSONRPC", f"{url}/"), ("HTTP+JSON", url))
        ],
        capabilities=AgentCapabilities(streaming=True, extended_agent_card=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[
            AgentSkill(
                id="echo",
                name="Echo",
                description="Says it again.",
                tags=["test"],
                examples=["Say hello.", "Repeat {word} for {person}."],
            )
        ],
    )


def echo_app(name: str, url: str, tokens: Tokens, probe: Probe) -> ASGIApp:
    """The agent `name` as served at `url`; `/endless` is a stream that ends only when its client leaves."""
    card = card_of(name, url)
    handler = DefaultRequestHandler(EchoExecutor(probe), InMemoryTaskStore(), card, extended_agent_card=card)

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"connection", b"x-private"), (b"x-private", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: hello\n\n", "more_body": True})
        probe.started.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        probe.aborted.set()

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"content-length", b"999")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: hello\n\n", "more_body": True})

    async def size(scope: Scope, receive: Receive, send: Send) -> None:
        total, more = 0, True
        while more:
            message = await receive()
            total, more = total + len(message.get("body", b"")), message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(total).encode()})

    routes = [
        *CardResponse(card).routes(),
        Route("/endless", _App(endless)),
        Route("/broken", _App(broken)),
        Route("/size", _App(size)),
        *create_jsonrpc_routes(handler, "/", enable_v0_3_compat=True),
        *create_rest_routes(handler, enable_v0_3_compat=True),
    ]
    app = Starlette(routes=routes)

    async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not re.search(r"\.well-known", scope["path"]):
            probe.principals.append(scope["state"]["principal"])
            probe.headers.append({key.decode(): value.decode() for key, value in scope["headers"]})
            await cut_off(app(scope, receive, held_back(send, probe)), probe)
        else:
            await app(scope, receive, send)

    cards = Access({f"GET {path}": PUBLIC for path in (CARD_PATH, OLDER_CARD_PATH)})
    authenticate = authenticate_with(tokens, f"agent:{name}")
    return AuthMiddleware(recorded, authenticate, max_body_bytes=1 << 24, is_open=cards.is_open)


def held_back(send: Send, probe: Probe) -> Send:
    """Sends nothing while the test holds answers back."""

    async def later(message: MutableMapping[str, Any]) -> None:
        if probe.hold.is_set():
            probe.held.set()
            await probe.released.wait()
        await send(message)

    return later


async def cut_off(serving: Coroutine[None, None, None], probe: Probe) -> None:
    """Serve a request until it is over, or streams are cut."""
    if probe.cut.is_set():
        await serving
        return
    request, cut = asyncio.ensure_future(serving), asyncio.ensure_future(probe.cut.wait())
    try:
        await asyncio.wait([request, cut], return_when=asyncio.FIRST_COMPLETED)
        if request.done():
            await request
            return
        probe.was_cut.set()
    finally:
        for task in (request, cut):
            task.cancel()
        await asyncio.wait([request, cut])


class _App:
    """Starlette takes a class instance as an ASGI app for any method."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@asynccontextmanager
async def echo_running(name: str, tokens: Tokens, probe: Probe) -> AsyncIterator[str]:
    """Serve the agent on a free port; gives its URL."""
    listener = bind("127.0.0.1", 0, name)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with serving(echo_app(name, url, tokens, probe), listener):
        yield url


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=0, ws="none")
    server = Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0)
    try:
        yield
    finally:
        server.stop()
        await task
