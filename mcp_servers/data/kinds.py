"""Columns of text into columns of what they hold: numbers, dates, moments, truth values, else text.

A column gets a type only if every cell that says something fits. What is read in a way that is not the only one, and
which spellings are taken as missing, is told.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from agentnet.plural import plural
from mcp_servers.data import numerals
from mcp_servers.data.columns import quoted
from mcp_servers.data.header import MISSING, is_value
from mcp_servers.data.moments import read_moments
from mcp_servers.data.numerals import Style

GLANCED_COLUMNS = 100
COUNTED_COLUMNS = 10
"""Looked at in one pass over a file: each takes some MiB for the time of the pass."""
MOSTLY = 0.5
"""Share of numbers from which on a column of text is told as numbers with some cells that are none."""
MAX_DECIMALS = 4
"""Prices and rates have no more; what has more is measured."""
DECIMAL_DIGITS = 18
SURE_VALUES = 20
MAX_SHOWN = 40

_SPELT = ", ".join("'" + spelling.replace("'", "''") + "'" for spelling in sorted(MISSING))
_LONGEST = max(map(len, MISSING))
_CODE = r"'0\d+|[+-]?\d{19,}'"
_PLAIN = r"'[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?'"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cells of a column are what."""

    rows: int
    filled: int
    values: int
    """Cells that are neither empty nor a spelling of missing."""
    truths: int
    whole: int
    codes: int
    """Numbers that begin with a zero or have 19 digits and more: postcodes, article numbers, accounts."""
    plain: int
    point: int
    comma: int
    unclear: int
    """1,234: a thousand or one and a bit."""
    percents: int
    currencies: list[str | None] | None
    example: str | None
    """Of those that are unclear."""
    odd: str | None
    """Of those that are no number."""

    @property
    def signs(self) -> list[str]:
        """The currencies that are named."""
        return sorted(filter(None, self.currencies or []))

    @property
    def mixed(self) -> str:
        """Why its numbers must not be added up, where that is so."""
        if len(self.signs) > 1:
            return f"has amounts in {' and '.join(self.signs)}"
        if self.percents not in {0, self.values}:
            return f"has a percent sign in {self.percents} of {plural(self.values, 'cell')}"
        return ""

    def style(self, usual: Style) -> Style:
        """How its numbers are written: as most of them fit, else as usual."""
        return usual if self.point == self.comma else "point" if self.point > self.comma else "comma"

    def numbers(self, style: Style) -> int:
        """How many are numbers in that style."""
        return self.point if style == "point" else self.comma


@dataclass(frozen=True, slots=True)
class Typed:
    """What a column becomes: an expression for SQL, and what is told about it."""

    sql: str
    notes: tuple[str, ...] = ()


def value(column: str) -> str:
    """SQL of the text in `column`, NULL where it is empty or a spelling of missing."""
    return _said(numerals.trimmed(quoted(column)))


def _said(text: str) -> str:
    # Most cells are longer than any of the spellings, and need no look at each.
    return f"CASE WHEN length({text}) > {_LONGEST} OR lower({text}) NOT IN ({_SPELT}) THEN {text} END"


