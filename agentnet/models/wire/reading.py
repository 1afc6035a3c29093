"""JSON as endpoints send it: read strictly first, then as leniently as it has to be, and never without bounds."""

import ast
import json
import re
from typing import Any, cast

import orjson

from agentnet.errors import TooLargeError
from agentnet.http.json_scan import JsonLimits, check_json
from agentnet.models.endpoints.failure import Kind, ModelError

LIMITS = JsonLimits(depth=100, values=500_000)
PLAIN_BYTES = 1024
"""Fewer bytes than this can hold nothing that is deep or many."""
MAX_LITERAL = 256 * 1024
"""Characters of a text that is read in Python's notation."""
MAX_BRACKETS = 2_000

FENCE = re.compile(r"```[\w-]*")
_CONTROLS = re.compile(r"[\x00-\x1f]")
_BRACKETS = re.compile(r"[\[{(]")


def loads(data: bytes) -> Any:
    """What `data` says. Raises `ValueError`; `ModelError` where it is deeper or larger than any answer."""
    if len(data) > PLAIN_BYTES:
        try:
            check_json(data, LIMITS)
        except TooLargeError as error:
            raise ModelError(Kind.GARBLED, f"The model's server sent JSON that is no answer: {error.message}") from None
    return orjson.loads(data)


def loads_loosely(data: bytes) -> Any:
    """As `loads`, but with NaN, raw control characters and halves of characters in it. Raises `ValueError`."""
    try:
        return json.loads(data.decode("utf-8", "surrogateescape"), strict=False)
    except RecursionError as error:
        raise ValueError("too deep") from error


def dumps(value: Any) -> bytes:
    """`value` as JSON."""
    try:
        return orjson.dumps(value)
    except TypeError:  # half a character, or a number of more than 64 bits
        return json.dumps(value, separators=(",", ":")).encode()


def object_in(text: str) -> dict[str, Any] | None:
    """The object that `text` means to be: fenced, encoded twice, with something behind it, or in Python's notation."""
    for _ in range(4):
        text = text.strip()
        if found := FENCE.match(text):
            text = text[found.end() :].removesuffix("```").strip()
        if text in ("", "null", "None", "undefined", '""'):
            return {}
        value = _value_in(text)
        if isinstance(value, dict):
            return cast("dict[str, Any]", value)
        if value == []:
            return {}
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
            return cast("dict[str, Any]", value[0])
        if not isinstance(value, str):
            return None
        text = value
    return None


def first_value(text: str, at: int = 0) -> tuple[Any, int]:
    """The JSON value that begins at `at`, and where it ends. Raises `ValueError`."""
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, at)
    except RecursionError as error:
        raise ValueError("too deep") from error


def text_of(value: Any) -> str:
    """`value` as the JSON text that arguments are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def escaped(text: str) -> str:
    """The inside of a JSON text with its raw control characters escaped."""
    return _CONTROLS.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _value_in(text: str) -> Any:
    try:
        return first_value(text)[0]
    except ValueError:
        pass
    if (start := text.find("{")) > 0 and text[:1] not in "[({'\"":
        try:
            return first_value(text, start)[0]
        except ValueError:
            pass
    return _literal(text)


def _literal(text: str) -> Any:
    """A value in Python's notation; None for anything else."""
    if len(text) > MAX_LITERAL or len(_BRACKETS.findall(text)) > MAX_BRACKETS:
        return None
    try:
        value = ast.literal_eval(text)
        json.dumps(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return value
