"""What the data server and its worker process say to each other, as JSON."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Function = Literal["count", "sum", "avg", "min", "max", "median"]
ChartKind = Literal["bar", "line", "area", "scatter", "pie"]
Format = Literal["csv", "tsv", "parquet", "json", "jsonl", "xlsx"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Table(_Frozen):
    """A file that becomes a table in memory."""

    name: str
    """Its name in SQL."""
    label: str
    """What the caller calls it; errors say this, never the path."""
    path: str
    format: Format
    types: dict[str, str] | None = None
    """DuckDB types by column, where they are known."""
    sheet: str | None = None
    """The sheet of a workbook; without it the first that has a table."""


class Describe(_Frozen):
    """Columns, types, number of rows and the first rows of the first table."""

    kind: Literal["describe"] = "describe"
    sample: int


class Query(_Frozen):
    """The rows of one reading statement."""

    kind: Literal["query"] = "query"
    sql: str
    limit: int


class Summarize(_Frozen):
    """One row for each group of the first table, largest first; without a group, one for the whole table."""

    kind: Literal["summarize"] = "summarize"
    group_by: str | None
    value: str | None
    function: Function | None
    limit: int
    where: str | None = None
    """SQL condition that the rows meet."""


class Chart(_Frozen):
    """A picture of the first table, and the numbers in it."""

    kind: Literal["chart"] = "chart"
    chart: ChartKind
    x: str
    y: str | None
    function: Function | None
    title: str | None
    where: str | None = None
    """SQL condition that the rows meet."""


class Job(_Frozen):
    """Load the tables, then answer the request."""

    tables: tuple[Table, ...]
    request: Annotated[Describe | Query | Summarize | Chart, Field(discriminator="kind")]
    seconds: float
    """After this time the statement is interrupted."""
    memory_bytes: int
    """Memory that DuckDB may use."""


class Column(BaseModel):
    """A column of a result."""

    name: str
    type: str = Field(description="DuckDB type.")


class Grid(BaseModel):
    """Rows and columns."""

    columns: list[Column]
    rows: list[list[Any]] = Field(description="One list for each row, in the order of the columns.")
    total_rows: int | None = Field(default=None, description="Rows there are in all, where that is known.")
    truncated: bool = Field(default=False, description="True when there are more rows than are given.")
    notes: list[str] = Field(
        default=[], description="What was left out of the source, or could be read in another way; tell it on."
    )


class Outcome(BaseModel):
    """What a job came to: a grid, with a picture for a chart, or an error."""

    grid: Grid | None = None
    png: str | None = None
    """Base64."""
    error: str | None = None
    too_large: bool = False
