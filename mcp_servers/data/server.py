"""The data server: files and the task log as tables, asked with SQL, summarized and drawn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult, ContentBlock, ImageContent, TextContent
from pydantic import BaseModel, Field

from agentnet.files.store import FileStore
from agentnet.process.runtime import Runtime
from mcp_servers.data import text
from mcp_servers.data.models import (
    Chart,
    ChartKind,
    Describe,
    Function,
    Grid,
    Job,
    Outcome,
    Query,
    Summarize,
)
from mcp_servers.data.recognition import FORMATS
from mcp_servers.data.sandbox import Sandbox
from mcp_servers.data.sources import MAX_SOURCES, TASK_LOG, Asker, Sources, mentioned
from mcp_servers.hosting.caller import caller, origin_of
from mcp_servers.hosting.tool_server import READ_ONLY, ToolServer, database_ready

STATEMENT_SECONDS = 15.0
MEMORY_BYTES = 256 * 1024 * 1024
MAX_ROWS = 200
MAX_GROUPS = 500
SAMPLE_ROWS = 3
MAX_PLOTTED_ROWS = 60
"""Plotted numbers that are also said as text; all are in the structured content."""
MAX_SQL_CHARACTERS = 10_000

Source = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        description="What to read: task_log (this network's own tasks), a file URI agentnet-file:<id>/<name>, "
        "the name of an attached file, or a path that list_sources names; book.xlsx#Costs is a sheet of a workbook.",
        examples=["task_log", "sales.csv"],
    ),
]
ColumnName = Annotated[str, Field(min_length=1, max_length=200, description="A column; case and plural do not matter.")]
Where = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=2_000,
        description="SQL condition for the rows to take; left out takes all.",
        examples=["country = 'France' AND year(order_date) = 2024"],
    ),
]
OfValue = Annotated[
    Function | None,
    Field(description="How rows of a group become one number; left out: count without a value column, sum with one."),
]


class SourceInfo(BaseModel):
    """A source that the other tools take."""

    source: str = Field(description="What to pass as source.")
    kind: str = Field(description="tasks, file or path.")
    size: int = Field(description="Bytes; for the task log, tasks.")


class SourceList(BaseModel):
    """The sources there are."""

    sources: list[SourceInfo]


@dataclass(frozen=True, slots=True)
class DataTools:
    """The tools; `sources` reads for the caller and its task, `sandbox` does the work."""

    sources: Sources
    sandbox: Sandbox

    async def list_sources(self, context: Context[Any, Any]) -> SourceList:
        """The tables that can be read: the task log, files of this conversation, and shared data files."""
        found = await self.sources.find(_asker(context))
        return SourceList(sources=[SourceInfo(source=item.source, kind=item.kind, size=item.size) for item in found])

    async def describe(self, context: Context[Any, Any], source: Source) -> Annotated[CallToolResult, Grid]:
        """Columns with their types, the number of rows and three sample rows of a source. Use it before query."""
        outcome = await self._run(context, [source], Describe(sample=SAMPLE_ROWS))
        return _result(outcome, text.described(source, _grid(outcome)))

    async def query(
        self,
        context: Context[Any, Any],
        sql: Annotated[
            str,
            Field(
                min_length=1,
                max_length=MAX_SQL_CHARACTERS,
                description="One SELECT, WITH, DESCRIBE or SUMMARIZE statement of DuckDB. A file is the table of its "
                "name without the ending: sales.csv is sales.",
                examples=["SELECT agent, count(*) FROM task_log GROUP BY agent"],
            ),
        ],
        sources: Annotated[
            list[Source],
            Field(max_length=MAX_SOURCES, description="Sources to load; empty loads those that the SQL names."),
        ] = [],  # noqa: B006 - read only, and it is the published default
    ) -> Annotated[CallToolResult, Grid]:
        """Answer a question about tables with read-only SQL, joins included. For a single group-by, use summarize."""
        # Who asks in SQL has named them there already.
        named = list(sources) or mentioned(sql, await self.sources.find(_asker(context)))
        outcome = await self._run(context, named, Query(sql=sql, limit=MAX_ROWS))
        return _result(outcome, text.table(_grid(outcome)))

    async def summarize(
        self,
        context: Context[Any, Any],
        source: Source,
        group_by: Annotated[
            str | None,
            Field(
                min_length=1,
                max_length=400,
                description="Column to group by, or up to three with commas between; day, week, month, quarter or year "
                "where there is one column of dates; leave it out for the whole table.",
            ),
        ] = None,
        value: Annotated[
            str | None, Field(max_length=200, description="Column that the function works on; not needed for count.")
        ] = None,
        function: OfValue = None,
        limit: Annotated[int, Field(ge=1, le=MAX_GROUPS, description="Most groups to return, largest first.")] = 20,
        where: Where = None,
    ) -> Annotated[CallToolResult, Grid]:
        """Count, sum or average, by group or over all rows: one row for each group, largest first. No SQL needed."""
        request = Summarize(group_by=group_by, value=value, function=function, limit=limit, where=where)
        outcome = await self._run(context, [source], request)
        return _result(outcome, text.table(_grid(outcome)))

    async def chart(
        self,
        context: Context[Any, Any],
        source: Source,
        x: Annotated[
            ColumnName,
            Field(
                description="Column along the axis, or of the slices; day, week, month, quarter or year where there is "
                "one column of dates."
            ),
        ],
        kind: Annotated[ChartKind, Field(description="line and area for time, scatter for two numbers.")] = "bar",
        y: Annotated[
            str | None, Field(max_length=200, description="Column with numbers; left out counts rows.")
        ] = None,
        function: OfValue = None,
        title: Annotated[str | None, Field(max_length=120, description="Title; left out says what is drawn.")] = None,
        where: Where = None,
    ) -> Annotated[CallToolResult, Grid]:
        """Draw a bar, line, area, scatter or pie chart of a source as PNG, with the plotted numbers as text."""
        request = Chart(chart=kind, x=x, y=y, function=function, title=title, where=where)
        outcome = await self._run(context, [source], request)
        numbers = text.table(_grid(outcome), MAX_PLOTTED_ROWS)
        picture = ImageContent(type="image", data=outcome.png or "", mime_type="image/png")
        return _result(outcome, numbers, picture)

    async def _run(
        self, context: Context[Any, Any], sources: list[str], request: Describe | Query | Summarize | Chart
    ) -> Outcome:
        async with self.sources.open(_asker(context), sources) as tables:
            if isinstance(request, Query):
                request = request.model_copy(update={"sql": text.with_tables(request.sql, sources, tables)})
            job = Job(tables=tables, request=request, seconds=STATEMENT_SECONDS, memory_bytes=MEMORY_BYTES)
            return await self.sandbox.run(job)


def explore_table(
    source: Annotated[str, Field(max_length=500, description="A source that list_sources names.")],
) -> str:
    """Get to know a table: its columns, its gaps, what stands out, and a chart."""
    return (
        f"Get to know the table {source}. Describe it first; then count its rows, look for missing and odd values, "
        "summarize the most telling column by group, and draw one chart of it. Finish with three sentences on what "
        "stands out, each with its figure."
    )


def _asker(context: Context[Any, Any]) -> Asker:
    origin = origin_of(context)
    return Asker(caller(context).tenant, origin.task_id if origin else None)


def _grid(outcome: Outcome) -> Grid:
    return outcome.grid or Grid(columns=[], rows=[])


def _result(outcome: Outcome, words: str, *pictures: ImageContent) -> CallToolResult:
    content: list[ContentBlock] = [*pictures, TextContent(type="text", text=words)]
    return CallToolResult(content=content, structured_content=_grid(outcome).model_dump(mode="json"))


async def create_server(runtime: Runtime) -> ToolServer:
    """The data server on the database of `runtime`. Raises `UnavailableError` when that does not answer."""
    database = await runtime.database()
    settings = runtime.settings
    sandbox = Sandbox()
    tools = DataTools(Sources(database, FileStore(database, settings.max_file_bytes), settings.data_roots), sandbox)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        sandbox.prepare()
        try:
            yield
        finally:
            await sandbox.close()

    server = ToolServer(
        "data",
        description="Tables from CSV, TSV, Excel, Parquet and JSON files and the network's task log: SQL, charts.",
        instructions=f"Name a source: {TASK_LOG}, a file URI or a path from list_sources. Files: {', '.join(FORMATS)}.",
        ready=database_ready(database),
        lifespan=lifespan,
    )
    for tool in (tools.list_sources, tools.describe, tools.query, tools.summarize, tools.chart):
        server.add_tool(tool, annotations=READ_ONLY)
    server.prompt(title="Explore a table")(explore_table)
    return server
