"""JSON-RPC 2.0 as MCP frames it: reading bodies within limits, and writing documents and events.

Numbers leave as they came: one that neither 64 bits nor a double can hold keeps its digits. Numbers beyond a double's
range, of 309 digits and more, are refused.
"""

import json
import re
from typing import Any, Self, TypeGuard

import orjson
from mcp_types.jsonrpc import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR

from agentnet.http.json_scan import JsonLimits, check_json
from agentnet.http.sse import frame
from gateway.mcp.messages.errors import Document, McpError

MAX_DEPTH = 100
"""Objects and arrays inside one another in a request; tools' arguments are far flatter."""
MAX_ID_CHARACTERS = 1024
MAX_BATCH = 100
"""Messages in one batch of the 2025-03-26 revision."""

LONG_DIGITS = 16
"""A double holds every number of 15 digits."""
MAX_VALUES = 500_000
ORJSON_DEPTH = 1_024
"""Deeper than this orjson reads nothing."""
MAX_EXACT_BYTES = 1024 * 1024
"""In a larger body long numbers become doubles: reading it number by number would hold everybody up."""
INTEGER_DIGITS = 19
"""Shorter integers fit into 64 bits, signed or not."""
_DIGITS = bytes.maketrans(b"123456789.", b"0" * 10)
_LONG = b"0" * LONG_DIGITS
RequestId = str | int
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


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


def check_size(body: bytes) -> None:
    """Raises `TooLargeError` for JSON of more values than any message has, before anything is built of it.

    Whoever sends to the gateway is looked at on the way in; what a server answers passes here.
    """
    # A value comes behind a comma or a bracket: hardly a body is looked over.
    if len(body) > MAX_VALUES < sum(map(body.count, (b",", b"[", b"{"))):
        check_json(body, JsonLimits(ORJSON_DEPTH, MAX_VALUES))


def parse(body: bytes) -> Any:
    """The JSON value in `body`. Raises `ValueError`."""
    value = orjson.loads(body)
    # So many digits in a row may be a text: then it is read twice for nothing, and no number loses a digit.
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


def read(body: bytes) -> Any:
    """The JSON value in `body`. Raises `McpError` for what is none, or is nested too deeply."""
    try:
        value = parse(body)
    except ValueError:
        raise McpError(PARSE_ERROR, "Parse error: the body is not JSON.", http=400) from None
    # With fewer brackets it cannot be deep: hardly a body is walked through.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and is_deeper(value, MAX_DEPTH):
        raise McpError(INVALID_REQUEST, f"The body is nested more than {MAX_DEPTH} levels deep.", http=400)
    return value


def is_deeper(value: Any, limit: int) -> bool:
    """Whether objects and arrays are nested more than `limit` levels deep."""
    level = [value]
    for _ in range(limit):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        level = [item for item in inner if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def object_or_empty(value: Any) -> Document:
    """`value` if it is an object."""
    return value if isinstance(value, dict) else {}


def text_in(params: Document, key: str, where: str = "") -> str:
    """The member `key` of `params`, said with `where` before it. Raises `McpError` for one that is no text."""
    value = params.get(key)
    if not isinstance(value, str):
        raise McpError(INVALID_PARAMS, f"{where}{key} must be a text.")
    return value


def write(document: Any) -> bytes:
    """`document` as JSON."""
    return orjson.dumps(document, default=rendered)


def has_nul(*texts: str) -> bool:
    """Whether these texts, which are JSON, hold a character that `jsonb` does not take."""
    return any(_NUL.search(text) for text in texts)


def event(data: bytes, identifier: str | None = None) -> bytes:
    """A server-sent event."""
    return frame(data, identifier, "message")


def is_request(message: Any) -> TypeGuard[Document]:
    """Whether `message` is a request in good form."""
    return is_notification(message) and is_id(message.get("id"))


def is_notification(message: Any) -> TypeGuard[Document]:
    """Whether `message` has a method and parameters in good form; a notification if it has no id besides."""
    return (
        isinstance(message, dict)
        and message.get("jsonrpc") == "2.0"
        and isinstance(message.get("method"), str)
        and isinstance(message.get("params", {}), dict)
    )


def is_response(message: Any) -> TypeGuard[Document]:
    """Whether `message` answers a request of ours."""
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0" or "method" in message:
        return False
    return is_id(message.get("id")) and (
        isinstance(message.get("result"), dict) or isinstance(message.get("error"), dict)
    )


def id_in(body: bytes) -> RequestId | None:
    """The id of the request in `body`, however wrong it is besides; None for anything else."""
    if len(body) > MAX_EXACT_BYTES:
        return None
    try:
        message = orjson.loads(body)
    except ValueError:
        return None
    found = message.get("id") if isinstance(message, dict) and "method" in message else None
    return found if is_id(found) else None


def request(identifier: RequestId, method: str, params: Document) -> Document:
    """A JSON-RPC request."""
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": params}


def notification(method: str, params: Document) -> Document:
    """A JSON-RPC notification."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def result(identifier: RequestId, value: Document) -> Document:
    """A JSON-RPC response that went well."""
    return {"jsonrpc": "2.0", "id": identifier, "result": value}


def is_id(value: Any) -> TypeGuard[RequestId]:
    """Whether `value` may be the id of a request."""
    if isinstance(value, str):
        return len(value) <= MAX_ID_CHARACTERS
    # In Python True is an int; in JSON-RPC it is no id.
    return isinstance(value, int) and not isinstance(value, bool)


def _integer(text: str) -> int | float:
    return int(text) if len(text) < INTEGER_DIGITS else LongNumber(text)


def _decimal(text: str) -> float:
    number = float(text)
    # A double that is written as it was read has lost nothing.
    return number if len(text) < LONG_DIGITS or repr(number) == text else LongNumber(text)
