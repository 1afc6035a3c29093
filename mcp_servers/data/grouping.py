"""Groups of a table: the SQL that counts, sums and buckets, for `summarize` and for charts."""

from dataclasses import dataclass

import duckdb

from agentnet.errors import InvalidInputError
from agentnet.plural import plural
from mcp_servers.data import kinds, numerals
from mcp_servers.data.columns import match_column, match_columns, quoted
from mcp_servers.data.models import Chart, Function, Summarize

MAX_GROUP_COLUMNS = 3
MAX_BARS = 40
MAX_SLICES = 12
MAX_LINE_POINTS = 500
MAX_DOTS = 2000
MAX_BUCKETS = 60
MAX_SHOWN = 40
PERIODS = ("day", "week", "month", "quarter", "year")
"""What may be named in place of the one column of moments, which is grouped by it then."""

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
            "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL")  # fmt: skip
_BUCKETS = (("minute", 60), ("hour", 3600), ("day", 86_400), ("week", 604_800), ("month", 2_629_800))


@dataclass(frozen=True, slots=True)
class Grouping:
    """A query whose last column is the number of groups there are."""

    sql: str
    limit: int
    x: str
    """What the first column means."""
    y: str
    """What the measure means."""
    temporal: bool = False
    numeric: bool = False
    notes: tuple[str, ...] = ()
    """What the measure leaves out."""


@dataclass(frozen=True, slots=True)
class _Measure:
    sql: str
    meaning: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Table:
    connection: duckdb.DuckDBPyConnection
    name: str
    types: dict[str, str]

    def is_number(self, column: str) -> bool:
        return self.types[column].startswith(_NUMBERS)

    def is_moment(self, column: str) -> bool:
        return self.types[column].startswith(("DATE", "TIMESTAMP"))

    def one(self, expression: str) -> object:
        row = self.connection.execute(f"SELECT {expression} FROM {quoted(self.name)}").fetchone()  # noqa: S608
        return row[0] if row else None


def _table(connection: duckdb.DuckDBPyConnection, name: str) -> _Table:
    relation = connection.table(name)
    return _Table(connection, name, dict(zip(relation.columns, map(str, relation.types), strict=True)))


def group(connection: duckdb.DuckDBPyConnection, name: str, request: Summarize) -> Grouping:
    """The groups that `request` asks for, largest first, or the whole table as one.

    Raises `InvalidInputError` for wrong columns.
    """
    table = _table(connection, name)
    measured = _measure(table, request.value, request.function)
    measure, meaning = measured.sql, measured.meaning
    if request.group_by is None:
        whole = f"SELECT {measure} AS {quoted(meaning)}, 1 AS groups FROM {quoted(name)}"  # noqa: S608
        return Grouping(whole, 1, name, meaning, notes=measured.notes)
    period = _period(table, request.group_by)
    columns = [period[1]] if period else match_columns(request.group_by, list(table.types))
    if not 1 <= len(columns) <= MAX_GROUP_COLUMNS:
        raise InvalidInputError(f"group_by takes 1 to {MAX_GROUP_COLUMNS} columns.")
    keys = [period] if period else [_key(table, column) for column in columns]
    selected = ", ".join(f"{key} AS {quoted(label)}" for key, label in keys)
    by = ", ".join(str(position + 1) for position in range(len(keys)))
    value = len(keys) + 1
    sql = (
        f"SELECT {selected}, {measure} AS {quoted(meaning)}, count(*) OVER () AS groups FROM {quoted(name)} "  # noqa: S608
        f"GROUP BY {by} ORDER BY {value} DESC NULLS LAST, {by} LIMIT {request.limit}"
    )
    return Grouping(sql, request.limit, ", ".join(columns), meaning, notes=measured.notes)


def points(connection: duckdb.DuckDBPyConnection, name: str, request: Chart) -> Grouping:
    """The points of a chart. Raises `InvalidInputError` for wrong columns."""
    table = _table(connection, name)
    period = _period(table, request.x)
    x = period[1].rpartition(" (")[0] if period else match_column(request.x, list(table.types))
    if request.chart == "scatter":
        return _dots(table, x, request.y)
    key, label = period or _key(table, x)
    measured = _measure(table, request.y, request.function)
    measure, meaning = measured.sql, measured.meaning
    ordered = request.chart in {"line", "area"}
    limit = MAX_LINE_POINTS if ordered else MAX_SLICES if request.chart == "pie" else MAX_BARS
    by_key = ordered or table.is_moment(x)
    # Lines and moments go along the axis; bars begin with the largest.
    order = "1 NULLS LAST" if by_key else "2 DESC NULLS LAST, 1"
    sql = (
        f"SELECT {key} AS {quoted(label)}, {measure} AS {quoted(meaning)}, count(*) OVER () AS groups "  # noqa: S608
        f"FROM {quoted(name)} GROUP BY 1 ORDER BY {order} LIMIT {limit}"
    )
    temporal, numeric = table.is_moment(x), table.is_number(x)
    return Grouping(sql, limit, label, meaning, temporal=temporal, numeric=numeric, notes=measured.notes)


