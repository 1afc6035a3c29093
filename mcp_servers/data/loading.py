"""Files into DuckDB tables, with one clear line when a file is not what its name says."""

import csv
import re
from pathlib import Path

import duckdb

from agentnet.errors import InvalidInputError, TooLargeError
from mcp_servers.data.columns import quoted
from mcp_servers.data.models import Table

HEAD_BYTES = 64 * 1024
DELIMITERS = (",", ";", "\t", "|")
MAX_COLUMNS = 500

_NAMES = {"csv": "CSV", "tsv": "TSV", "parquet": "Parquet", "json": "JSON", "jsonl": "JSON Lines"}


def load(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Make `table.name` from its file. Raises `InvalidInputError` in one line, `TooLargeError`."""
    if not Path(table.path).stat().st_size:
        raise InvalidInputError(f"{table.label} is empty.")
    try:
        _create(connection, table)
    except duckdb.OutOfMemoryException:
        raise TooLargeError(f"{table.label} does not fit into the memory that one call may use.") from None
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise InvalidInputError(_unreadable(table, str(error))) from None
    columns = connection.table(table.name).columns
    if len(columns) > MAX_COLUMNS:
        raise TooLargeError(f"{table.label} has {len(columns)} columns; the limit is {MAX_COLUMNS}.")


def _create(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    create = f"CREATE TABLE {quoted(table.name)} AS SELECT * FROM "  # noqa: S608 - quoted
    try:
        connection.execute(create + _reader(table))
    except duckdb.InvalidInputException as error:
        # Spreadsheets still save Latin-1; every byte is a character in it, so this reads any file that UTF-8 does not.
        if "utf-8" not in str(error) or table.format not in {"csv", "tsv"}:
            raise
        connection.execute(create + _reader(table, "latin-1"))


def _reader(table: Table, encoding: str = "utf-8") -> str:
    path = _text(table.path)
    if table.format == "parquet":
        return f"read_parquet({path})"
    if table.format in {"json", "jsonl"}:
        kind = "newline_delimited" if table.format == "jsonl" else "auto"
        return f"read_json({path}, format='{kind}', sample_size=-1)"
    if table.types:
        columns = ", ".join(f"{_text(name)}: {_text(kind)}" for name, kind in table.types.items())
        return f"read_csv({path}, delim=',', header=true, columns={{{columns}}})"
    delimiter = "\t" if table.format == "tsv" else _delimiter(table.path)
    # The dialect is given, not detected: detection skips the lines that do not fit, and says nothing.
    return (
        f"read_csv({path}, delim={_text(delimiter)}, quote='\"', escape='\"', skip=0, sample_size=-1, "
        f"encoding='{encoding}', strict_mode=true)"
    )


def _delimiter(path: str) -> str:
    with Path(path).open("rb") as file:
        head = file.readline(HEAD_BYTES).decode("utf-8", "replace")
    # A comma inside of quotes separates nothing.
    unquoted = re.sub(r'"[^"]*"', "", head)
    return max(DELIMITERS, key=unquoted.count)


def _odd_line(table: Table) -> str | None:
    """What is wrong with the first line that has another number of fields than the header."""
    delimiter = "\t" if table.format == "tsv" else _delimiter(table.path)
    with Path(table.path).open(encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter)
        try:
            expected = len(next(rows, []))
            for row in rows:
                if row and len(row) != expected:
                    return f"in line {rows.line_num} there are {len(row)} columns where {expected} are expected"
        except csv.Error as error:
            return f"in line {rows.line_num} there is a {error}"
    return None


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _unreadable(table: Table, error: str) -> str:
    what = f"{table.label} is not readable {_NAMES[table.format]}"
    line = re.search(r"Line:? (\d+)", error)
    at = f" in line {line[1]}" if line else ""
    if counts := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", error):
        return f"{what}:{at} there are {counts[2]} columns where {counts[1]} are expected."
    if table.format in {"csv", "tsv"} and (odd := _odd_line(table)):
        return f"{what}: {odd}."
    if malformed := re.search(r"Malformed JSON in file .*?, (.+)", error):
        return f"{what}: {malformed[1].strip().rstrip('.')}."
    return f"{what}{at}."
