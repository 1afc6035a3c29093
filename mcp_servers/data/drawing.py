"""A chart as PNG: a Vega-Lite specification with its numbers inside, drawn by vl-convert without a display."""

import json
from typing import Any

import vl_convert

from agentnet.errors import TooLargeError
from mcp_servers.data.grouping import Grouping
from mcp_servers.data.models import Chart, Grid

WIDTH = 640
HEIGHT = 400
ROW_HEIGHT = 22
SCALE = 1.5
MAX_PNG_BYTES = 4 * 1024 * 1024
LONG_LABEL = 12
FEW_BARS = 12
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


def draw(request: Chart, grouping: Grouping, grid: Grid) -> bytes:
    """The picture of `grid`, whose first two columns are x and y."""
    png = bytes(vl_convert.vegalite_to_png(json.dumps(specification(request, grouping, grid)), scale=SCALE))
    if len(png) > MAX_PNG_BYTES:
        raise TooLargeError(f"The picture is over the limit of {MAX_PNG_BYTES >> 20} MiB.")
    return png


def specification(request: Chart, grouping: Grouping, grid: Grid) -> dict[str, Any]:
    """The Vega-Lite specification. Fields are called x and y, so that no column name needs escaping."""
    temporal, numeric = grouping.temporal, grouping.numeric
    # Numbers and moments keep their kind, for an axis; all else is a label.
    values = [{"x": row[0] if temporal or numeric else _label(row[0]), "y": row[1]} for row in grid.rows]
    title = request.title or f"{grouping.y[:1].upper()}{grouping.y[1:]} by {grouping.x}"
    common = {
        "$schema": SCHEMA,
        "title": {"text": title, "subtitle": _left_out(request, grid)},
        "background": "white",
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": values},
    }
    return common | _marks(request, grouping, [str(item["x"]) for item in values])


def _marks(request: Chart, grouping: Grouping, labels: list[str]) -> dict[str, Any]:
    y = {"field": "y", "type": "quantitative", "title": grouping.y}
    if request.chart == "pie":
        # In the order of the query, the largest first; Vega-Lite would sort by the alphabet.
        color = {"field": "x", "type": "nominal", "title": grouping.x, "sort": None}
        return {"mark": {"type": "arc"}, "encoding": {"theta": y | {"stack": True}, "color": color}}
    if request.chart == "bar":
        return _bars(grouping, labels, y)
    kind = "temporal" if grouping.temporal else "quantitative" if grouping.numeric else "ordinal"
    x = {"field": "x", "type": kind, "title": grouping.x, "sort": None, "scale": {"zero": False}}
    if kind != "quantitative":
        x.pop("scale")
    mark = {"type": "point", "filled": True} if request.chart == "scatter" else {"type": request.chart, "point": True}
    return {"mark": mark, "encoding": {"x": x, "y": y}}


def _bars(grouping: Grouping, labels: list[str], y: dict[str, Any]) -> dict[str, Any]:
    x = {"field": "x", "type": "ordinal", "title": grouping.x, "sort": None}
    if grouping.temporal or (len(labels) <= FEW_BARS and max(map(len, labels)) <= LONG_LABEL):
        return {"mark": "bar", "encoding": {"x": x | {"axis": {"labelAngle": -45 * (len(labels) > 5)}}, "y": y}}
    return {"mark": "bar", "encoding": {"x": y, "y": x}, "height": max(HEIGHT, ROW_HEIGHT * len(labels))}


def _left_out(request: Chart, grid: Grid) -> str:
    if not grid.truncated:
        return ""
    which = "first" if request.chart in {"scatter", "line", "area"} else "largest"
    return f"The {which} {len(grid.rows)} of {grid.total_rows}"


def _label(value: object) -> str:
    text = "(none)" if value is None else str(value)
    return text if len(text) <= 60 else text[:59] + "…"
