"""JSON looked over as bytes, before anything is built of it: how deep, how many values, and what cannot be stored.

A parser builds first and complains later: ten megabytes of brackets are seconds of a stopped loop and a gigabyte. This
counts in C what a parser would build, in time that grows with the bytes alone, and a body piece by piece as it comes.
Whether it is JSON is the parser's business.
"""

import re
from dataclasses import dataclass

from agentnet.errors import InvalidInputError, TooLargeError

MAX_DEPTH = 100
MAX_VALUES = 20_000
SLICE_BYTES = 256 * 1024
"""So much is looked over at once: a few milliseconds at most."""
ESCAPE_BYTES = len(rb"\u0000")
PAIR_BYTES = 2 * ESCAPE_BYTES

MAX_DIGITS = 400
"""In a row, outside of texts. A double has 309 at most; who reads more takes the square of the time."""
MAX_SPACES = 2 * 1024 * 1024
"""Between the values: parsers skip them one by one."""

_KINDS = bytes.maketrans(b"123456789\t\r\n", b"000000000   ")
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'"[]{},:0123456789 \t\r\n'))
_NOT_BRACKETS = b",:0 "
_LONG_NUMBER = b"0" * (MAX_DIGITS + 1)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NUL = rb"\u0000"
_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ENDS_HIGH = re.compile(_HIGH + rb"\Z")
# No parser of ours but the standard library's takes half a pair; behind it, neither UTF-8 nor PostgreSQL do.
_HALF = re.compile(rb"%b(?!%b)|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})%b" % (_HIGH, _LOW, _LOW))


class UnstorableError(InvalidInputError):
    """A text that PostgreSQL cannot hold."""


NUL = UnstorableError("The request holds the character NUL (U+0000), which cannot be stored; leave it out.")
HALF_PAIR = UnstorableError("The request holds half of a surrogate pair, which is no character; send whole ones.")


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """How large a JSON document may be, whatever its bytes."""

    depth: int = MAX_DEPTH
    """Objects and arrays inside one another."""
    values: int = MAX_VALUES
    """Objects, arrays, texts, numbers and names together, about."""


def is_plain(document: bytes, limits: JsonLimits) -> bool:
    """Whether a glance shows a whole document to be within `limits`, and all its texts to be storable: nearly always.

    A value takes a byte and its comma another, so that few bytes are few values.
    """
    return (
        len(document) <= limits.values
        and document.count(b"[") + document.count(b"{") <= limits.depth
        and b"\\u" not in document
    )


class JsonScan:
    """One document, `feed` by `feed`."""

    def __init__(self, limits: JsonLimits) -> None:
        self._limits = limits
        self._rest = b""
        """The end of what came: an escape that goes on in what comes next."""
        self._in_text = False
        self._depth = 0
        self._values = 1
        self._quotes = 0
        self._spaces = 0
        self._digits = b""
        """Those that the last piece ended with."""
        self._is_new = True
        self.unstorable: UnstorableError | None = None
        """Why PostgreSQL could not hold its texts, if it could not."""

    def feed(self, data: bytes, *, last: bool) -> None:
        """Look over more of it, `last` for its end. Raises `TooLargeError`."""
        if last and self._is_new and is_plain(data, self._limits):
            return
        self._is_new = False
        for start in range(0, len(data) or 1, SLICE_BYTES):
            piece = data[start : start + SLICE_BYTES]
            self._look(self._rest + piece, last=last and start + SLICE_BYTES >= len(data))

    def _look(self, data: bytes, *, last: bool) -> None:
        self._rest = b""
        if b"\\" in data:
            data = data.replace(rb"\\", b"..")  # from the left, as escapes are read
            if not last:
                data, self._rest = _before_open_escape(data)
            self._note_unstorable(data)
            data = data.replace(rb"\"", b"..")
        data = data.translate(_KINDS, _NOT_STRUCTURE)
        self._quotes += data.count(b'"')
        self._count(0)  # now, or a piece of nothing but quotes would be cut into too many
        texts = data.split(b'"')
        outside = b'"'.join([self._digits, *texts[1::2]] if self._in_text else [self._digits + texts[0], *texts[2::2]])
        self._in_text ^= len(texts) % 2 == 0
        self._check_fillers(outside)
        self._count(outside.count(b",") + outside.count(b":"))
        self._descend(outside.translate(None, _NOT_BRACKETS + b'"'))

    def _check_fillers(self, outside: bytes) -> None:
        if _LONG_NUMBER in outside:
            raise TooLargeError(f"The body has a number of more than {MAX_DIGITS} digits.", limit=MAX_DIGITS)
        self._digits = outside[len(outside.rstrip(b"0")) :]
        self._spaces += outside.count(b" ")
        if self._spaces > MAX_SPACES:
            raise TooLargeError(f"The body has more than {MAX_SPACES} bytes of white space.", limit=MAX_SPACES)

    def _count(self, values: int) -> None:
        self._values += values
        limit = self._limits.values
        if max(self._values, self._quotes // 2) > limit:
            raise TooLargeError(f"The body has more than {limit} values; send less at once.", limit=limit)

    def _descend(self, brackets: bytes) -> None:
        opened = brackets.count(b"[") + brackets.count(b"{")
        self._count(opened)
        if self._depth + opened <= self._limits.depth:
            self._depth = max(0, self._depth + 2 * opened - len(brackets))
            return
        depth = self._depth
        for bracket in brackets:
            depth += _STEPS[bracket]
            if depth > self._limits.depth:
                limit = self._limits.depth
                raise TooLargeError(f"The body is nested more than {limit} levels deep.", limit=limit)
        self._depth = max(0, depth)

    def _note_unstorable(self, data: bytes) -> None:
        if self.unstorable is None and rb"\u" in data:
            if _NUL in data:
                self.unstorable = NUL
            elif _HALF.search(data):
                self.unstorable = HALF_PAIR


def check_json(document: bytes, limits: JsonLimits) -> None:
    """Raises `TooLargeError` for a whole document over `limits`."""
    if not is_plain(document, limits):
        JsonScan(limits).feed(document, last=True)


def check_storable(text: str) -> None:
    """Raises `UnstorableError` for a text that PostgreSQL cannot hold."""
    if "\x00" in text:
        raise NUL
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise HALF_PAIR


def _before_open_escape(data: bytes) -> tuple[bytes, bytes]:
    """`data` up to where an escape, or a pair of them, may go on in what comes next; and the rest."""
    start = data.find(b"\\", max(0, len(data) - PAIR_BYTES))
    if start < 0:
        return data, b""
    if _ENDS_HIGH.search(data, max(0, start - ESCAPE_BYTES), start):
        start -= ESCAPE_BYTES
    return data[:start], data[start:]
