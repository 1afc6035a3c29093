"""The picture of the architecture: it shows the code as it is, and nothing in it hides anything else."""

from collections import Counter
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from docs.picture.__main__ import TARGET
from docs.picture.drawing import GAP, ROOM_HEIGHT, ROOM_WIDTH, WIDTH, drawn, room_of_the_gateway, room_of_the_product
from docs.picture.layout import lay_out
from docs.picture.rooms import House, floors, house, reduced
from tests.unit.project.import_graph import lines, product

SVG = "{http://www.w3.org/2000/svg}"
LONGEST_NAME = 14
"""Characters that a room has space for."""


def test_the_picture_shows_the_code_as_it_is() -> None:
    assert TARGET.read_text() == drawn(product(), lines), "run `make picture`"


@pytest.mark.parametrize("rooms", [room_of_the_product, room_of_the_gateway])
def test_every_arrow_of_the_picture_leads_down(rooms: object) -> None:
    assert callable(rooms)
    shown = house(product(), rooms)
    assert shown.arrows
    assert all(shown.floors[source] > shown.floors[target] for source, target in shown.arrows)


def test_no_room_of_the_picture_covers_another_or_is_too_small_for_its_name() -> None:
    for panel in ET.fromstring(TARGET.read_text()).iter(f"{SVG}g"):
        places = sorted((float(room.attrib["y"]), float(room.attrib["x"])) for room in panel.iter(f"{SVG}rect"))
        assert all(0 <= x <= WIDTH - ROOM_WIDTH for _, x in places)
        for (y, x), (other_y, other_x) in pairwise(places):
            assert other_y >= y + ROOM_HEIGHT or other_x >= x + ROOM_WIDTH
        names = [str(text.text) for text in panel.iter(f"{SVG}text") if text.attrib.get("font-size") == "12"][1:]
        assert len(names) == len(places)
        assert not [name for name in names if len(name) > LONGEST_NAME]
        assert not [name for name, count in Counter(names).items() if count > 1]


def test_an_arrow_that_a_way_over_another_room_makes_plain_is_left_out() -> None:
    assert reduced({("roof", "hall"), ("hall", "cellar"), ("roof", "cellar")}) == (("hall", "cellar"), ("roof", "hall"))
    with pytest.raises(ValueError, match="a circle: cellar > hall > cellar"):
        reduced({("hall", "cellar"), ("cellar", "hall")})


def test_a_room_lies_above_all_that_it_imports() -> None:
    assert floors(["roof", "hall", "cellar"], [("roof", "hall"), ("hall", "cellar")]) == {
        "roof": 2,
        "hall": 1,
        "cellar": 0,
    }


def test_arrows_do_not_cross_where_they_need_not() -> None:
    arrows = (("one", "right"), ("other", "left"))
    modules = {room: (room,) for room in ("one", "other", "left", "right")}
    layout = lay_out(House(modules, arrows, floors(modules, arrows)), ROOM_WIDTH, GAP, WIDTH)
    assert (layout.middle["one"] < layout.middle["other"]) == (layout.middle["right"] < layout.middle["left"])


def test_a_floor_with_more_rooms_than_fit_is_refused() -> None:
    modules = {f"room {number}": ("module",) for number in range(9)}
    with pytest.raises(ValueError, match="a floor needs"):
        lay_out(House(modules, (), dict.fromkeys(modules, 0)), ROOM_WIDTH, GAP, WIDTH)
