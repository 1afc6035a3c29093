"""The work of one job on DuckDB: load, close every door to the outside, answer. Runs in the worker process.

The doors: no external access once the tables are loaded, no extension installed or loaded, and a locked
configuration so that no statement can open them again.
"""

import base64
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from agentnet.errors import InvalidInputError, TooLargeError
from mcp_servers.data import drawing
from mcp_servers.data.columns import quoted
from mcp_servers.data.gaps import gaps
from mcp_servers.data.grouping import Grouping, group, points
from mcp_servers.data.loading import load
from mcp_servers.data.models import Chart, Column, Describe, Grid, Job, Outcome, Query, Summarize, Table
from mcp_servers.data.values import cell, selected

THREADS = 2
MAX_GRID_CHARACTERS = 100_000
READING = "Only one SELECT, WITH, DESCRIBE or SUMMARIZE statement is taken."

_ENDING = re.compile(r"\s*;\s*(?:--[^\n']*\n?\s*)*\Z")
"""A semicolon and comments at the end: the statement is put into parentheses."""

Connection = duckdb.DuckDBPyConnection


def execute(job: Job) -> Outcome:
    """Do `job`. Raises `InvalidInputError`, `TooLargeError`."""
    connection = duckdb.connect(":memory:", config=_configuration(job.memory_bytes))
    with _interrupted(connection, job.seconds):
        try:
            # Moments with a zone are shown in it; else in that of the machine.
            connection.execute("SET TimeZone = 'UTC'")
            # A name in SQL is a table's, never a variable's of this process.
            connection.execute("SET python_enable_replacements = false")
            notes = [note for table in job.tables for note in _notes(connection, table, len(job.tables) > 1)]
            connection.execute("SET enable_external_access = false")
            # After this no statement can open what was closed.
            connection.execute("SET lock_configuration = true")
            return _noted(_answer(connection, job), notes)
        except duckdb.InterruptException:
            raise TooLargeError(f"The statement took longer than the limit of {job.seconds:g} seconds.") from None
        except (duckdb.OutOfMemoryException, MemoryError):
            raise TooLargeError(f"The statement needs more than the limit of {job.memory_bytes >> 20} MiB.") from None
        except duckdb.Error as error:
            raise InvalidInputError(_first_line(error, job)) from None


def _notes(connection: Connection, table: Table, named: bool) -> list[str]:
    return [f"{table.label}: {note}" if named else note for note in load(connection, table)]


def _noted(outcome: Outcome, notes: list[str]) -> Outcome:
    if outcome.grid is None or not notes:
        return outcome
    grid = outcome.grid.model_copy(update={"notes": [*notes, *outcome.grid.notes]})
    return outcome.model_copy(update={"grid": grid})


def _configuration(memory_bytes: int) -> dict[str, Any]:
    return {
        "threads": str(THREADS),
        "memory_limit": f"{memory_bytes >> 20}MiB",
        "temp_directory": "",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
    }


@contextmanager
def _interrupted(connection: Connection, seconds: float) -> Iterator[None]:
    # The statement blocks this thread: only another one can interrupt it.
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        connection.close()


def _answer(connection: Connection, job: Job) -> Outcome:
    request = job.request
    if isinstance(request, Query):
        return Outcome(grid=_query(connection, request, job.tables))
    table = job.tables[0].name
    if isinstance(request, Describe):
        return Outcome(grid=_describe(connection, table, request.sample))
    notes: list[str] = []
    if request.where:
        table, notes = _narrowed(connection, job.tables[0], request.where)
    if isinstance(request, Summarize):
        return _noted(Outcome(grid=_grouped(connection, group(connection, table, request))), notes)
    return _noted(_chart(connection, table, request), notes)


def _narrowed(connection: Connection, table: Table, where: str) -> tuple[str, list[str]]:
    """A view of the rows of `table` that meet `where`, and what is empty in the columns that it is chosen by."""
    chosen = f"FROM {quoted(table.name)} WHERE (\n{where}\n)"
    sql = _reading(connection, f"SELECT * {chosen}")
    name = f"{table.name} where"
    connection.execute(f"CREATE TEMP VIEW {quoted(name)} AS {sql}")
    return name, gaps(connection, f"SELECT 1 {chosen}", [table.name] if table.types else [], is_cut=False)


