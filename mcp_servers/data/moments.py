"""Dates and moments as people write them, in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from mcp_servers.data.columns import quoted

_DAYS = ("%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y",
         "%Y%m%d", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")  # fmt: skip
_TIMES = (" %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_TWINS = {"%m/%d/%Y": "%d/%m/%Y", "%d-%m-%Y": "%m-%d-%Y", "%m/%d/%y": "%d/%m/%y"}
"""Formats that read the same text as two dates, where the day is at most 12."""
_OFFSET = r"'.*\d\d:\d\d.*([+-]\d\d(:?\d\d)?|Z)'"


@dataclass(frozen=True, slots=True)
class Moments:
    """How a column is read as dates or moments."""

    sql: str
    note: str = ""


def read_moments(connection: duckdb.DuckDBPyConnection, table: str, column: str, cell: str) -> Moments | None:
    """The way to read every value of `column`, `cell` in SQL, as a date, a time of day or a moment, if there is one."""
    scanned = f"FROM {quoted(table)} WHERE {cell} IS NOT NULL"
    some = connection.execute(f"SELECT {cell} {scanned} LIMIT 1").fetchone()
    if some is None:
        return None

    def all_of(expressions: Sequence[str]) -> list[bool]:
        wanted = ", ".join(f"bool_and({expression})" for expression in expressions)
        return list(connection.execute(f"SELECT {wanted} {scanned}").fetchone() or ()) if expressions else []

    first = "'" + str(some[0]).replace("'", "''") + "'"
    # All cells are looked at only for what the first may be.
    likely = [way for way in _iso(cell) if connection.execute(f"SELECT {_iso(first)[way]}").fetchone() == (True,)]
    for way, fits in zip(likely, all_of([_iso(cell)[way] for way in likely]), strict=True):
        if fits:
            return Moments(f"TRY_CAST({cell} AS {way})")
    possible = _formats(connection, str(some[0]))
    fitting = all_of([f"try_strptime({cell}, '{form}') IS NOT NULL" for form in possible])
    return _chosen([form for form, fits in zip(possible, fitting, strict=True) if fits], cell)


def _iso(cell: str) -> dict[str, str]:
    """The types that read ISO 8601, each with the condition that `cell` is one."""
    return {
        "DATE": rf"regexp_full_match({cell}, '\d{{4,6}}-\d{{1,2}}-\d{{1,2}}') AND TRY_CAST({cell} AS DATE) IS NOT NULL",
        "TIME": rf"regexp_full_match({cell}, '\d\d?:\d\d(:\d\d(\.\d+)?)?') AND TRY_CAST({cell} AS TIME) IS NOT NULL",
        "TIMESTAMPTZ": f"regexp_full_match({cell}, {_OFFSET}) AND TRY_CAST({cell} AS TIMESTAMPTZ) IS NOT NULL",
        "TIMESTAMP": rf"regexp_matches({cell}, '^\d{{4,6}}-\d\d?-\d\d?([ T]|$)') "
        f"AND TRY_CAST({cell} AS TIMESTAMP) IS NOT NULL",
    }


def _formats(connection: duckdb.DuckDBPyConnection, value: str) -> list[str]:
    """Those that read one value: all others are not tried."""
    known = [day + time for time in ("", *_TIMES) for day in _DAYS]
    tried = ", ".join(f"try_strptime(?, '{form}') IS NOT NULL" for form in known)
    row: Sequence[bool] = connection.execute(f"SELECT {tried}", [value] * len(known)).fetchone() or ()
    # 20240131 is a number as well.
    return [form for form, fits in zip(known, row, strict=True) if fits and form != "%Y%m%d"]


def _chosen(fitting: list[str], cell: str) -> Moments | None:
    if not fitting:
        return None
    form = fitting[0]
    day, _, time = form.partition(" %H") if " %H" in form else form.partition(" %I")
    twin = _TWINS.get(day)
    unsure = twin is not None and any(other.startswith(twin) for other in fitting[1:])
    kind = "TIMESTAMP" if time else "DATE"
    order = "the day before the month" if day.startswith("%d") else "the month before the day"
    note = f"is read with {order}; both ways fit" if unsure else ""
    return Moments(f"CAST(try_strptime({cell}, '{form}') AS {kind})", note)
