"""JSON whose numbers leave as they came: one that neither 64 bits nor a double can hold keeps its digits.

Numbers beyond a double's range, of 309 digits and more, are refused.
"""

import json
from typing import Any, Self

import orjson

LONG_DIGITS = 16
"""A double holds every number of 15 digits."""
MAX_EXACT_BYTES = 1024 * 1024
"""In a larger body long numbers become doubles: reading it number by number would hold everybody up."""
INTEGER_DIGITS = 19
"""Shorter integers fit into 64 bits, signed or not."""
_DIGITS = bytes.maketrans(b"123456789.", b"0" * 10)
_LONG = b"0" * LONG_DIGITS


class LongNumber(float):
    """A float for whoever calculates with it, its own text for whoever writes it."""

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Self:
        """Of a JSON number."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text

    def __int__(self) -> int:
        return int(self.text) if self.text.removeprefix("-").isdigit() else super().__int__()


def parse(body: bytes) -> Any:
    """The JSON value in `body`. Raises `ValueError`."""
    value = orjson.loads(body)
    if len(body) > MAX_EXACT_BYTES or _LONG not in body.translate(_DIGITS):
        return value
    try:
        return json.loads(body, parse_int=_integer, parse_float=_decimal)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def rendered(value: Any) -> Any:
    """What orjson is to write for a value that it does not know."""
    if isinstance(value, LongNumber):
        return orjson.Fragment(value.text)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _integer(text: str) -> int | float:
    return int(text) if len(text) < INTEGER_DIGITS else LongNumber(text)


def _decimal(text: str) -> float:
    number = float(text)
    return number if len(text) < LONG_DIGITS or repr(number) == text else LongNumber(text)
