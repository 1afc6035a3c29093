"""Events that differ from one that was found sound by nothing but their words: they are sound too, and not parsed.

A stream has thousands of them, and to parse each would show in the CPU of a turn.
"""

import re
from itertools import pairwise

MOST_MISSES = 16
"""Learnt in vain so often in a row, it is given up."""
_SUSPECT = re.compile(r'[<\[◁"\\]')
"""With what a tag or a mark begins, or a JSON text ends or goes on."""
_SLOTS = re.compile(rb'"(?:sequence_number|created|created_at|obfuscation)": ?"?(\w*)')
"""Members that are another in each event, and of no matter."""


class Alike:
    """Of the events of one stream, whose words are a text under `key`."""

    __slots__ = ("_constants", "_head", "_key", "_misses", "_place", "_tail")

    def __init__(self, key: str) -> None:
        self._key = re.compile(b'"%b": ?"' % key.encode())
        self._head = b""
        """The event that was learnt, up to the first of what differs; then what is between, and behind."""
        self._constants: list[bytes] = []
        self._tail = b""
        self._place = 0
        """Of the words, among what differs."""
        self._misses = 0

    def words_in(self, data: bytes) -> str | None:
        """The words of an event that is like the one that was learnt, if there is nothing suspect in them."""
        if not self._head or not data.startswith(self._head) or not data.endswith(self._tail):
            return None
        start, words = len(self._head), b""
        for place, constant in enumerate(self._constants):
            end = data.find(constant, start)
            if end < 0:
                return None
            if place == self._place:
                words = data[start:end]
            elif not data[start:end].isalnum():
                return None
            start = end + len(constant)
        last = data[start : len(data) - len(self._tail)]
        if len(self._constants) == self._place:
            words = last
        elif last and not last.isalnum():
            return None
        try:
            text = words.decode()
        except UnicodeDecodeError:
            return None
        if start > len(data) - len(self._tail) or not text.isprintable() or _SUSPECT.search(text):
            return None
        self._misses = 0
        return text

    def learn(self, data: bytes, text: str) -> None:
        """Take this event, which is sound, for the example, if its words `text` stand in it as they are."""
        self._misses += 1
        self._head = b""
        found = self._key.search(data)
        raw = text.encode()
        if self._misses > MOST_MISSES or found is None or not data.startswith(raw + b'"', found.end()):
            return
        words = (found.end(), found.end() + len(raw))
        slots = sorted([words, *(each.span(1) for each in _SLOTS.finditer(data))])
        self._place = slots.index(words)
        self._head, self._tail = data[: slots[0][0]], data[slots[-1][1] :]
        self._constants = [data[one[1] : two[0]] for one, two in pairwise(slots)]

    def forget(self) -> None:
        """What was learnt, where the next event is to be parsed whatever it is like."""
        self._head = b""
