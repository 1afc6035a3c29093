"""Results as text that a model reads well: Markdown tables, and what was left out."""

from collections.abc import Sequence
from typing import Any

from mcp_servers.data.models import Grid, Table


def table(grid: Grid, most: int | None = None) -> str:
    """The first `most` rows of `grid` as a Markdown table, with a line that says what is missing."""
    if not grid.columns:
        return "No columns."
    names = [column.name for column in grid.columns]
    lines = [_line(names), _line(["---"] * len(names)), *(_line(row) for row in grid.rows[:most])]
    shown = len(lines) - 2
    if grid.truncated or shown < len(grid.rows):
        of = f" of {grid.total_rows}" if grid.total_rows is not None else ""
        lines.append(f"\nThe first {shown}{of} rows; there are more.")
    elif not grid.rows:
        lines.append("\nNo rows.")
    if grid.notes:
        lines += ["\nNote:", *(f"- {note}" for note in grid.notes)]
    return "\n".join(lines)


def described(source: str, grid: Grid) -> str:
    """What `source` holds: size, columns, sample."""
    columns = "\n".join(f"- {column.name}: {column.type}" for column in grid.columns)
    sample = table(grid.model_copy(update={"truncated": False}))
    return f"{source} has {grid.total_rows} rows and {len(grid.columns)} columns:\n{columns}\n\nSample:\n{sample}"


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


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value).replace("|", "\\|").replace("\r", " ").replace("\n", " ")