def _reading(connection: Connection, sql: str) -> str:
    """`sql` without its end, if it is one statement that reads. Raises `InvalidInputError`."""
    try:
        statements = connection.extract_statements(sql)
    except duckdb.ParserException as error:
        raise InvalidInputError(f"The SQL cannot be read: {_message(error)}.", hint=READING) from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise InvalidInputError(READING, hint="The data cannot be changed, and no file or address can be opened.")
    return _ENDING.sub("", statements[0].query)


def _query(connection: Connection, request: Query, tables: Sequence[Table]) -> Grid:
    sql = _reading(connection, request.sql)
    # On lines of its own: a comment at the end of the statement would swallow the parenthesis.
    limited = f"SELECT * FROM (\n{sql}\n) LIMIT {request.limit + 1}"  # noqa: S608 - one SELECT, parsed above
    grid = grid_of(connection, limited, request.limit)
    typed = {table.name for table in tables if table.types}
    return grid.model_copy(update={"notes": gaps(connection, sql, typed, is_cut=grid.truncated)})


def _describe(connection: Connection, table: str, sample: int) -> Grid:
    name = quoted(table)
    (total,) = connection.execute(f"SELECT count(*) FROM {name}").fetchone() or (0,)  # noqa: S608 - quoted
    grid = grid_of(connection, f"SELECT * FROM {name} LIMIT {sample}", sample)  # noqa: S608 - quoted
    return grid.model_copy(update={"total_rows": total, "truncated": total > len(grid.rows)})


def _grouped(connection: Connection, grouping: Grouping) -> Grid:
    grid = grid_of(connection, grouping.sql, grouping.limit)
    total = grid.rows[0][-1] if grid.rows else 0
    return Grid(
        columns=grid.columns[:-1],
        rows=[row[:-1] for row in grid.rows],
        total_rows=total,
        truncated=total > len(grid.rows),
        notes=list(grouping.notes),
    )


def _chart(connection: Connection, table: str, request: Chart) -> Outcome:
    grouping = points(connection, table, request)
    grid = _grouped(connection, grouping)
    if not grid.rows:
        raise InvalidInputError("There are no rows to draw.")
    png = drawing.draw(request, grouping, grid)
    return Outcome(grid=grid, png=base64.b64encode(png).decode())


def grid_of(connection: Connection, sql: str, limit: int) -> Grid:
    """The first `limit` rows of `sql`, cut where cells or the whole get too long."""
    relation = connection.sql(sql)
    kinds = [kind.id for kind in relation.types]
    columns = [Column(name=name, type=str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]
    names = [f"c{position}" for position in range(len(columns))]
    cursor = connection.execute(f"SELECT {selected(names, kinds)} FROM (\n{sql}\n) AS t({', '.join(names)})")  # noqa: S608
    rows: list[list[Any]] = []
    size = 0
    for values in cursor.fetchmany(limit + 1):
        row = [cell(value, kind) for value, kind in zip(values, kinds, strict=True)]
        size += sum(len(str(value)) for value in row)
        if len(rows) == limit or size > MAX_GRID_CHARACTERS:
            return Grid(columns=columns, rows=rows, truncated=True)
        rows.append(row)
    return Grid(columns=columns, rows=rows)


def _message(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0]
    return first.partition("Error: ")[2].rstrip(".! ") or first.rstrip(".! ") or type(error).__name__


def _first_line(error: duckdb.Error, job: Job) -> str:
    if isinstance(error, duckdb.PermissionException):
        return "SQL here cannot open files or addresses; name files in `sources` and use their tables."
    tables = ", ".join(f"{table.name} ({table.label})" for table in job.tables) or "none; name them in `sources`"
    if isinstance(error, duckdb.CatalogException) and "Table with name" in str(error):
        return f"{_message(error).partition('! ')[0]}; the tables are {tables}."
    if isinstance(error, duckdb.BinderException):
        binding = "; ".join(line.strip() for line in str(error).splitlines()[:3] if line.strip())
        return binding.partition("Error: ")[2].partition("; LINE")[0].rstrip(".") + "."
    return f"{_message(error)}."
