"""Lines for a terminal: wrapped between words, which a terminal itself would cut where it ends."""

import re
import shutil
import unicodedata
from collections.abc import Iterator

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

# Direction characters too: with them a name can be shown as another ("Trojan Source", CVE-2021-42574).
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What drives a terminal: escape sequences, control and direction characters."""


def clean(text: str) -> str:
    """`text` of others without what drives a terminal."""
    return CONTROL.sub("", text)


def terminal_columns() -> int:
    """How wide the terminal is."""
    return shutil.get_terminal_size().columns


def wrapped(text: str, width: int) -> str:
    """`text` in lines of at most `width` columns, but for words that are longer: an address is there to be copied."""
    return "\n".join(line for each in text.split("\n") for line in _lines(each, width))


def _lines(text: str, width: int) -> Iterator[str]:
    if columns_of(text) <= width:
        yield text
        return
    indent = text[: len(text) - len(text.lstrip(" "))]
    line = ""
    for piece in re.findall(r"[^ ]+ *", text[len(indent) :]):
        if line and columns_of(indent + line + piece.rstrip(" ")) > width:
            yield indent + line.rstrip(" ")
            line = ""
        line += piece
    yield indent + line.rstrip(" ")


def columns_of(text: str) -> int:
    """East Asian characters take two, accents of their own and colours none."""
    text = _COLOURS.sub("", text)
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )
