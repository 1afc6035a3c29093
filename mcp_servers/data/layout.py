"""Rows as they are into a file that DuckDB reads without a guess: named columns, each row as wide as the header.

Nothing goes without a word: titles, rows that do not fit and rows that end early are told, with how many they are.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from agentnet.errors import InvalidInputError, TooLargeError
from agentnet.plural import plural
from mcp_servers.data.header import find_header

SAMPLE_ROWS = 100
MAX_COLUMNS = 500
MAX_LEFT_OUT = 0.2
"""Share of rows that may be left out; beyond it the file is no table."""
SHOWN_LINES = 3
_TOTALS = frozenset({"total", "totals", "sum", "grand total", "overall", "gesamt", "summe", "total général", "totale"})

Numbered = Iterator[tuple[int, list[str]]]


@dataclass(slots=True)
class Oddity:
    """Rows of one kind that are told: how many, and the lines of the first."""

    count: int = 0
    lines: list[str] = field(default_factory=list[str])

    def add(self, line: int) -> None:
        """One more, in this line."""
        self.count += 1
        if len(self.lines) < SHOWN_LINES:
            self.lines.append(str(line))

    def __str__(self) -> str:
        more = "" if self.count == len(self.lines) else " and others"
        return f"line{'s' * (self.count > 1)} {', '.join(self.lines)}{more}"


@dataclass(slots=True)
class Laid:
    """A table as it was written."""

    names: list[str]
    sample: list[list[str]]
    """Its first rows."""
    rows: int = 0
    notes: list[str] = field(default_factory=list[str])


def lay_out(rows: Iterable[tuple[int, list[str]]], target: Path, label: str) -> Laid:
    """Write the table that `rows` are to `target`, as CSV. Raises `InvalidInputError`, `TooLargeError`."""
    filled: Numbered = ((line, cells) for line, cells in rows if any(map(str.strip, cells)))
    sample = list(islice(filled, SAMPLE_ROWS))
    if not sample:
        raise InvalidInputError(f"{label} is empty.")
    header = find_header([cells for _, cells in sample])
    if len(header.names) > MAX_COLUMNS:
        raise TooLargeError(f"{label} has {len(header.names)} columns; the limit is {MAX_COLUMNS}.")
    laid = Laid(header.names, [cells for _, cells in sample[header.rows :]], notes=header.notes)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
        writer.writerow(laid.names)
        for cells in _fitting(chain(sample[header.rows :], filled), laid, label):
            writer.writerow(cells)
            laid.rows += 1
    if not laid.rows:
        laid.notes.append("It has no rows: its only line names the columns.")
    return laid


def _fitting(rows: Numbered, laid: Laid, label: str) -> Iterator[list[str]]:
    width = len(laid.names)
    short, long = Oddity(), Oddity()
    first_long, last = "", [""]
    for line, cells in rows:
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if len(cells) > width:
            expected = f"{width} {'is' if width == 1 else 'are'} expected"
            first_long = first_long or f"in line {line} there are {len(cells)} columns where {expected}"
            long.add(line)
            continue
        if len(cells) < width:
            short.add(line)
            cells.extend([""] * (width - len(cells)))
        last = cells
        yield cells
    total = laid.rows + long.count
    if long.count > MAX_LEFT_OUT * total:
        raise InvalidInputError(f"{label} is not readable CSV: {first_long}.")
    if long.count:
        laid.notes.append(
            f"{long.count} of {plural(total, 'row')} {'is' if long.count == 1 else 'are'} left out, with more cells "
            f"than the {plural(width, 'column')}: {long}."
        )
    if short.count:
        laid.notes.append(
            f"{_counted(short.count)} fewer cells than the {plural(width, 'column')}, the rest is empty: {short}."
        )
    if last[0].strip().lower().rstrip(":") in _TOTALS:
        laid.notes.append(f"The last row says “{last[0].strip()}”; it is counted like the others.")


def _counted(count: int) -> str:
    return "1 row has" if count == 1 else f"{count} rows have"
