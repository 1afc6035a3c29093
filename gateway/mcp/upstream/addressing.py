"""Names on their way from the gateway to a server and back: which parameter names the item, and ids that lead back.

Ids that a client sends back later, of tasks, of questions and of events, begin with their server's name.
"""

import re
from typing import Any
from urllib.parse import quote, unquote

from mcp.shared.inbound import (
    NAME_BEARING_METHODS,
    encode_header_value,
    find_invalid_x_mcp_header,
    mcp_param_headers,
    x_mcp_header_map,
)

from gateway.http.transport import Headers
from gateway.mcp.messages.envelope import TASK_METHODS
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.jsonrpc import object_or_empty
from gateway.mcp.messages.parameters import PARAM_PREFIX
from gateway.mcp.upstream.http import passed_on

# Bounded: it reads what a client sends, and int() raises for too many digits.
_NUMBER = re.compile(r"-?[0-9]{1,18}")
TASKS = "io.modelcontextprotocol/tasks"
SEPARATOR = "~"
NAMED_BY = {
    **NAME_BEARING_METHODS,
    "resources/subscribe": "uri",
    "resources/unsubscribe": "uri",
    **dict.fromkeys(TASK_METHODS, "taskId"),
}


def renamed(method: str, params: Document, own: str) -> Document:
    """`params` with the item under the server's own name for it."""
    key = NAMED_BY.get(method)
    if key is not None:
        return params if params.get(key) == own else params | {key: own}
    reference = object_or_empty(params.get("ref"))
    key = "name" if reference.get("type") == "ref/prompt" else "uri"
    return params | {"ref": reference | {key: own}}


def headers_for(headers: Headers, method: str, own: str) -> Headers:
    """The headers of a modern request to the server, which name the item as its body does."""
    kept = passed_on(headers)
    if method not in NAMED_BY:
        return kept
    # The server compares it with the body, where the item has its own name (-32020).
    named = [(name, value) for name, value in kept if name != b"mcp-name"]
    return [*named, (b"mcp-name", encoded(own))]


def with_arguments(headers: Headers, schema: Any, arguments: Any) -> Headers:
    """`headers` with those arguments in them that the tool's schema wants there (`x-mcp-header`)."""
    kept = [(name, value) for name, value in headers if not name.startswith(PARAM_PREFIX)]
    if isinstance(arguments, dict) and find_invalid_x_mcp_header(schema) is None:
        wanted = mcp_param_headers(x_mcp_header_map(schema), arguments)
        kept += [(name.lower().encode(), value.encode()) for name, value in wanted.items()]
    return kept


def encoded(name: str) -> bytes:
    """A name as a header's value; base64 in its sentinel where it would not survive."""
    return encode_header_value(name).encode()


def marked(server: str, identifier: str | int) -> str:
    """An id of `server`, to be read again by `unmarked`."""
    # 1 and "1" are two ids in JSON-RPC.
    kind = "n" if isinstance(identifier, int) else "s"
    return f"{server}{SEPARATOR}{kind}{identifier}"


def marked_event(server: str, answers: str | int | None, event: str) -> str:
    """The id of an event in the answer to the request `answers`, or in a stream of no request (None)."""
    request = marked("", answers).removeprefix(SEPARATOR) if answers is not None else ""
    # Of the three parts the last one alone is a server's, and may hold anything.
    return SEPARATOR.join((server, quote(request, safe="").replace(SEPARATOR, "%7E"), event))


def unmarked_event(text: str) -> tuple[str, str | int | None, str]:
    """Server, request and event of an id that `marked_event` made; an empty event for any other."""
    server, _, rest = text.partition(SEPARATOR)
    request, _, event = rest.partition(SEPARATOR)
    read = unmarked(f"{server}{SEPARATOR}{unquote(request)}")
    return server, read[1] if read else None, event


def unmarked(text: Any) -> tuple[str, str | int] | None:
    """Server and id of a text that `marked` made; None for any other."""
    if not isinstance(text, str):
        return None
    server, found, rest = text.partition(SEPARATOR)
    if not found or not server or rest[:1] not in ("s", "n"):
        return None
    if rest[0] == "s":
        return server, rest[1:]
    return (server, int(rest[1:])) if _NUMBER.fullmatch(rest[1:]) else None
