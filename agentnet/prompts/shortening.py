"""A conversation made shorter: old results first, then old words, then whole old turns, and the newest only in the end.

What is left out is marked, with how much it was. Calls stay with their results, and the newest request stays. The same
items lead to the same cuts, and what was cut stays cut in the same way: a prompt's beginning does not change between
two cuts, so that the model's server finds it in its cache.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from agentnet.prompts.tokens import BYTES_PER_TOKEN, ITEM_TOKENS, MEDIA, of_content, of_item

Item = Any
OLD = 400
"""Characters that are left of each old text, at least, before whole turns are dropped."""
NEW = 4000
"""Of each of the newest results, before old turns are dropped for them."""
LEAST = 600
"""Of each of the newest results and of the newest request, when nothing else is left to cut."""
TAIL_SHARE = 0.3
"""Of what is left of a text: its end often says what came of it."""
WORTH = 1.1
"""A text is cut when it is so much longer than it may be."""
MARK = 64
"""Characters of a mark, about."""
LEAF = 40
"""Characters of a text within the arguments of a call that are always left."""
STEPS = 24


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where in a list of items is what."""

    request: int
    """The newest of a user; -1 without one."""
    turn: int
    """Where the model's newest turn begins, with its calls and their results."""


class Shortened:
    """One conversation as it is sent, which only grows."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.tokens = 0.0
        """Of all items, as they are sent."""
        self._weights: list[float] = []
        self._made: dict[int, Item] = {}
        """Items that are cut, by their place."""
        self._dropped: set[int] = set()

    def take(self, items: list[Item]) -> None:
        """Count the items that are new."""
        if len(items) < len(self._weights):  # another conversation: somebody filtered it
            self._begin()
        for item in items[len(self._weights) :]:
            weight = of_item(item)
            self._weights.append(weight)
            self.tokens += weight

    def items(self, items: list[Item]) -> list[Item]:
        """What is sent for `items`: themselves, as long as nothing is cut."""
        if not (self._made or self._dropped):
            return items
        behind, before = self._marks(items)
        return [
            _with_words(self._made.get(place, item), before.get(place, ""), behind.get(place, ""))
            for place, item in enumerate(items)
            if place not in self._dropped
        ]

    def shorten(self, items: list[Item], old: float, new: float) -> int:
        """Leave out as much as makes it at most `old` tokens by old items alone, or else at most `new`.

        Answers how many characters more are left out; 0 where there is nothing that could be.
        """
        layout = _layout(items)
        before = self._left(items)
        past = [place for place in range(layout.turn) if place != layout.request and place not in self._dropped]
        newest = [*range(layout.turn, len(items))]
        self._cut(items, [place for place in past if _is_result(items[place])], OLD, old)
        self._cut(items, past, OLD, old)
        self._cut(items, newest, NEW, new)
        self._drop(items, layout, old, new)
        self._cut(items, newest, LEAST, new)
        if layout.request >= 0:
            self._cut(items, [layout.request], LEAST, new)
        return before - self._left(items)

    def _left(self, items: list[Item]) -> int:
        return sum(
            _length(self._made.get(place, item)) for place, item in enumerate(items) if place not in self._dropped
        )

    def _marks(self, items: list[Item]) -> tuple[dict[int, str], dict[int, str]]:
        """What is said of dropped items, by the place of the user's message before them, or else of the next one."""
        behind: dict[int, list[int]] = {}
        first: list[int] = []
        last = -1
        for place, item in enumerate(items):
            if place in self._dropped:
                (behind.setdefault(last, []) if last >= 0 else first).append(place)
            elif _is_request(item):
                last = place
        following = next((at for at in range(len(items)) if at not in self._dropped and _is_request(items[at])), -1)
        before = {following: _dropped(items, first)} if first else {}
        return {place: _dropped(items, gone) for place, gone in behind.items()}, before

    def _cut(self, items: list[Item], places: list[int], least: int, target: float) -> None:
        """Cut the longest of the items at `places` until all is at most `target`, to `least` characters if need be."""
        lengths = {place: _length(self._made.get(place, items[place])) for place in places}
        longer = {place: length for place, length in lengths.items() if length > least * WORTH}
        if self.tokens <= target or not longer:
            return
        most = _most(longer, self._weights, self.tokens - target, least)
        for place, length in longer.items():
            if length > most * WORTH:
                self._made[place] = made = _shortened(items[place], most)
                self._set(place, of_item(made))

    def _drop(self, items: list[Item], layout: _Layout, old: float, new: float) -> None:
        """Drop whole old turns, the oldest first, where cutting has won too little: the next cut is to be far off."""
        if self.tokens <= (old + new) / 2:
            return
        for unit in _units(items, layout):
            if self.tokens <= old:
                return
            for place in unit:
                if place not in self._dropped:
                    self._set(place, 0.0)
                    self._dropped.add(place)
                    self._made.pop(place, None)

    def _set(self, place: int, weight: float) -> None:
        self.tokens += weight - self._weights[place]
        self._weights[place] = weight


