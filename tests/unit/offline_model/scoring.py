"""Requests scored over the network's own tools: right 1, an honest question or refusal ½, wrong -1."""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from agents import FunctionTool
from mcp import Client
from mcp_types import TextContent

from agentnet.errors import NotFoundError
from mcp_servers.data.engine import execute
from mcp_servers.data.models import Job, Outcome, Table
from mcp_servers.data.server import DataTools
from mcp_servers.data.sources import Found, table_name
from mcp_servers.data.sql import TASK_LOG_TYPES
from mcp_servers.hosting.tool_server import ToolServer
from mcp_servers.knowledge.library import Hit
from mcp_servers.knowledge.passages import split
from mcp_servers.knowledge.server import KnowledgeTools
from mcp_servers.toolbox.server import create_server
from offline_model.language.words import overlap
from tests.unit.offline_model.stand_ins import run

HERE = Path(__file__).parent / "scored"
DOCS = Path(__file__).parents[3] / "docs"
HONEST = "honest"
TOLERANCE = 5e-4
HONESTLY = re.compile(
    r"I cannot do this|I need one more thing|I found nothing that answers|This failed|cannot tell|Nobody in the network"
    r"|no column holds|There is no|I did not use|No tool here|I do not know what"
)
"""How the model says that it does not answer."""
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")

Expected = str | float


@dataclass(frozen=True)
class Scored:
    """A request with what a right answer says."""

    to: str
    table: str | None
    text: str
    expected: tuple[Expected, ...]
    folder: Path = HERE
    """Where the table lies."""
    documents: Mapping[str, str] | None = None
    """The documents that were ingested, by name; the network's own where it is None."""
    source: str | None = None
    """A table that was attached to an earlier message."""

    def score(self, answer: str) -> float:
        """1, ½ or -1."""
        honest = bool(HONESTLY.search(answer))
        if self.expected == (HONEST,):
            return 1.0 if honest else -1.0
        if all(_says(answer, piece) for piece in self.expected):
            return 1.0
        return 0.5 if honest else -1.0


def requests() -> list[Scored]:
    """The requests in their order."""
    groups = yaml.safe_load((HERE / "requests.yaml").read_text())
    return [
        Scored(group["to"], group.get("table"), text, tuple(expected))
        for group in groups
        for text, *expected in group["requests"]
    ]


def _says(answer: str, expected: Expected) -> bool:
    if not isinstance(expected, str):
        numbers = [float(found.replace(",", "")) for found in _NUMBER.findall(answer)]
        return any(abs(number - expected) <= TOLERANCE * max(abs(expected), 1e-9) for number in numbers)
    if expected.startswith("!"):
        return not re.search(rf"\b{re.escape(expected[1:])}\b", answer)
    if " before " in expected:
        first, others = expected.split(" before ")
        place = _place(answer, first)
        return place >= 0 and all(_place(answer, other) in {-1, *range(place, len(answer))} for other in others.split())
    return _place(answer, expected) >= 0


def _place(answer: str, word: str) -> int:
    found = re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", answer, re.IGNORECASE)
    return found.start() if found else -1


class _Sources:
    """The attached table of a request, and nothing else."""

    def __init__(self, name: str | None, folder: Path) -> None:
        self.name, self.folder = name, folder

    async def find(self, tenant: str) -> list[Found]:
        attached = [Found(uri_of(self.name), "file", 1)] if self.name else []
        return [Found("task_log", "tasks", 0), *attached]

    @asynccontextmanager
    async def open(self, tenant: str, sources: Sequence[str]) -> AsyncIterator[tuple[Table, ...]]:
        with TemporaryDirectory() as folder:  # as the real ones: what is read of a table lies beside it for a moment
            yield tuple(self._copied(source, Path(folder)) for source in sources)

    def _copied(self, source: str, folder: Path) -> Table:
        if source == "task_log":
            log = copy(HERE / "task_log.csv", folder)
            return Table(name=source, label=source, path=str(log), format="csv", types=TASK_LOG_TYPES)
        book, _, sheet = source.partition("#")
        if not self.name or book not in {self.name, uri_of(self.name)}:
            raise NotFoundError(f"There is no source {source!r} in the data folders.")
        path = str(copy(self.folder / self.name, folder))
        kind: Any = Path(self.name).suffix.removeprefix(".")
        return Table(name=table_name(self.name, set()), label=self.name, path=path, format=kind, sheet=sheet or None)


class _Sandbox:
    async def run(self, job: Job) -> Outcome:
        return execute(job)


class _Library:
    """The network's own documents, found by any word of a query, as the real one finds them."""

    def __init__(self, documents: Mapping[str, str] | None) -> None:
        own = {f"docs/{path.name}": path.read_text() for path in sorted(DOCS.glob("*.md"))}
        self._passages = [
            (name, passage)
            for name, text in (own if documents is None else documents).items()
            for passage in split(text, markdown=name.endswith(".md"))
        ]

    async def search(self, tenant: str, query: str, limit: int) -> list[Hit]:
        scored = [
            Hit(
                source,
                item.heading,
                item.first_line,
                item.text,
                round(overlap(query, f"{item.heading} {item.text}"), 3),
            )
            for source, item in self._passages
        ]
        return sorted((hit for hit in scored if hit.score), key=lambda hit: -hit.score)[:limit]

    async def is_empty(self, tenant: str) -> bool:
        return False


def uri_of(name: str) -> str:
    """The URI of an attached table."""
    return f"agentnet-file:{'ab' * 16}/{name}"


def message(request: Scored) -> str:
    """The message with the attached table, as the runtime writes it."""
    if not request.table:
        return request.text
    return f"{request.text}\n\nAttached files:\n- {request.table} (text/csv, 300 bytes): {uri_of(request.table)}"


@asynccontextmanager
async def tools(request: Scored) -> AsyncIterator[list[FunctionTool]]:
    """What the specialist that is asked has."""
    data = DataTools(_Sources(request.table or request.source, request.folder), _Sandbox())  # type: ignore[arg-type]
    knowledge = KnowledgeTools(_Library(request.documents), [])  # type: ignore[arg-type]
    offered = {
        "data": [data.list_sources, data.describe, data.query, data.summarize, data.chart],
        "knowledge": [knowledge.search, knowledge.read, knowledge.list_documents, knowledge.ingest],
    }
    async with AsyncExitStack() as stack:
        made: list[FunctionTool] = []
        for name in ("data", "toolbox") if request.to == "analyst" else ("knowledge", "toolbox"):
            server = (
                await create_server(None) if name == "toolbox" else ToolServer(name, description="", instructions="")
            )  # type: ignore[arg-type]
            for tool in offered.get(name, []):
                server.add_tool(tool)
            client = await stack.enter_async_context(Client(server))
            made += [_tool(client, name, tool) for tool in (await client.list_tools()).tools]
        yield made


def _tool(client: Client, server: str, tool: Any) -> FunctionTool:
    async def invoke(_: Any, arguments: str) -> str:
        result = await client.call_tool(tool.name, json.loads(arguments or "{}"))
        text = "\n".join(
            item.text if isinstance(item, TextContent) else "File: agentnet-file:" + "cd" * 16 + "/chart.png"
            for item in result.content
        )
        return f"Error: {text}" if result.is_error else text

    return FunctionTool(f"{server}_{tool.name}", tool.description or "", dict(tool.input_schema), invoke, False)


async def answer(request: Scored) -> str:
    """What the model answers."""
    async with tools(request) as offered:
        return (await run(message(request), offered)).answer