def count(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> dict[str, Counts]:
    """Look at every cell of `columns`, which are text."""
    found: dict[str, Counts] = {}
    for batch in _batches(columns, COUNTED_COLUMNS):
        # In steps, so that what is costly is done once, and only for cells that are not plain numbers.
        read = ", ".join(f"{numerals.trimmed(quoted(name))} AS raw{at}" for at, name in enumerate(batch))
        steps = (_looked, _read, _bared, _fitted)
        sql = f"SELECT {read} FROM {quoted(table)}"  # noqa: S608 - quoted
        for step in steps:
            sql = f"SELECT *, {', '.join(map(step, range(len(batch))))} FROM ({sql})"  # noqa: S608
        sql = f"SELECT {', '.join(map(_counted, range(len(batch))))} FROM ({sql})"  # noqa: S608
        row: tuple[Any, ...] = connection.execute(sql).fetchone() or ()
        size = len(row) // len(batch)
        found |= {name: Counts(*row[at * size : (at + 1) * size]) for at, name in enumerate(batch)}
    return found


def _glance(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> dict[str, Counts]:
    """The columns that have plain numbers only, or nothing: most of them, and told with one look."""
    found: dict[str, Counts] = {}
    for batch in _batches(columns, GLANCED_COLUMNS):
        wanted = ", ".join(
            rf"count({name}), count(*) FILTER (regexp_full_match({name}, {_PLAIN})), "
            rf"count(*) FILTER (regexp_full_match({name}, '[+-]?\d{{1,18}}')), "
            f"count(*) FILTER (regexp_full_match({name}, {_CODE}))"
            for name in map(quoted, batch)
        )
        row: tuple[Any, ...] = connection.execute(f"SELECT count(*), {wanted} FROM {quoted(table)}").fetchone() or ()  # noqa: S608
        for at, name in enumerate(batch):
            filled, plain, whole, codes = row[1 + 4 * at : 5 + 4 * at]
            if filled == plain:
                found[name] = Counts(
                    rows=row[0], filled=filled, values=filled, whole=whole, codes=codes, plain=plain, point=plain,
                    comma=whole, truths=0, unclear=0, percents=0, currencies=None, example=None, odd=None,
                )  # fmt: skip
    return found


def _batches(columns: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (columns[start : start + size] for start in range(0, len(columns), size))


def _looked(at: int) -> str:
    return f"regexp_full_match(raw{at}, {_PLAIN}) AS plain{at}"


def _read(at: int) -> str:
    whole = rf"CASE WHEN plain{at} THEN regexp_full_match(raw{at}, '[+-]?\d{{1,18}}') ELSE false END"
    return f"CASE WHEN plain{at} THEN raw{at} ELSE {_said(f'raw{at}')} END AS v{at}, {whole} AS whole{at}"


def _bared(at: int) -> str:
    return f"CASE WHEN plain{at} THEN v{at} ELSE {numerals.bare(f'v{at}')} END AS b{at}"


def _fitted(at: int) -> str:
    point = f"CASE WHEN plain{at} THEN true ELSE {numerals.fits(f'b{at}', 'point')} END"
    comma = f"CASE WHEN whole{at} THEN true ELSE {numerals.fits(f'b{at}', 'comma')} END"
    return f"{point} AS point{at}, {comma} AS comma{at}"


def _counted(at: int) -> str:
    unclear = f"point{at} AND comma{at} AND NOT whole{at} AND regexp_matches(b{at}, '[.,]')"
    truth = f"lower(v{at}) IN ('true', 'false', 'yes', 'no')"
    signed = f"CASE WHEN NOT plain{at} THEN {{}} END"
    return ", ".join(
        (
            "count(*)",
            f"count(*) FILTER (raw{at} <> '')",
            f"count(v{at})",
            f"count(*) FILTER ({signed.format(truth)})",
            f"count(*) FILTER (whole{at})",
            f"count(*) FILTER (plain{at} AND regexp_full_match(v{at}, {_CODE}))",
            f"count(*) FILTER (plain{at})",
            f"count(*) FILTER (point{at})",
            f"count(*) FILTER (comma{at})",
            f"count(*) FILTER ({unclear})",
            f"count(*) FILTER ({signed.format(numerals.percent(f'v{at}'))})",
            f"list(DISTINCT {signed.format(numerals.currency(f'v{at}'))})",
            f"min(v{at}) FILTER ({unclear})",
            f"min(v{at}) FILTER (NOT point{at} AND NOT comma{at})",
        )
    )


def _prose(columns: Sequence[str], sample: Sequence[Sequence[str]]) -> set[str]:
    """The columns that are text at first sight: to look at each of their cells is what takes time."""
    found: set[str] = set()
    for at, column in enumerate(columns):
        said = [row[at] for row in sample if at < len(row) and row[at].strip().lower() not in MISSING]
        if len(said) >= SURE_VALUES and sum(map(is_value, said)) < MOSTLY / 5 * len(said):
            found.add(column)
    return found


def typed(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[str],
    sample: Sequence[Sequence[str]],
    delimiter: str,
) -> Iterator[tuple[str, Typed]]:
    """Each column of `table` with what it becomes; `sample` are its first rows."""
    prose = _prose(columns, sample)
    counted = _glance(connection, table, [column for column in columns if column not in prose])
    counted |= count(connection, table, [column for column in columns if column not in prose and column not in counted])
    usual = _usual(counted.values(), delimiter)
    if usual == "comma":
        # 1.234 may be a thousand then.
        counted |= count(connection, table, [name for name, counts in counted.items() if counts.plain > counts.whole])
    for column in columns:
        if column in prose:
            yield column, _as_prose(connection, table, column)
        else:
            yield column, _typed(connection, table, column, counted[column], usual)


def _as_prose(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> Typed:
    """A column without numbers: moments or text."""
    read = read_moments(connection, table, column, value(column))
    if read is None:
        return Typed(f"NULLIF({quoted(column)}, '')")
    note = (f"{column} {read.note}.",) if read.note else ()
    return Typed(read.sql, note)


def _usual(counted: Collection[Counts], delimiter: str) -> Style:
    """How a file writes what can be read in two ways: as its columns that can be read in one way only."""
    sure = [counts for counts in counted if counts.values and counts.values in {counts.point, counts.comma}]
    commas = sum(counts.comma > counts.point for counts in sure)
    points = sum(counts.point > counts.comma for counts in sure)
    if commas == points:
        # Semicolons are written where the comma is taken.
        return "comma" if delimiter == ";" else "point"
    return "comma" if commas > points else "point"


def _typed(connection: duckdb.DuckDBPyConnection, table: str, column: str, counts: Counts, usual: Style) -> Typed:
    if not counts.values:
        return _as_text(column, counts, usual) if not counts.filled else Typed(value(column), _missing(column, counts))
    if counts.truths == counts.values:
        return Typed(f"CAST({value(column)} AS BOOLEAN)", _missing(column, counts))
    style = counts.style(usual)
    if counts.numbers(style) == counts.values and not counts.mixed and not counts.codes:
        return _as_number(connection, table, column, counts, style)
    if not counts.codes and (read := read_moments(connection, table, column, value(column))):
        note = (f"{column} {read.note}.",) if read.note else ()
        return Typed(read.sql, note + _missing(column, counts))
    return _as_text(column, counts, usual)


def _as_number(connection: duckdb.DuckDBPyConnection, table: str, column: str, counts: Counts, style: Style) -> Typed:
    notes = list(_missing(column, counts))
    if counts.signs:
        notes.append(f"{column} is in {counts.signs[0]}; the sign is left out.")
    if counts.percents:
        notes.append(f"{column} is in percent: 12% is read as 12.")
    if (
        counts.unclear == counts.point + counts.comma - counts.values
        and counts.example
        and counts.point == counts.comma
    ):
        mark = "thousands" if ("," in counts.example) == (style == "point") else "decimals"
        notes.append(f"{column} can be read in two ways: the sign in {counts.example} is taken to begin {mark}.")
    if counts.whole == counts.values:
        return Typed(f"TRY_CAST({quoted(column)} AS BIGINT)", tuple(notes))
    is_plain = counts.plain == counts.values and style == "point"
    # What spells missing is no number, nan apart.
    said = _without_nan(column, counts) if is_plain else value(column)
    kind = _kind(connection, table, said, style)
    return Typed(f"TRY_CAST({said} AS {kind})" if is_plain else numerals.number(said, style, kind), tuple(notes))


def _kind(connection: duckdb.DuckDBPyConnection, table: str, said: str, style: Style) -> str:
    """The type of numbers with decimals: amounts of money are added up exactly, measurements are floats."""
    whole, decimals = numerals.digits(said, style)
    row = connection.execute(
        f"SELECT max({whole}), max({decimals}), count(*) FILTER ({whole} IS NULL AND {said} IS NOT NULL) "  # noqa: S608
        f"FROM {quoted(table)}"
    ).fetchone()
    before, behind, powers = row or (None, None, 0)
    if before is None or behind is None or powers:
        return "DOUBLE"
    is_exact = behind <= MAX_DECIMALS and before + behind <= DECIMAL_DIGITS
    return f"DECIMAL({DECIMAL_DIGITS}, {behind})" if is_exact else "DOUBLE"


def _without_nan(column: str, counts: Counts) -> str:
    return quoted(column) if counts.filled == counts.values else value(column)


def _as_text(column: str, counts: Counts, usual: Style) -> Typed:
    style = counts.style(usual)
    numbers = counts.numbers(style)
    kept = f"NULLIF({quoted(column)}, '')"
    if counts.mixed and numbers >= MOSTLY * counts.values:
        return Typed(kept, (f"{column} stays text: it {counts.mixed}.",))
    if counts.codes and numbers == counts.values:
        return Typed(kept, (f"{column} stays text: some of its numbers begin with 0 or have over 18 digits.",))
    if counts.values and MOSTLY * counts.values <= numbers < counts.values:
        odd = counts.values - numbers
        said = f", such as “{counts.odd[:MAX_SHOWN]}”" if counts.odd else ""
        which = f"{odd} of {plural(counts.values, 'cell')} {'is' if odd == 1 else 'are'} no number"
        return Typed(kept, (f"{column} stays text: {which}{said}.",))
    return Typed(kept)


def _missing(column: str, counts: Counts) -> tuple[str, ...]:
    spelt = counts.filled - counts.values
    say = "says" if spelt == 1 else "say"
    told = f"{column}: {spelt} of {plural(counts.rows, 'cell')} {say} that there is no value, such as NA or -."
    return (told,) if spelt else ()
