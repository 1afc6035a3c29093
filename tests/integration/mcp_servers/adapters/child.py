"""A stdio MCP server as somebody may write it, for the tests of supervised commands."""

import asyncio
import os
import subprocess
import sys
from typing import Any

from mcp import MCPError
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import (
    CallToolResult,
    EmptyResult,
    SamplingMessage,
    SubscribeRequestParams,
    TextContent,
    ToolAnnotations,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel


class Child(MCPServer[Any]):
    """One that does not check its own results."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        if name == "liar":
            return CallToolResult(content=[], structured_content={"text": 1})
        return await super().call_tool(name, arguments, context)


server = Child("child", instructions="A child.")


class Promise(BaseModel):
    """What a result should be."""

    text: str


kept: list[str] = []
cancelled: list[str] = []


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def keep(text: str) -> list[str]:
    """Keep a text and return all that were kept."""
    kept.append(text)
    return kept


@server.tool()
def environment() -> dict[str, str]:
    """The variables in the environment."""
    return dict(os.environ)


@server.tool()
def pids(spawn: bool = False) -> list[int]:
    """This process, and one that it started if it was told to."""
    started = [subprocess.Popen(["sleep", "600"]).pid] if spawn else []
    return [os.getpid(), *started]


@server.tool()
def liar() -> Promise:
    """Promise a text, and give a number."""
    return Promise(text="")


@server.tool()
def shout(size: int) -> str:
    """A text of that size."""
    print("shouting", file=sys.stderr, flush=True)
    return "x" * size


@server.tool()
async def steps(context: Context) -> str:
    """Tell of progress."""
    await context.report_progress(1, 2, "half way")
    return "done"


@server.tool()
def beside(context: Context) -> list[str]:
    """The names of what is said beside the call."""
    return list(context.request_context.meta or ())


@server.tool()
async def hang(context: Context) -> str:
    """Never answer."""
    await context.report_progress(0)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        cancelled.append("hang")
        raise
    return ""


@server.tool()
def ended() -> list[str]:
    """The calls that were cancelled."""
    return cancelled


@server.tool()
async def die() -> str:
    """End the process in the middle of the call."""
    os._exit(3)


class Name(BaseModel):
    """What a host is asked for."""

    name: str


@server.tool()
async def ask(context: Context, question: str = "Who is there?") -> str:
    """Ask the host for a name."""
    answer = await context.elicit(question, Name)
    return f"{answer.action}: {answer.data.name if answer.action == 'accept' else 'nobody'}"


@server.tool()
async def sample(context: Context) -> str:
    """Have the host's model speak."""
    message = SamplingMessage(role="user", content=TextContent(text="Say hello."))
    made = await context.session.create_message([message], max_tokens=10)
    return made.content.text if isinstance(made.content, TextContent) else made.content.type


@server.tool()
async def roots(context: Context) -> list[str]:
    """The host's roots."""
    return [str(root.uri) for root in (await context.session.list_roots()).roots]


@server.tool()
async def grow(context: Context, name: str) -> str:
    """Have one more tool from now on, and say so."""
    server.add_tool(add, name=name)
    await context.session.send_tool_list_changed()
    return name


@server.tool()
async def touch(context: Context, uri: str) -> str:
    """Say that a resource changed."""
    await context.session.send_resource_updated(uri)
    return uri


@server.tool()
async def log(context: Context, text: str) -> str:
    """Log a text to the host."""
    await context.session.send_log_message("info", text, related_request_id=context.request_id)
    return text


@server.resource("note://one")
def note() -> str:
    """A note."""
    return "a note"


@server.prompt()
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Say hello to {name}."


async def take(*_: Any) -> EmptyResult:
    """Take a subscription; what is subscribed to is told of anyway."""
    return EmptyResult()


for method, params in (
    ("resources/subscribe", SubscribeRequestParams),
    ("resources/unsubscribe", UnsubscribeRequestParams),
):
    server._lowlevel_server.add_request_handler(method, params, take)


async def refuse_handshake(context: Any, call_next: Any) -> Any:
    """Middleware of a server of the 2026-07-28 revision only."""
    if context.method == "initialize":
        raise MCPError(-32601, "There is no initialize here.")
    return await call_next(context)


if __name__ == "__main__":
    if "--modern" in sys.argv:
        server._lowlevel_server.middleware.insert(0, refuse_handshake)
    server.run("stdio")
