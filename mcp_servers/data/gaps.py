"""What a statement did not see: cells that are empty in the tables that it counts over, joins or chooses from.

Rows that are shown as they are show their empty cells themselves.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb

from agentnet.plural import plural
from mcp_servers.data.columns import quoted

MAX_TOLD = 8
"""Columns of one table, each in a sentence; the others are named."""
MAX_NAMED = 30
EVERYTHING = frozenset({"STAR", "POSITIONAL_REFERENCE"})
"""Classes of expressions that stand for columns without their names."""

Connection = duckdb.DuckDBPyConnection


@dataclass(slots=True)
class _Use:
    """What a statement does, as DuckDB's own parser has it."""

    tables: set[str] = field(default_factory=set[str])
    aliases: set[str] = field(default_factory=set[str])
    names: set[str] = field(default_factory=set[str])
    """Of values: columns, or a table's own, which is a row of it as one value."""
    of_all: bool = False
    """Whether it takes columns without naming them."""
    computes: bool = False
    """Whether rows are counted with, joined or chosen: what is empty then is not seen."""

    def look(self, node: Any, aggregates: Collection[str]) -> None:
        for each in node if isinstance(node, list) else node.values() if isinstance(node, dict) else ():
            if isinstance(each, (dict, list)):
                self.look(each, aggregates)
        if isinstance(node, dict):
            self._note(node, aggregates)

    def _note(self, node: dict[str, Any], aggregates: Collection[str]) -> None:
        kind = node.get("type")
        if kind == "BASE_TABLE":
            self.tables.add(str(node.get("table_name")).lower())
            self.aliases.add(str(node.get("alias")).lower())
        self.of_all |= node.get("class") in EVERYTHING or node.get("ref_type") == "NATURAL"
        self.computes |= kind == "JOIN" or node.get("class") == "WINDOW" or node.get("function_name") in aggregates
        self.computes |= any(node.get(clause) for clause in ("where_clause", "having", "qualify"))
        if kind == "COLUMN_REF" and len(names := node.get("column_names") or []) == 1:
            self.names.add(str(names[0]).lower())

    @property
    def takes_all(self) -> bool:
        """Whether it may have taken any column."""
        return self.of_all or bool(self.names & (self.tables | self.aliases))


def gaps(connection: Connection, sql: str, apart: Collection[str], *, is_cut: bool) -> list[str]:
    """Sentences on the columns that `sql` takes of any table but those `apart`, and that are empty in some rows.

    `is_cut`: its rows are not all shown.
    """
    there = [str(name) for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
    use = _use(connection, sql, there)
    if not (use.computes or is_cut):
        return []
    words = set(re.findall(r"\w+", sql.lower()))
    told: list[str] = []
    for table in there:
        if table.lower() in use.tables and table not in apart:
            columns = [name for name in connection.table(table).columns if use.takes_all or _words(name) <= words]
            told += _told(_empty(connection, table, columns), table)
    return told


def _use(connection: Connection, sql: str, there: Collection[str]) -> _Use:
    use = _Use()
    try:
        ((text,),) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
        aggregates = connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'aggregate'"
        ).fetchall()
        tree = json.loads(text)
        if tree.get("error"):
            raise ValueError(tree)
        use.look(tree, {name for (name,) in aggregates} - {"count_star"})
    except (duckdb.Error, ValueError, RecursionError):
        # It has no tree of what it cannot say in one SELECT, such as PIVOT: then more is told than need be.
        return _Use({name.lower() for name in there if _words(name) <= _words(sql)}, of_all=True, computes=True)
    return use


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _empty(connection: Connection, table: str, columns: list[str]) -> list[tuple[str, int, int]]:
    """Columns with empty cells: name, how many of them, of how many rows."""
    if not columns:
        return []
    counted = ", ".join(f"count({quoted(name)})" for name in columns)
    total, *filled = connection.execute(f"SELECT count(*), {counted} FROM {quoted(table)}").fetchone() or (0,)  # noqa: S608
    pairs = zip(columns, filled, strict=True)
    return [(name, total - count, total) for name, count in pairs if count < total]


def _told(empty: list[tuple[str, int, int]], table: str) -> Iterator[str]:
    for name, number, total in empty[:MAX_TOLD]:
        yield f"{name} is empty in {number} of {plural(total, 'row')} of {table}."
    if others := [name for name, *_ in empty[MAX_TOLD:]]:
        more = ", ".join(others[:MAX_NAMED]) + (" and others" if len(others) > MAX_NAMED else "")
        yield f"So are, in some rows of {table}: {more}."
