"""Rooms: folders of the code, or several as one, with the arrows of their imports and the floors that they lie on."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.unit.project.import_graph import Graph

Arrow = tuple[str, str]
"""A room and one that it imports."""


@dataclass(frozen=True, slots=True)
class House:
    """Rooms on floors; every arrow leads down."""

    modules: dict[str, tuple[str, ...]]
    """Each room with its modules, those that are an `__init__` too."""
    arrows: tuple[Arrow, ...]
    """Without those that a way over other rooms makes plain."""
    floors: dict[str, int]
    """0 is the ground."""


def house(graph: Graph, room_of: Callable[[str], str | None]) -> House:
    """The rooms that `room_of` makes of folders; a folder without one is left out."""
    modules: dict[str, list[str]] = {}
    for module in sorted(graph.imports):
        room = room_of(graph.folder(module))
        if room is not None:
            modules.setdefault(room, []).append(module)
    pairs = ((room_of(source), room_of(target)) for source, target in graph.between_folders)
    arrows = reduced({(one, other) for one, other in pairs if one is not None and other is not None and one != other})
    return House({room: tuple(names) for room, names in modules.items()}, arrows, floors(modules, arrows))


def reduced(arrows: Iterable[Arrow]) -> tuple[Arrow, ...]:
    """`arrows` without those whose end is reached over others (transitive reduction); raises on a circle."""
    below: dict[str, set[str]] = {}
    for source, target in sorted(arrows):
        below.setdefault(source, set()).add(target)

    def reach(room: str, way: tuple[str, ...] = ()) -> set[str]:
        if room in way:
            raise ValueError(f"a circle: {' > '.join((*way, room))}")
        direct = below.get(room, set())
        return direct.union(*(reach(other, (*way, room)) for other in direct))

    reached = {room: reach(room) for room in sorted(below)}
    return tuple(
        (source, target)
        for source in sorted(below)
        for target in sorted(below[source])
        if not any(target in reached.get(other, ()) for other in below[source])
    )


def floors(rooms: Iterable[str], arrows: Iterable[Arrow]) -> dict[str, int]:
    """Above what a room imports, and on the emptiest below its importers where they are more than what it imports."""
    arrows = sorted(arrows)
    floor = dict.fromkeys(rooms, 0)
    for _ in floor:
        for source, target in arrows:
            floor[source] = max(floor[source], floor[target] + 1)
    for room in sorted(floor, key=lambda name: (-floor[name], name)):
        importers = [source for source, target in arrows if target == room]
        if len(importers) > sum(source == room for source, _ in arrows):
            highest = min(floor[importer] for importer in importers) - 1
            held = Counter(on for other, on in floor.items() if other != room)
            floor[room] = min((held[on], -on, on) for on in range(floor[room], highest + 1))[-1]
    return floor