def _dots(table: _Table, x: str, y: str | None) -> Grouping:
    if y is None:
        raise InvalidInputError("A scatter chart needs y, a column with numbers.")
    column = match_column(y, list(table.types))
    number = _number(table, column)
    sql = (
        f"SELECT {quoted(x)} AS {quoted(x)}, {number} AS {quoted(column)}, "  # noqa: S608
        f"count(*) OVER () AS rows_in_all FROM {quoted(table.name)} "
        f"WHERE {quoted(x)} IS NOT NULL AND {number} IS NOT NULL LIMIT {MAX_DOTS}"
    )
    temporal, numeric = table.is_moment(x), table.is_number(x)
    return Grouping(
        sql, MAX_DOTS, x, column, temporal=temporal, numeric=numeric, notes=_left_out(table, column, number)
    )


def _period(table: _Table, name: str) -> tuple[str, str] | None:
    """The expression and label of "month" and its like, where no column has that name and one has moments."""
    unit = name.strip().lower().removesuffix("s")
    moments = [column for column in table.types if table.is_moment(column)]
    if unit not in PERIODS or len(moments) != 1 or unit in {column.lower().removesuffix("s") for column in table.types}:
        return None
    return f"CAST(date_trunc('{unit}', {quoted(moments[0])}) AS DATE)", f"{moments[0]} ({unit})"


def _key(table: _Table, column: str) -> tuple[str, str]:
    """The expression that a column is grouped by, and its label; moments fall into buckets of a fitting size."""
    name = quoted(column)
    if not table.is_moment(column):
        return name, column
    distinct = table.one(f"count(DISTINCT {name})")
    if isinstance(distinct, int) and distinct <= MAX_BUCKETS and table.types[column] == "DATE":
        return name, column
    span = table.one(f"coalesce(epoch(max({name})) - epoch(min({name})), 0)")
    seconds = float(span) if isinstance(span, int | float) else 0.0
    unit = next((unit for unit, size in _BUCKETS if seconds / size <= MAX_BUCKETS), "year")
    kind = "DATE" if unit not in {"minute", "hour"} else "TIMESTAMP"
    return f"CAST(date_trunc('{unit}', {name}) AS {kind})", f"{column} ({unit})"


def _measure(table: _Table, value: str | None, function: Function | None) -> _Measure:
    if value is None:
        if function not in {None, "count"}:
            numbers = ", ".join(filter(table.is_number, table.types)) or "none here"
            raise InvalidInputError(f"{function} needs a column with numbers, which are: {numbers}.")
        return _Measure("count(*)", "count")
    column = match_column(value, list(table.types))
    function = function or "sum"
    if function == "count":
        return _Measure(f"count({quoted(column)})", f"count of {column}")
    meaning = f"{function} of {column}"
    if function in {"min", "max"} and table.is_moment(column):
        return _Measure(f"{function}({quoted(column)})", meaning)
    number = _number(table, column)
    return _Measure(f"{function}({number})", meaning, _left_out(table, column, number))


def _number(table: _Table, column: str) -> str:
    """`column` as numbers. Raises `InvalidInputError` when it has none, or some that must not be added up."""
    if table.is_number(column):
        return quoted(column)
    if table.types[column] == "VARCHAR":
        # A column of a CSV may be text for one odd cell in a thousand.
        counts = kinds.count(table.connection, table.name, [column])[column]
        style = counts.style("point")
        if counts.numbers(style) and counts.mixed:
            raise InvalidInputError(f"{column} cannot be added up: it {counts.mixed}.")
        if counts.numbers(style):
            return numerals.number(kinds.value(column), style)
    numbers = ", ".join(filter(table.is_number, table.types)) or "none here"
    raise InvalidInputError(f"{column} has no numbers; the columns with numbers are: {numbers}.")


def _left_out(table: _Table, column: str, number: str) -> tuple[str, ...]:
    """What is said where some rows have no number."""
    row = table.connection.execute(
        f"SELECT count(*), count({number}), min({quoted(column)}) FILTER ({number} IS NULL) FROM {quoted(table.name)}"  # noqa: S608
    ).fetchone()
    rows, numbers, odd = row or (0, 0, None)
    if rows == numbers:
        return ()
    said = f", such as “{str(odd)[:MAX_SHOWN]}”" if odd is not None else ""
    without = rows - numbers
    verb, they = ("has", "it is") if without == 1 else ("have", "they are")
    return (f"{without} of {plural(rows, 'row')} {verb} no number in {column}{said}; {they} left out.",)
