"""In which form an address says its errors: those of JSON-RPC, those of A2A over HTTP+JSON, and the network's own.

For whoever refuses a request before its handler sees it: its client reads one form alone, whoever refuses.
"""

import json
import re
from enum import Enum
from typing import Any

import orjson
from starlette.types import Send

from agentnet.errors import AgentNetError, BusyError, UnavailableError, error_body
from agentnet.http.errors import error_headers

INVALID_REQUEST = -32600
INTERNAL_ERROR = -32603
BUSY = -32050
UNAVAILABLE = -32051
"""As the agents of the network say it (`agentnet.a2a.errors`): -32603 reads as for ever."""
A2A_JSON, JSON = "application/a2a+json", "application/json"
READ_FOR_ID_BYTES = 64 * 1024

_ID = rb'"id"\s*:\s*("(?:[^"\\]|\\.){0,256}"|-?\d{1,18}(?=\s*[,}]))'
# Bounded, as it runs over what anybody sends. Only behind members that hold no other: a message has an id too.
_BEGUN = re.compile(rb'\s*\{(?:\s*"(?:jsonrpc|method)"\s*:\s*"[^"\\]{0,256}"\s*,){0,4}\s*' + _ID)
_NO_CHARACTER = "\ufffd".encode()
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_JSONRPC = re.compile(r"/?|/agents/[^/]+/?|/mcp/?|/mcp/[^/.]+")
_A2A_0_3 = re.compile(r"(?:/agents/[^/]+)?/v1/(?:message:(?:send|stream)|tasks/.+|card)")
_A2A = re.compile(r"(?:/agents/[^/]+|/(?!v1/)[^/]+)?/(?:message:(?:send|stream)|tasks(?:/.*)?|extendedAgentCard)")
"""With a tenant in its path, too."""


class Form(Enum):
    """Of errors."""

    PLAIN = "the network's own"
    JSONRPC = "JSON-RPC 2.0"
    A2A = "HTTP+JSON of A2A 1.0"
    A2A_0_3 = "HTTP+JSON of A2A 0.3"

    @property
    def media_type(self) -> str:
        """Of a body in this form."""
        return A2A_JSON if self is Form.A2A else JSON


def form_of(method: str, path: str) -> Form:
    """The form of an address of the network, whichever service has it."""
    if method == "POST" and _JSONRPC.fullmatch(path):
        return Form.JSONRPC
    if _A2A_0_3.fullmatch(path):
        return Form.A2A_0_3
    return Form.A2A if _A2A.fullmatch(path) else Form.PLAIN


def request_id(body: bytes, complete: bool) -> str | int | None:
    """The id of a JSON-RPC request, read from the whole body or from its beginning.

    Where it cannot be told, or not at small cost, it is null (JSON-RPC 2.0 section 5).
    """
    try:
        if complete and len(body) <= READ_FOR_ID_BYTES:
            request = orjson.loads(_SURROGATE.sub(_NO_CHARACTER, body))  # which it would refuse
            found = request.get("id") if isinstance(request, dict) else None
        else:
            begun = _BEGUN.match(body)
            found = orjson.loads(_SURROGATE.sub(_NO_CHARACTER, begun[1])) if begun else None
    except orjson.JSONDecodeError:
        return None
    if isinstance(found, str) and "\ufffd" in found:  # with half a pair in it no answer could name it
        return None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def jsonrpc_error(error: AgentNetError, identifier: str | int | None) -> dict[str, Any]:
    """`error` as a JSON-RPC response; `data` holds google.rpc details as A2A 1.0 section 9.5 has it."""
    code = INTERNAL_ERROR if error.http_status >= 500 else INVALID_REQUEST
    if isinstance(error, UnavailableError):
        code = UNAVAILABLE
    elif isinstance(error, BusyError):
        code = BUSY
    return {
        "jsonrpc": "2.0",
        "id": identifier,
        "error": {"code": code, "message": str(error), "data": [_info(error)]},
    }


def rest_error(error: AgentNetError) -> dict[str, Any]:
    """`error` as a body of HTTP+JSON, as agents say theirs (A2A 1.0 section 11.6)."""
    return {"error": error_body(error)["error"] | {"details": [_info(error)]}}


def document_of(error: AgentNetError, form: Form, identifier: str | int | None) -> dict[str, Any]:
    """`error` in that form."""
    if form is Form.JSONRPC:
        return jsonrpc_error(error, identifier)
    return error_body(error) if form is Form.PLAIN else rest_error(error)


async def send_in_form(
    send: Send, error: AgentNetError, form: Form, identifier: str | int | None = None, status: int | None = None
) -> None:
    """Answer with `error`, with its own status unless another is given."""
    body = json.dumps(document_of(error, form, identifier)).encode()
    headers = [(b"content-type", form.media_type.encode()), (b"content-length", b"%d" % len(body))]
    headers += [(name.encode(), value.encode()) for name, value in error_headers(error).items()]
    await send({"type": "http.response.start", "status": status or error.http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _info(error: AgentNetError) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.status,
        "domain": "agentnet",
        "metadata": {key: str(value) for key, value in error.data.items()},
    }
