"""Texts of answers: content of any shape made one text, and characters made whole that were cut in two."""

from collections.abc import Mapping
from typing import Any

MAX_PARTS = 10_000
DEEP = 4
THOUGHTS = frozenset({"thinking", "reasoning", "thought", "reasoning_text", "summary_text"})
"""Types of parts that are not said but thought."""
_FIELDS = ("text", "content", "value", "thinking", "reasoning", "summary", "output_text", "refusal")


def flattened(content: Any) -> tuple[str, str]:
    """What content of any shape says, and what it thinks."""
    said: list[str] = []
    thought: list[str] = []
    _gather(content, said, thought, DEEP, thinking=False)
    return "".join(said), "".join(thought)


def _gather(value: Any, said: list[str], thought: list[str], depth: int, *, thinking: bool) -> None:
    if depth < 0 or value is None or isinstance(value, bool):
        return
    if isinstance(value, str | int | float):
        (thought if thinking else said).append(str(value))
    elif isinstance(value, list):
        for part in value[:MAX_PARTS]:
            _gather(part, said, thought, depth - 1, thinking=thinking)
    elif isinstance(value, Mapping):
        thinking = thinking or str(value.get("type")) in THOUGHTS or value.get("thought") is True
        for name in _FIELDS:
            if value.get(name) is not None:
                _gather(value[name], said, thought, depth - 1, thinking=thinking)
                return


def is_cut(text: str) -> bool:
    """Whether there are halves of characters in `text`."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


class Halves:
    """Joins the characters of a text that were cut at the seams of its pieces."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    @property
    def is_open(self) -> bool:
        """Whether half a character waits for its other half."""
        return bool(self._held)

    def join(self, piece: str) -> str:
        """The whole characters of what was held and of `piece`; what is half for good is U+FFFD."""
        text = self._held + piece
        end = len(text)
        while end and len(text) - end < 3 and _may_go_on(text, end):
            end -= 1
        self._held = text[end:]
        return _whole(text[:end])

    def end(self) -> str:
        """What is left of it."""
        held, self._held = self._held, ""
        return _whole(held)


def _may_go_on(text: str, end: int) -> bool:
    last = text[end - 1]
    return "\ud800" <= last <= "\udbff" or "\udc80" <= last <= "\udcff"


def _whole(text: str) -> str:
    """`text` without halves: pairs of UTF-16 are joined, and so are bytes of UTF-8 that came one by one."""
    if not is_cut(text):
        return text
    return _unescaped(_paired(text))


def _paired(text: str) -> str:
    out: list[str] = []
    at = 0
    while at < len(text):
        high = text[at]
        low = text[at + 1 : at + 2]
        if "\ud800" <= high <= "\udbff" and "\udc00" <= low <= "\udfff":
            out.append(chr(0x10000 + ((ord(high) - 0xD800) << 10) + (ord(low) - 0xDC00)))
            at += 2
        else:
            out.append(high)
            at += 1
    return "".join(out)


def _unescaped(text: str) -> str:
    kept = "".join(c if not "\ud800" <= c <= "\udc7f" and not "\udd00" <= c <= "\udfff" else "\ufffd" for c in text)
    return kept.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
