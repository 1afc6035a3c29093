"""JSON-RPC 2.0 as MCP frames it: reading bodies within limits, and writing documents and events."""

import re
from typing import Any, TypeGuard

import orjson
from mcp_types.jsonrpc import INVALID_REQUEST, PARSE_ERROR

from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.numbers import parse, rendered

MAX_DEPTH = 100
"""Objects and arrays inside one another in a request; tools' arguments are far flatter."""
MAX_ID_CHARACTERS = 1024
MAX_BATCH = 100
"""Messages in one batch of the 2025-03-26 revision."""

RequestId = str | int
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def read(body: bytes) -> Any:
    """The JSON value in `body`. Raises `McpError` for what is none, or is nested too deeply."""
    try:
        value = parse(body)
    except ValueError:
        raise McpError(PARSE_ERROR, "Parse error: the body is not JSON.", http=400) from None
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


def write(document: Any) -> bytes:
    """`document` as JSON."""
    return orjson.dumps(document, default=rendered)


def has_nul(*texts: str) -> bool:
    """Whether these texts, which are JSON, hold a character that `jsonb` does not take."""
    return any(_NUL.search(text) for text in texts)


def event(data: bytes, identifier: str | None = None) -> bytes:
    """A server-sent event."""
    head = f"id: {identifier}\n".encode() if identifier else b""
    return b"event: message\n%bdata: %b\n\n" % (head, data)


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
    return isinstance(value, int) and not isinstance(value, bool)
