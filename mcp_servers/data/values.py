"""Values of DuckDB as JSON says them, exact: whatever JSON or Python would round, shift or refuse becomes text.

DuckDB itself makes the text, in the query: Python's own types know no year over 9999, no hour 24, no nanosecond and no
month of an interval.
"""

import json
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

MAX_CELL_CHARACTERS = 500
MAX_BYTES_SHOWN = 64
EXACT_DIGITS = 15
"""Of a decimal, as many as any float keeps."""

_PLAIN = ("boolean", "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger",
          "ubigint", "uhugeint", "float", "double", "decimal", "varchar", "sqlnull")  # fmt: skip
_NESTED = ("list", "array", "struct", "map", "union", "variant")
_MOMENT = re.compile(r"(\d) (\d\d:\d\d)")
_SHORT_OFFSET = re.compile(r"(:\d\d(?:\.\d+)?[+-]\d\d)$")


def selected(names: Sequence[str], kinds: Sequence[str]) -> str:
    """The select list that brings columns of these DuckDB types as Python can take them."""
    return ", ".join(map(_expression, names, kinds))


def _expression(name: str, kind: str) -> str:
    if kind in _PLAIN:
        return name
    if kind in _NESTED:
        return f"CAST(to_json({name}) AS VARCHAR)"
    if kind == "blob":
        long = f"octet_length({name}) > {MAX_BYTES_SHOWN}"
        return f"CASE WHEN {long} THEN '<' || octet_length({name}) || ' bytes>' ELSE CAST({name} AS VARCHAR) END"
    return f"CAST({name} AS VARCHAR)"


def cell(value: Any, kind: str = "") -> Any:
    """`value` of a column of type `kind` as JSON can say it, cut to `MAX_CELL_CHARACTERS`."""
    if value is None or isinstance(value, bool):
        return value
    if kind in _NESTED:
        nested = _nested(value)
        return nested if len(str(nested)) <= MAX_CELL_CHARACTERS else _cut(str(value))
    if kind.startswith("time") and isinstance(value, str):
        # As ISO 8601 has moments: 2024-01-31T10:00:00+00:00.
        return _SHORT_OFFSET.sub(r"\1:00", _MOMENT.sub(r"\1T\2", value, count=1))
    return _single(value)


def _single(value: Any) -> Any:
    if isinstance(value, int):
        # Beyond it JSON readers round (RFC 8259 section 6): ids would come out wrong, and nobody would see it.
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, Decimal) and value.is_finite():
        # With more digits a float is not the same number any more, or one that looks like noise.
        return float(value) if len(value.normalize().as_tuple().digits) <= EXACT_DIGITS else format(value, "f")
    if isinstance(value, float | Decimal):
        # JSON has neither NaN nor Infinity.
        return float(value) if math.isfinite(value) else _infinite(float(value))
    return _cut(str(value))


def _infinite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _nested(text: str) -> Any:
    return _inner(json.loads(text, parse_float=Decimal))


def _inner(value: Any) -> Any:
    if isinstance(value, list):
        return [_inner(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _inner(item) for key, item in value.items()}
    return value if value is None or isinstance(value, bool) else _single(value)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CELL_CHARACTERS else text[:MAX_CELL_CHARACTERS] + "…"
