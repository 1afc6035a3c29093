"""A stdio MCP server as somebody may write it, for the tests of supervised commands."""

import asyncio
import os
import subprocess
import sys
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp_types import CallToolResult, ToolAnnotations
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
async def hang(context: Context) -> str:
    """Never answer."""
    await context.report_progress(0)
    await asyncio.Event().wait()
    return ""


@server.tool()
async def die() -> str:
    """End the process in the middle of the call."""
    os._exit(3)


@server.resource("note://one")
def note() -> str:
    """A note."""
    return "a note"


@server.prompt()
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Say hello to {name}."


if __name__ == "__main__":
    server.run("stdio")
