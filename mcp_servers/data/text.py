"""Results as text that a model reads well: Markdown tables, and what was left out."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from agentnet.plural import plural
from mcp_servers.data.models import Grid, Table
from mcp_servers.data.values import EXACT_DIGITS

NOISE_DIGITS = 12
"""A number with at most so many digits is one that noise was added to; with more it never ends, as a third does."""
DECIMALS = 4
"""Of a number that never ends, which is told; of a small one, as many digits that are not the zeros before them."""

LONGEST = 20
"""Digits before the point from which on a power of ten is written."""


def table(grid: Grid, most: int | None = None) -> str:
    """The first `most` rows of `grid` as a Markdown table, with a line that says what is missing."""
    if not grid.columns:
        return "No columns."
    names = [column.name for column in grid.columns]
    lines = [_line(names), _line(["---"] * len(names)), *(_line(row) for row in grid.rows[:most])]
    shown = len(lines) - 2
    if grid.truncated or shown < len(grid.rows):
        of = f" of {grid.total_rows}" if grid.total_rows is not None else ""
        lines.append(f"\nThe first {shown}{of} {'row' if shown == 1 and not of else 'rows'}; there are more.")
    elif not grid.rows:
        lines.append("\nNo rows.")
    if notes := [*grid.notes, *_rounded(names, grid.rows[:most])]:
        lines += ["\nNote:", *(f"- {note}" for note in notes)]
    return "\n".join(lines)


def described(source: str, grid: Grid) -> str:
    """What `source` holds: size, columns, sample."""
    columns = "\n".join(f"- {column.name}: {column.type}" for column in grid.columns)
    sample = table(grid.model_copy(update={"truncated": False}))
    size = f"{plural(grid.total_rows or 0, 'row')} and {plural(len(grid.columns), 'column')}"
    return f"{source} has {size}:\n{columns}\n\nSample:\n{sample}"


def with_tables(sql: str, sources: Sequence[str], tables: Sequence[Table]) -> str:
    """`sql` with sources that stand in quotes, as people write file names, replaced by their tables."""
    for source, name in zip(dict.fromkeys(sources), tables, strict=False):
        for quote in "'\"":
            for said in (source, name.label):
                sql = sql.replace(f"{quote}{said}{quote}", f'"{name.name}"')
        # A URI is written without quotes, too; the sheet's name after # is part of it.
        if ":" in source:
            sql = sql.replace(source, f'"{name.name}"')
    return sql


def _line(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(_shown(value) for value in cells) + " |"


def _rounded(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """A sentence on the columns that have numbers which are not shown with all their digits."""
    found = [name for at, name in enumerate(names) if any(_never_ends(row[at]) for row in rows)]
    return [f"Rounded to {DECIMALS} decimals: {', '.join(found)}."] if found else []


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return number(value)
    return str(value).replace("|", "\\|").replace("\r", " ").replace("\n", " ")


def number(value: float) -> str:
    """`value` with all its digits and without the noise of floats, or with `DECIMALS` where it never ends."""
    exact = _exact(value)
    if _never_ends(value):
        # 0.00123456 has more decimals than it has digits.
        places = DECIMALS - min(exact.adjusted() + 1, 0)
        exact = round(Decimal(repr(value)), places)
    if exact.adjusted() > LONGEST:
        return f"{value:.{EXACT_DIGITS}g}"
    return f"{exact.normalize() + 0:f}"


def _exact(value: float) -> Decimal:
    return Decimal(f"{value:.{EXACT_DIGITS}g}").normalize()


def _never_ends(value: Any) -> bool:
    if not isinstance(value, float):
        return False
    exact = _exact(value)
    return len(repr(value).strip("-0").replace(".", "").partition("e")[0].rstrip("0")) > EXACT_DIGITS and (
        len(exact.as_tuple().digits) > NOISE_DIGITS
    )