def _most(lengths: dict[int, int], weights: list[float], excess: float, least: int) -> int:
    """The characters that each may have so that all together are `excess` tokens less, or `least`."""
    low, high = least, max(lengths.values())
    for _ in range(STEPS):
        if low >= high:
            break
        middle = (low + high + 1) // 2
        freed = sum(
            (weights[place] - ITEM_TOKENS) * (1 - middle / length)
            for place, length in lengths.items()
            if length > middle
        )
        low, high = (middle, high) if freed >= excess else (low, middle - 1)
    return low


def _layout(items: list[Item]) -> _Layout:
    request = max((place for place, item in enumerate(items) if _is_request(item)), default=-1)
    turn = len(items)
    while turn - 1 > request and _is_result(items[turn - 1]):
        turn -= 1
    while turn - 1 > request and not _is_result(items[turn - 1]):
        turn -= 1
    return _Layout(request, turn)


def _units(items: list[Item], layout: _Layout) -> Iterator[range]:
    """What may be dropped as a whole: earlier requests with all that answered them, then old turns of the newest."""
    begins = [place for place in range(max(layout.request, 0)) if place == 0 or _is_request(items[place])]
    for begin, end in zip(begins, [*begins[1:], layout.request], strict=False):
        yield range(begin, end)
    begin = layout.request + 1
    for place in range(layout.request + 1, layout.turn):
        if _is_result(items[place]) and not _is_result(items[place + 1]):
            yield range(begin, place + 1)
            begin = place + 1


def _is_request(item: Item) -> bool:
    return isinstance(item, dict) and item.get("role") == "user"


def _is_result(item: Item) -> bool:
    return isinstance(item, dict) and item.get("type") == "function_call_output"


def _field(item: Item) -> str | None:
    """The field of an item that may be cut."""
    if not isinstance(item, dict):
        return None
    if item.get("type") in ("function_call", "function_call_output"):
        return "arguments" if item["type"] == "function_call" else "output"
    return "content" if "role" in item else None


def _length(item: Item) -> int:
    """Characters of what may be cut; of an image, those of a text that costs as much."""
    field = _field(item)
    value = item.get(field) if field else None
    if isinstance(value, str):
        return len(value)
    return sum(map(_part_length, value)) if isinstance(value, list) else 0


def _part_length(part: Any) -> int:
    return int(of_content([part]) * BYTES_PER_TOKEN) if _is_medium(part) else len(_text(part))


def _shortened(item: Item, most: int) -> Item:
    field = _field(item)
    value = item.get(field) if field else None
    if field is None:
        return item
    if isinstance(value, str):
        made: Any = _arguments(value, most) if field == "arguments" else cut(value, most)
    else:
        share = most / max(_length(item), 1)
        made = [_part(part, share) for part in value or ()]
    return {**item, field: made}


def _part(part: Any, share: float) -> Any:
    if _is_medium(part):
        return {"type": "input_text", "text": f"[… left out here: {MEDIA[part['type']]} …]"}
    text = _text(part)
    return {**part, "text": cut(text, int(len(text) * share))} if text and share < 1 else part


def _is_medium(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in MEDIA


def _text(part: Any) -> str:
    text = part.get("text") if isinstance(part, dict) else None
    return text if isinstance(text, str) else ""


def _arguments(text: str, most: int) -> str:
    """The arguments of a call with their texts cut: still an object, for servers read it as one."""
    try:
        values = json.loads(text)
    except ValueError:
        return text
    share = most / max(len(text), 1)
    return json.dumps(_leaves(values, lambda leaf: cut(leaf, max(int(len(leaf) * share), LEAF))), ensure_ascii=False)


def _leaves(value: Any, made: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _leaves(item, made) for key, item in value.items()}
    if isinstance(value, list):
        return [_leaves(item, made) for item in value]
    return made(value) if isinstance(value, str) else value


def cut(text: str, most: int) -> str:
    """The beginning and the end of a text of more than `most` characters, and between them how many are left out."""
    if len(text) <= most * WORTH:
        return text
    kept = most - MARK if most > 2 * MARK else most
    behind = int(kept * TAIL_SHARE)
    mark = f"[… left out here: {len(text) - kept:,} of {len(text):,} characters …]"
    return f"{text[: kept - behind]}\n{mark}\n{text[len(text) - behind :]}"


def _dropped(items: list[Item], places: list[int]) -> str:
    characters = sum(_length(items[place]) for place in places)
    return f"[… left out here: {len(places)} earlier messages, calls and results, {characters:,} characters …]"


def _with_words(item: Item, before: str, behind: str) -> Item:
    """A user's message with marks."""
    if not (before or behind):
        return item
    content = item.get("content")
    if not isinstance(content, list):
        return {**item, "content": "\n\n".join(filter(None, (before, str(content or ""), behind)))}
    first = [{"type": "input_text", "text": before}] if before else []
    last = [{"type": "input_text", "text": behind}] if behind else []
    return {**item, "content": [*first, *content, *last]}
