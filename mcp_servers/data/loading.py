"""Files into DuckDB tables, with one clear line when a file is not what its name says, and notes on what was unsure."""

import csv
import re
from pathlib import Path

import duckdb

from agentnet.errors import InvalidInputError, NotFoundError, TooLargeError
from agentnet.plural import plural
from mcp_servers.data import kinds
from mcp_servers.data.columns import quoted
from mcp_servers.data.decoding import decode
from mcp_servers.data.layout import MAX_COLUMNS, Numbered, lay_out
from mcp_servers.data.models import Table
from mcp_servers.data.workbook import open_workbook

MAX_NOTES = 12

_NAMES = {"csv": "CSV", "tsv": "TSV", "parquet": "Parquet", "json": "JSON", "jsonl": "JSON Lines", "xlsx": "workbook"}


def load(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    """Make `table.name` from its file, and say what was left out or could be read in another way.

    Raises `InvalidInputError` in one line, `TooLargeError`, `NotFoundError` for a sheet.
    """
    if not Path(table.path).stat().st_size:
        raise InvalidInputError(f"{table.label} is empty.")
    try:
        notes = _create(connection, table)
    except duckdb.OutOfMemoryException:
        raise TooLargeError(f"{table.label} does not fit into the memory that one call may use.") from None
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise InvalidInputError(_unreadable(table, str(error))) from None
    columns = connection.table(table.name).columns
    if len(columns) > MAX_COLUMNS:
        raise TooLargeError(f"{table.label} has {len(columns)} columns; the limit is {MAX_COLUMNS}.")
    more = [f"{plural(len(notes) - MAX_NOTES, 'more note')} left out."] if len(notes) > MAX_NOTES else []
    return notes[:MAX_NOTES] + more


def _create(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    if table.format == "xlsx":
        return _sheets(connection, table)
    if table.format in {"csv", "tsv"} and not table.types:
        return _text_table(connection, table)
    connection.execute(f"CREATE TABLE {quoted(table.name)} AS SELECT * FROM {_reader(table)}")  # noqa: S608 - quoted
    return []


def _reader(table: Table) -> str:
    path = _text(table.path)
    if table.format == "parquet":
        return f"read_parquet({path})"
    if table.types:
        columns = ", ".join(f"{_text(name)}: {_text(kind)}" for name, kind in table.types.items())
        return f"read_csv({path}, delim=',', header=true, columns={{{columns}}})"
    kind = "newline_delimited" if table.format == "jsonl" else "auto"
    return f"read_json({path}, format='{kind}', sample_size=-1)"


def _text_table(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    try:
        text = decode(Path(table.path))
        delimiter = "\t" if table.format == "tsv" else text.delimiter()
        notes = _typed_table(connection, table, table.name, text.rows(delimiter), delimiter)
    except (csv.Error, UnicodeError) as error:
        raise InvalidInputError(f"{table.label} is not readable {_NAMES[table.format]}: {_odd(error)}.") from None
    return [*([f"It is not UTF-8 and read as {text.encoding}."] if text.is_guessed else []), *notes]


def _odd(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "its characters are in no known encoding"
    quotes = "expected after" in str(error) or "end of data" in str(error)
    return "a quote is opened and not closed as CSV has it" if quotes else str(error)


def _sheets(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    """The sheet that is meant as `table.name`, else the first; each other one under its own name too."""
    notes: list[str] = []
    read: dict[str, str] = {}
    with open_workbook(Path(table.path), table.label) as sheets:
        if table.sheet is not None and table.sheet not in sheets:
            raise NotFoundError(f"{table.label} has no sheet {table.sheet!r}; its sheets are {', '.join(sheets)}.")
        for sheet in sheets if table.sheet is None else (table.sheet,):
            name = _sheet_table(table.name, sheet, set(read.values())) if read else table.name
            try:
                said = _typed_table(connection, table, name, sheets[sheet])
            except InvalidInputError:
                # A cover or an empty sheet is no table.
                continue
            notes += said if not read else [f"{sheet}: {note}" for note in said]
            read[sheet] = name
    if not read:
        raise InvalidInputError(f"{table.label} has no table in {table.sheet or 'any of its sheets'}.")
    first, *others = read
    if others:
        named = ", ".join(f"{sheet} ({read[sheet]} in SQL)" for sheet in others)
        notes.insert(0, f"This is its sheet {first}; others are {named}. Name one as {table.label}#{others[0]}.")
    return notes


def _sheet_table(book: str, sheet: str, taken: set[str]) -> str:
    plain = re.sub(r"\W+", "_", sheet.lower()).strip("_") or "sheet"
    name = f"{book}_{plain}"
    return name if name not in taken else f"{name}_{len(taken) + 1}"


def _typed_table(
    connection: duckdb.DuckDBPyConnection, table: Table, name: str, rows: Numbered, delimiter: str = ","
) -> list[str]:
    """Make the table `name` from rows of text; those that cannot be part of it are told."""
    clean = Path(f"{table.path}.{len(name)}.csv")
    laid = lay_out(rows, clean, table.label)
    texts = f"{name} as text"
    columns = ", ".join(f"{_text(column)}: 'VARCHAR'" for column in laid.names)
    connection.execute(
        f"CREATE TEMP VIEW {quoted(texts)} AS SELECT * FROM read_csv({_text(str(clean))}, delim=',', quote='\"', "  # noqa: S608
        f"escape='\"', new_line='\\r\\n', header=true, auto_detect=false, columns={{{columns}}})"
    )
    selected: list[str] = []
    for column, typed in kinds.typed(connection, texts, laid.names, laid.sample, delimiter):
        selected.append(f"{typed.sql} AS {quoted(column)}")
        laid.notes.extend(typed.notes)
    connection.execute(f"CREATE TABLE {quoted(name)} AS SELECT {', '.join(selected)} FROM {quoted(texts)}")  # noqa: S608
    connection.execute(f"DROP VIEW {quoted(texts)}")
    clean.unlink()
    return laid.notes


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _unreadable(table: Table, error: str) -> str:
    what = f"{table.label} is not readable {_NAMES[table.format]}"
    if malformed := re.search(r"Malformed JSON in file .*?, (.+)", error):
        return f"{what}: {malformed[1].strip().rstrip('.')}."
    return f"{what}."
