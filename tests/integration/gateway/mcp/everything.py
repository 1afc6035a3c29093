"""An MCP server for the door's tests: the SDK's own over real HTTP, in both eras or held to one.

As a process: `python -m tests.integration.gateway.mcp.everything PORT` says `ready PORT` and serves until it is killed.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
import uvicorn
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.shared.exceptions import MCPError
from mcp_types import (
    Completion,
    CompletionArgument,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    EmptyResult,
    InputRequiredResult,
    JSONRPCMessage,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentnet.process.service import bind
from tests.integration.gateway.echo import serving

Only = Literal["legacy", "modern"] | None
MODERN = b"2026-07-28"


@dataclass
class Stage:
    """What a test sees of the server, and how it holds it."""

    started: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    only: Only = None
    """The one era that it speaks."""
    ttl_ms: int = 1000
    """How long its lists are said to hold."""
    lists: int = 0
    subscribed: list[str] = field(default_factory=list)
    """By `resources/subscribe`."""
    headers: list[dict[str, str]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)


class Name(BaseModel):
    """The form that `greet` asks for."""

    name: str


def create_server(name: str, stage: Stage) -> MCPServer[Any]:
    """A server with tools that echo, wait, fail and ask, a resource, a template and a prompt."""
    server = MCPServer[Any](
        name,
        log_level="ERROR",
        cache_hints={
            method: CacheHint(ttl_ms=stage.ttl_ms, scope="public") for method in ("tools/list", "resources/list")
        },
    )

    @server.tool(structured_output=False)
    async def echo(text: str) -> str:
        """Says it again."""
        return f"{name}: {text}"

    @server.tool(structured_output=False)
    async def wait(ctx: Context) -> str:
        """Reports that it has begun, and ends when it may."""
        await ctx.report_progress(1, 2, "begun")
        stage.started.set()
        try:
            await stage.go.wait()
        except asyncio.CancelledError:
            stage.cancelled.set()
            raise
        return "done"

    @server.tool(structured_output=False)
    async def fail() -> str:
        """Fails with an error of its own."""
        raise MCPError(-31999, "The disk is full.", {"disk": 7})

    @server.tool(structured_output=False)
    async def greet(ctx: Context) -> str | InputRequiredResult:
        """Greets the user by a name that it asks for."""
        if ctx.request_context.protocol_version < MODERN.decode():
            asked = await ctx.elicit("Who are you?", Name)
            return f"Hello, {asked.data.name}!" if asked.action == "accept" else "Hello, nobody!"
        answer = (ctx.input_responses or {}).get("who")
        if isinstance(answer, ElicitResult):
            return f"Hello, {(answer.content or {}).get('name', 'nobody')}!"
        params = ElicitRequestFormParams(message="Who are you?", requested_schema=Name.model_json_schema())
        return InputRequiredResult(input_requests={"who": ElicitRequest(params=params)}, request_state="s")

    subscribed: dict[tuple[int, str], Any] = {}

    @server.tool(structured_output=False)
    async def touch(ctx: Context) -> str:
        """Tells of a change of the note, in both generations' ways."""
        uri = f"{name}://notes/today"
        await ctx.notify_resource_updated(uri)
        for (_, watched), session in list(subscribed.items()):
            await session.send_resource_updated(watched)
        return "touched"

    async def subscribe(ctx: ServerRequestContext[Any, Any], params: SubscribeRequestParams) -> EmptyResult:
        stage.subscribed.append(str(params.uri))
        subscribed[id(ctx.session), str(params.uri)] = ctx.session
        return EmptyResult()

    async def unsubscribe(ctx: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams) -> EmptyResult:
        subscribed.pop((id(ctx.session), str(params.uri)), None)
        return EmptyResult()

    # MCPServer has no public way to serve what 2026-07-28 removed.
    server._lowlevel_server.add_request_handler("resources/subscribe", SubscribeRequestParams, subscribe)
    server._lowlevel_server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, unsubscribe)

    @server.resource(f"{name}://notes/today")
    def note() -> str:
        return f"A note of {name}."

    @server.resource(f"{name}://users/{{user}}/profile")
    def profile(user: str) -> str:
        return f"{user} at {name}"

    @server.prompt()
    def review(code: str) -> str:
        return f"Review this for {name}: {code}"

    @server.completion()
    async def complete(ref: object, argument: CompletionArgument, context: object) -> Completion:
        return Completion(values=[f"print() at {name}"])

    return server


class Observed:
    """Around the server's app: notes what comes in, and refuses the era that it is not to speak."""

    def __init__(self, app: ASGIApp, stage: Stage) -> None:
        self._app = app
        self._stage = stage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self._stage.headers.append(headers)
        is_modern = headers.get("mcp-protocol-version") == MODERN.decode()
        if self._stage.only == ("legacy" if is_modern else "modern"):
            await refuse(send, is_modern)
            return
        await self._app(scope, self._noted(receive), send)

    def _noted(self, receive: Receive) -> Receive:
        async def noted() -> Message:
            message = await receive()
            if message.get("body"):
                body = orjson.loads(message["body"])
                self._stage.messages.append(body)
                self._stage.lists += body.get("method") == "tools/list"
            return message

        return noted


async def refuse(send: Send, is_modern: bool) -> None:
    """As servers of the one era answer requests of the other."""
    error = {"code": -32022, "message": "Unsupported", "data": {"supported": [MODERN.decode()], "requested": "x"}}
    body = (
        b"Bad Request: unsupported protocol version"
        if is_modern
        else orjson.dumps({"jsonrpc": "2.0", "id": None, "error": error})
    )
    kind = b"text/plain" if is_modern else b"application/json"
    await send({"type": "http.response.start", "status": 400, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": body})


class Events(EventStore):
    """What a server keeps so that streams can be resumed."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        self._kept.append((stream_id, message))
        return str(len(self._kept))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        stream, _ = self._kept[int(last_event_id) - 1]
        for number, (other, message) in enumerate(self._kept, 1):
            if number > int(last_event_id) and other == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


@asynccontextmanager
async def mcp_running(
    name: str, stage: Stage, *, stateless: bool = False, resumable: bool = False
) -> AsyncIterator[str]:
    """Serve on a free port; gives the URL of the endpoint."""
    app = create_server(name, stage).streamable_http_app(
        stateless_http=stateless, json_response=stateless, event_store=Events() if resumable else None
    )
    listener = bind("127.0.0.1", 0, name)
    async with serving(Observed(app, stage), listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"


async def serve(port: int) -> None:
    """Serve on `port`, until killed."""
    listener = socket.create_server(("127.0.0.1", port), reuse_port=True)
    print(f"ready {listener.getsockname()[1]}", flush=True)
    app = create_server("mortal", Stage()).streamable_http_app()
    await uvicorn.Server(uvicorn.Config(app, log_level="error")).serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
