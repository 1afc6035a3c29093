"""The files of a new MCP server."""

from pathlib import Path

_SERVER = '''\
"""The MCP server {name}: one `MCPServer` of the SDK, with the folder's name. More in its documentation."""

from typing import Annotated

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

server = MCPServer(
    "{name}",
    description="Counts words, characters and lines of a text.",
    instructions="Use count_words whenever the length of a text matters; never count by yourself.",
)


class Count(BaseModel):
    """How long a text is."""

    words: int
    characters: int
    lines: int


@server.tool(annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))
async def count_words(text: Annotated[str, Field(max_length=100_000, description="The text to count.")]) -> Count:
    """Count the words, characters and lines of a text."""
    return Count(words=len(text.split()), characters=len(text), lines=len(text.splitlines()))


@server.prompt(title="How long is it?")
def how_long(text: Annotated[str, Field(description="The text.")]) -> str:
    """Ask how long a text is."""
    return f"How many words, characters and lines has this text?\\n\\n{{text}}"
'''

_TEST = """\
import asyncio

from mcp import Client
from server import server


def test_a_text_is_counted() -> None:
    async def call() -> object:
        async with Client(server) as client:
            return (await client.call_tool("count_words", {{"text": "the quick brown fox"}})).structured_content

    assert asyncio.run(call()) == {{"words": 4, "characters": 19, "lines": 1}}
"""

_README = """\
# {name}

An MCP server of an Agent Network. Run it with the network: `agentnet up --servers {directory}`, or alone beside one
that runs: `agentnet serve mcp {name} --servers {directory}`.

Its test needs pytest beside agentnet, in the same environment:

    python -m pip install pytest
    python -m pytest {directory}/{name}

Every host of the network gets its tool as `{name}__count_words`. A specialist uses it when its `agent.yaml` says
`mcp_servers: [{name}]`. Say in a tool's annotations whether it only reads, destroys, or may be repeated: the network
acts on it.
"""


def mcp_files(name: str, directory: Path) -> dict[str, str]:
    """Name and text of each file of the MCP server `name` in `directory`."""
    values = {"name": name, "directory": directory}
    files = {"server.py": _SERVER, "test_server.py": _TEST, "README.md": _README}
    return {file: text.format(**values) for file, text in files.items()}
