"""The drawing: two panels of rooms and arrows as SVG, in colours that can be read on white and on black."""

from collections.abc import Callable, Sequence
from html import escape

from docs.picture.layout import Layout, Piece, lay_out
from docs.picture.rooms import House, house
from tests.unit.project.import_graph import Graph

WIDTH = 900
MARGIN = 10.0
ROOM_WIDTH, ROOM_HEIGHT = 122.0, 44.0
GAP = 10.0
"""Between two rooms of a floor."""
STOREY = 108.0
"""From one floor to the next."""
CAPTION = 64.0
PORTS = 0.84
"""How much of a room's width arrows begin and end at."""
HEAD = 4.0
BESIDE = 4.0
"""How far above and below the rooms beside it an arrow that passes a floor is upright."""
THOUSAND = 1000
FINE, COARSE = 250, 500
"""Lines below and above a thousand are told no closer: else every change of the code would be one of the picture."""

FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
QUIET = "#7d8794"
FILLS = {"agentnet": "#3f6ea8", "gateway.mcp": "#3f6ea8"}
SERVICE = "#39774f"
OTHER = "#5b6675"
STROKES = ("#c2552d", "#2f8f83", "#8a63c9", "#b98900", "#3f86d9", "#c2497f", "#6b9a2e", "#8d7765")
"""Of arrows: all that lead to one room are of one colour, and neighbours' differ."""
Point = tuple[float, float]

SERVICES = frozenset({"gateway", "mcp_servers", "registry", "specialists"})


def drawn(graph: Graph, length: Callable[[str], int]) -> str:
    """The picture of `graph`, whose modules are so many lines long."""
    product, door = house(graph, room_of_the_product), house(graph, room_of_the_gateway)
    panels: list[str] = []
    top = 0.0
    for title, what, rooms in (
        ("The product", "blue: the folders of agentnet; green: the services", product),
        ("The gateway", "green: its folders; blue: those of its MCP door", door),
    ):
        panels.append(_panel(title, f"{what}; an arrow leads to what a folder imports", rooms, length, top))
        top += _height(rooms)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top:.0f}" font-family="{FONT}" '
        'font-size="13" role="img" aria-labelledby="title description">'
    )
    about = (
        '<title id="title">The architecture of Agent Network</title>\n'
        '<desc id="description">Folders as rooms on floors: arrows lead from a folder down to those that it imports. '
        "Drawn from the code by make picture.</desc>"
    )
    return "\n".join([head, about, *panels, "</svg>", ""])


def room_of_the_product(folder: str) -> str | None:
    """The folders of `agentnet` one by one, what is in them taken together; every other package as one room.

    Left out: the ground that all stand on, and the offline model, which imports nothing and is imported by nothing.
    """
    first, _, rest = folder.partition(".")
    if first != "agentnet":
        return None if first == "offline_model" else first
    inner = "a2a.client" if rest == "a2a.client" else rest.partition(".")[0]
    return f"agentnet.{inner}" if inner else None


def room_of_the_gateway(folder: str) -> str | None:
    """Each folder of the gateway."""
    return folder if folder.partition(".")[0] == "gateway" else None


def _height(rooms: House) -> float:
    return CAPTION + STOREY * max(rooms.floors.values()) + ROOM_HEIGHT + 2 * MARGIN


def _panel(title: str, what: str, rooms: House, length: Callable[[str], int], top: float) -> str:
    layout = lay_out(rooms, ROOM_WIDTH, GAP, WIDTH - 2 * MARGIN)
    levels = max(rooms.floors.values())
    heights = {room: CAPTION + STOREY * (levels - floor) for room, floor in rooms.floors.items()}
    parts = [
        f'<g transform="translate({MARGIN:.0f} {top:.0f})">',
        f'<text x="0" y="26" font-size="17" font-weight="600" fill="{QUIET}">{escape(title)}</text>',
        f'<text x="0" y="44" font-size="12" fill="{QUIET}">{escape(what)}</text>',
        *_arrows(layout, heights, levels),
        *(_room(room, names, layout.middle[room], heights[room], length) for room, names in rooms.modules.items()),
        "</g>",
    ]
    return "\n".join(parts)


def _room(room: str, modules: Sequence[str], middle: float, top: float, length: Callable[[str], int]) -> str:
    lines = sum(length(module) for module in modules)
    about = f"{len(modules)} files · {_rounded(lines)} lines"
    return (
        f'<rect x="{middle - ROOM_WIDTH / 2:.1f}" y="{top:.1f}" width="{ROOM_WIDTH:.0f}" height="{ROOM_HEIGHT:.0f}" '
        f'rx="7" fill="{_fill(room)}"/>'
        f'<text x="{middle:.1f}" y="{top + 19:.1f}" text-anchor="middle" font-size="12" font-weight="600" fill="#fff">'
        f"{escape(_shown(room))}</text>"
        f'<text x="{middle:.1f}" y="{top + 35:.1f}" text-anchor="middle" font-size="10" fill="#fff">{about}</text>'
    )


