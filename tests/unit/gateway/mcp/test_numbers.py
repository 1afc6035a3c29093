"""Numbers in JSON that is read and written again."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.jsonrpc import LongNumber, parse, read, write

names = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False, places=30, min_value=-(10**20), max_value=10**20)
    | names,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


def exact(text: bytes) -> Any:
    return json.loads(text, parse_float=Decimal)


@given(values)
def test_every_value_is_written_as_it_was_read(value: Any) -> None:
    text = write(value_of(value))
    assert exact(write(read(text))) == exact(text)


def value_of(value: Any) -> Any:
    """`value` with its numbers as a client writes them."""
    if isinstance(value, dict):
        return {key: value_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [value_of(item) for item in value]
    if isinstance(value, Decimal):
        return LongNumber(f"{value:f}")
    return LongNumber(str(value)) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize(
    "text",
    [
        b"1208925819614629174706177",
        b"-1208925819614629174706177",
        b"18446744073709551616",
        b"0.123456789012345678901234567890",
        b"123456789.123456789000",
        b"9007199254740993.0",
        b"[1,1.0,-0.0,12345678901234567890123]",
    ],
)
def test_digits_that_no_double_holds_stay(text: bytes) -> None:
    assert write(read(text)) == text


def test_a_long_number_calculates_as_a_number_and_shows_its_digits() -> None:
    number = parse(b"1208925819614629174706177")
    assert int(number) == 2**80 + 1 and str(number) == "1208925819614629174706177"
    assert math.isclose(number, 2.0**80)


def test_a_body_that_is_deep_and_holds_a_long_number_is_refused() -> None:
    with pytest.raises(McpError, match="not JSON"):
        read(b"[" * 1000 + b"1208925819614629174706177" + b"]" * 1000)
