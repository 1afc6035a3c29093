"""Where rooms stand on their floors and which way arrows take, with few crossings (Sugiyama's method).

An arrow over several floors passes each floor between through a point, and all that lead to one room share its points:
they come together on their way. Everything is deterministic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from docs.picture.rooms import Arrow, House

SWEEPS = 40
POINT_WIDTH = 14.0
"""What an arrow that passes a floor takes of it."""
STRAIGHT = {0: 1.0, 1: 2.0, 2: 6.0}
"""How much a piece of an arrow wants to be upright, by how many of its ends are points."""


class Piece(NamedTuple):
    """A piece of one arrow or more: from a room or point to one on the floor below, on the way to a room."""

    upper: str
    lower: str
    target: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The middle of each room and point."""

    middle: dict[str, float]
    pieces: tuple[Piece, ...]
    points: dict[str, int]
    """Each point with its floor."""


def lay_out(house: House, room_width: float, gap: float, width: float) -> Layout:
    """Place everything within `width`. Raises `ValueError` when a floor holds more than fits."""
    points: dict[str, int] = {}
    pieces: set[Piece] = set()
    for arrow in house.arrows:
        between = _between(arrow, house)
        points |= between
        pieces.update(Piece(*ends, arrow[1]) for ends in pairwise((arrow[0], *between, arrow[1])))
    rows: list[list[str]] = [[] for _ in range(max(house.floors.values()) + 1)]
    for name, floor in sorted({**house.floors, **points}.items()):
        rows[floor].append(name)
    links = sorted(pieces)
    _order(rows, links)
    widths = {name: POINT_WIDTH if name in points else room_width for row in rows for name in row}
    return Layout(_placed(rows, links, widths, gap, width), tuple(links), points)


def _between(arrow: Arrow, house: House) -> dict[str, int]:
    source, target = arrow
    floors = range(house.floors[source] - 1, house.floors[target], -1)
    return {f"> {target} @ {floor}": floor for floor in floors}


def _order(rows: list[list[str]], links: Sequence[Piece]) -> None:
    """Order the rows in place: the best of many sweeps up and down, each name at the mean of its neighbours."""
    best, fewest = [list(row) for row in rows], _crossings(rows, links)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for index in range(len(rows) - 2, -1, -1) if down else range(1, len(rows)):
            fixed = {name: place for place, name in enumerate(rows[index + 1 if down else index - 1])}
            wanted = {name: _mean(name, own, fixed, links) for own, name in enumerate(rows[index])}
            rows[index] = [name for _, name in sorted((wanted[name], name) for name in rows[index])]
        _swap(rows, links)
        if (crossings := _crossings(rows, links)) < fewest:
            best, fewest = [list(row) for row in rows], crossings
    rows[:] = best


def _mean(name: str, own: int, fixed: dict[str, int], links: Sequence[Piece]) -> float:
    """The middle of the neighbours among `fixed`; the `own` place of a name that has none."""
    near = [fixed[other] for link in links if name in link[:2] for other in link[:2] if other in fixed]
    return sum(near) / len(near) if near else float(own)


def _swap(rows: list[list[str]], links: Sequence[Piece]) -> None:
    """Let neighbours change places for as long as that takes crossings away."""
    crossings, better = _crossings(rows, links), True
    while better:
        better = False
        for row in rows:
            for left in range(len(row) - 1):
                row[left], row[left + 1] = row[left + 1], row[left]
                if (now := _crossings(rows, links)) < crossings:
                    crossings, better = now, True
                else:
                    row[left], row[left + 1] = row[left + 1], row[left]


def _crossings(rows: list[list[str]], links: Sequence[Piece]) -> int:
    place = {name: (floor, index) for floor, row in enumerate(rows) for index, name in enumerate(row)}
    by_floor: dict[int, list[tuple[int, int]]] = {}
    for upper, lower, _ in links:
        by_floor.setdefault(place[upper][0], []).append((place[upper][1], place[lower][1]))
    return sum(
        (one[0] - other[0]) * (one[1] - other[1]) < 0
        for pieces in by_floor.values()
        for index, one in enumerate(pieces)
        for other in pieces[:index]
    )


def _placed(
    rows: list[list[str]], links: Sequence[Piece], widths: dict[str, float], gap: float, width: float
) -> dict[str, float]:
    middle = {name: width * (index + 1) / (len(row) + 1) for row in rows for index, name in enumerate(row)}
    near: dict[str, list[tuple[str, float]]] = {name: [] for name in middle}
    for one, other, _ in links:
        weight = STRAIGHT[one.startswith(">") + other.startswith(">")]
        near[one].append((other, weight))
        near[other].append((one, weight))
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 else rows[::-1]:
            wanted = [_balance(name, near[name], middle) for name in row]
            middle.update(zip(row, _apart(wanted, [widths[name] for name in row], gap, width), strict=True))
    left = min(middle[name] - widths[name] / 2 for name in middle)
    right = max(middle[name] + widths[name] / 2 for name in middle)
    return {name: at + (width - right - left) / 2 for name, at in middle.items()}


def _balance(name: str, near: Sequence[tuple[str, float]], middle: dict[str, float]) -> float:
    total = sum(weight for _, weight in near)
    return sum(middle[other] * weight for other, weight in near) / total if total else middle[name]


def _apart(wanted: Sequence[float], widths: Sequence[float], gap: float, width: float) -> list[float]:
    """The places nearest to those `wanted`, in the same order and clear of each other (isotonic regression)."""
    offsets = [0.0]
    for one, other in pairwise(widths):
        offsets.append(offsets[-1] + (one + other) / 2 + gap)
    lowest, highest = widths[0] / 2, width - widths[-1] / 2 - offsets[-1]
    if highest < lowest:
        raise ValueError(f"a floor needs {lowest - highest:.0f} more than there are")
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, size = blocks.pop()
            mean, count = (mean * count + before * size) / (count + size), count + size
        blocks.append((mean, count))
    shifts = [min(max(mean, lowest), highest) for mean, count in blocks for _ in range(count)]
    return [shift + offset for shift, offset in zip(shifts, offsets, strict=True)]