def _rounded(lines: int) -> str:
    if lines < THOUSAND - FINE / 2:
        return f"{max(1, round(lines / FINE)) * FINE}"
    return f"{round(lines / COARSE) * COARSE / THOUSAND:g}k"


def _shown(room: str) -> str:
    parent = room.partition(".")[0]
    return room.removeprefix(f"{parent}.").replace(".", "/")


def _fill(room: str) -> str:
    if room in SERVICES or (room.startswith("gateway") and not room.startswith("gateway.mcp.")):
        return SERVICE
    return next((fill for parent, fill in FILLS.items() if room.startswith(f"{parent}.")), OTHER)


def _arrows(layout: Layout, heights: dict[str, float], levels: int) -> list[str]:
    colours = _colours(layout, heights)
    parts = [_passing(point, floor, layout, levels, colours) for point, floor in sorted(layout.points.items())]
    for piece in layout.pieces:
        ends_here = piece.lower == piece.target
        begin = _begin(piece, layout), _foot(piece.upper, layout, heights, levels)
        end = _end(piece, layout), heights[piece.lower] - HEAD if ends_here else _head(piece.lower, layout, levels)
        parts.append(_curve(begin, end, colours[piece.target]))
        if ends_here:
            parts.append(_tip(end, colours[piece.target]))
    return parts


def _begin(piece: Piece, layout: Layout) -> float:
    leaving = [each for each in layout.pieces if each.upper == piece.upper]
    return _port(piece.upper, piece, sorted(leaving, key=lambda each: (layout.middle[each.lower], each)), layout)


def _end(piece: Piece, layout: Layout) -> float:
    coming = [each for each in layout.pieces if each.lower == piece.lower]
    return _port(piece.lower, piece, sorted(coming, key=lambda each: (layout.middle[each.upper], each)), layout)


def _port(name: str, piece: Piece, pieces: Sequence[Piece], layout: Layout) -> float:
    """Where a piece meets a room: side by side with the others there, in the order of where they come from or go."""
    share = 0.5 if name in layout.points else (pieces.index(piece) + 1) / (len(pieces) + 1)
    return layout.middle[name] + (share - 0.5) * ROOM_WIDTH * PORTS


def _head(point: str, layout: Layout, levels: int) -> float:
    return CAPTION + STOREY * (levels - layout.points[point]) - BESIDE


def _foot(name: str, layout: Layout, heights: dict[str, float], levels: int) -> float:
    if name in layout.points:
        return _head(name, layout, levels) + ROOM_HEIGHT + 2 * BESIDE
    return heights[name] + ROOM_HEIGHT


def _passing(point: str, floor: int, layout: Layout, levels: int, colours: dict[str, str]) -> str:
    """The upright piece between the rooms of a floor."""
    x, top = layout.middle[point], CAPTION + STOREY * (levels - floor) - BESIDE
    colour = next(colours[piece.target] for piece in layout.pieces if piece.lower == point)
    return _line(f"M{x:.1f} {top:.1f}V{top + ROOM_HEIGHT + 2 * BESIDE:.1f}", colour)


def _colours(layout: Layout, heights: dict[str, float]) -> dict[str, str]:
    """A colour for the arrows to each room, in turn along its floor and from floor to floor."""
    targets = {piece.target for piece in layout.pieces}
    ordered = sorted(targets, key=lambda room: (heights[room], layout.middle[room]))
    return {room: STROKES[index % len(STROKES)] for index, room in enumerate(ordered)}


def _curve(begin: Point, end: Point, colour: str) -> str:
    (x, y), (to_x, to_y) = begin, end
    half = (to_y - y) / 2
    return _line(f"M{x:.1f} {y:.1f}C{x:.1f} {y + half:.1f} {to_x:.1f} {to_y - half:.1f} {to_x:.1f} {to_y:.1f}", colour)


def _tip(end: Point, colour: str) -> str:
    x, y = end
    left, right = x - HEAD, x + HEAD
    return f'<path d="M{left:.1f} {y - HEAD:.1f}H{right:.1f}L{x:.1f} {y + HEAD:.1f}z" fill="{colour}"/>'


def _line(path: str, colour: str) -> str:
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
