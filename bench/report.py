"""What a benchmark brings home, and how it is written: results.md, results.json and one picture."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from bench.statistics import Spread, number

RESULTS = Path(__file__).with_name("results")

Cell = str | float | int | Spread | None

WIDTH = 900
LABEL_WIDTH = 230
VALUE_WIDTH = 150
BAR = 16
ROW = 22
TITLE = 34
COLOURS = {"agentnet": "#1b6e53"}
OTHER_COLOUR = "#a8b3bd"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of figures."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and what was measured against it."""

    what: str
    target: str
    measured: str
    reached: bool


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart of bars on a logarithmic scale."""

    title: str
    unit: str
    values: tuple[tuple[str, Spread], ...]


@dataclass(slots=True)
class Result:
    """What one benchmark found."""

    name: str
    title: str
    tables: list[Table] = field(default_factory=list[Table])
    verdicts: list[Verdict] = field(default_factory=list[Verdict])
    bars: list[Bars] = field(default_factory=list[Bars])
    notes: list[str] = field(default_factory=list[str])
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    """When it ran, on what, and how busy the machine was."""


def write(results: Sequence[Result], directory: Path) -> None:
    """Write the three files. Results of benchmarks that did not run this time stay as they were."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "results.json"
    known: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    for result in results:
        known[result.name] = _plain(asdict(result))
    file.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")
    (directory / "results.svg").write_text(_picture(known.values()))
    (directory / "results.md").write_text(_page(known.values()))


def _plain(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _page(results: Iterable[dict[str, Any]]) -> str:
    results = list(results)
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Figures with a range are medians over interleaved rounds, with the least and the",
        "most; ratios are taken within a round. CPU figures are steadier than rates when the machine is busy.",
        "",
        "| target | to reach | measured | reached |",
        "| --- | --- | --- | --- |",
    ]
    for result in results:
        for verdict in result["verdicts"]:
            reached = "yes" if verdict["reached"] else "**no**"
            lines.append(f"| {verdict['what']} | {verdict['target']} | {verdict['measured']} | {reached} |")
    lines += ["", "![Bars of the most important figures](results.svg)"]
    for result in results:
        lines += ["", f"## {result['title']}", ""]
        lines += [", ".join(f"{key}: {value}" for key, value in result["facts"].items()) + "."]
        for table in result["tables"]:
            lines += ["", f"**{table['title']}**", "", _row(table["columns"]), _row(["---"] * len(table["columns"]))]
            lines += [_row([_cell(cell) for cell in row]) for row in table["rows"]]
        lines += [line for note in result["notes"] for line in ("", note)]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(cell: Any) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, dict):
        return str(_spread(cell))
    if isinstance(cell, float):
        return number(cell)
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _spread(plain: dict[str, Any]) -> Spread:
    return Spread(*(math.nan if plain[name] is None else float(plain[name]) for name in ("median", "low", "high")))


def _picture(results: Iterable[dict[str, Any]]) -> str:
    charts: list[dict[str, Any]] = [chart for result in results for chart in result["bars"]]
    parts: list[str] = []
    top = 10
    for chart in charts:
        drawn, height = _chart(chart, top)
        parts += drawn
        top += height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}" '
        f'font-family="system-ui, sans-serif" font-size="13">\n'
        f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _chart(chart: dict[str, Any], top: int) -> tuple[list[str], int]:
    """The elements of one chart and its height."""
    values = [(label, _spread(spread)) for label, spread in chart["values"]]
    known = [spread for _, spread in values if spread.median > 0]
    parts = [_text(12, top + 18, f"{chart['title']} ({chart['unit']}, logarithmic)", weight="bold")]
    if not known:
        return parts, TITLE
    least, most = min(spread.low for spread in known) / 2, max(spread.high for spread in known)
    for index, (label, spread) in enumerate(values):
        y = top + TITLE + index * ROW
        parts.append(_text(LABEL_WIDTH - 8, y + 12, label, anchor="end"))
        if not spread.median > 0:
            continue
        end, low, high = (_x(value, least, most) for value in (spread.median, spread.low, spread.high))
        colour = next((found for name, found in COLOURS.items() if label.startswith(name)), OTHER_COLOUR)
        parts.append(
            f'<rect x="{LABEL_WIDTH}" y="{y}" width="{end - LABEL_WIDTH:.1f}" height="{BAR}" fill="{colour}"/>'
        )
        middle = y + BAR / 2
        parts.append(f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#333333" stroke-width="1.5"/>')
        parts.append(_text(max(end, high) + 6, y + 12, str(spread)))
    return parts, TITLE + len(values) * ROW + 14


def _x(value: float, least: float, most: float) -> float:
    share = math.log(max(value, least) / least) / math.log(most / least) if most > least else 1.0
    return LABEL_WIDTH + share * (WIDTH - LABEL_WIDTH - VALUE_WIDTH)


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="#222222">'
        f"{escape(text)}</text>"
    )
