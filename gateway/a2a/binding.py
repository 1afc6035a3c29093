"""How an error is said in the caller's own protocol: A2A over JSON-RPC, or A2A over HTTP+JSON."""

import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from starlette.types import Send

from agentnet.errors import (
    AgentNetError,
    UnavailableError,
    error_body,
)
from agentnet.http.errors import error_headers
from agentnet.http.sse import frame

INVALID_REQUEST = -32600
INTERNAL_ERROR = -32603
UNAVAILABLE = -32051
"""As the agents of the network say it (`agentnet.a2a.errors`): -32603 reads as for ever."""
A2A_JSON, JSON = "application/a2a+json", "application/json"
# Bounded, as it runs over what anybody sends before that is known to be JSON.
ID_PATTERN = re.compile(rb'"id"\s*:\s*("(?:[^"\\]|\\.){0,256}"|-?\d{1,18})')


class Binding(Enum):
    """The two HTTP bindings of A2A."""

    JSONRPC = "JSONRPC"
    REST = "HTTP+JSON"


def request_id(body: bytes, complete: bool) -> str | int | None:
    """The id of a JSON-RPC request: read from the whole body, or guessed from its beginning."""
    try:
        found = json.loads(body) if complete else json.loads((ID_PATTERN.search(body) or [b"", b"null"])[1])
    except (ValueError, RecursionError):  # the latter for "[[[[…"
        return None
    # An id that cannot be told is null (JSON-RPC 2.0 section 5).
    value = found.get("id") if isinstance(found, dict) else found
    return value if isinstance(value, str | int) else None


def jsonrpc_error(error: AgentNetError, identifier: str | int | None) -> dict[str, Any]:
    """`error` as a JSON-RPC response; `data` holds google.rpc details as A2A 1.0 section 9.5 has it."""
    status = error_body(error)["error"]
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.status,
        "domain": "agentnet",
        "metadata": {key: str(value) for key, value in error.data.items()},
    }
    code = INTERNAL_ERROR if error.http_status >= 500 else INVALID_REQUEST
    if isinstance(error, UnavailableError):
        code = UNAVAILABLE
    body = {"code": code, "message": status["message"], "data": [info]}
    return {"jsonrpc": "2.0", "id": identifier, "error": body}


async def send_protocol_error(send: Send, error: AgentNetError, binding: Binding, identifier: str | int | None) -> None:
    """Answer with `error`. An agent that is away is an answer (200) in JSON-RPC: its clients read only those."""
    if binding is Binding.REST:
        status, document = error.http_status, error_body(error)
    else:
        status = 200 if isinstance(error, UnavailableError) else error.http_status
        document = jsonrpc_error(error, identifier)
    await _send_json(send, status, document, error, A2A_JSON if binding is Binding.REST else JSON)


def stream_error(error: AgentNetError, binding: Binding, identifier: str | int | None) -> bytes:
    """`error` as the last event of a stream, as the SDK's own servers end one."""
    document = error_body(error) if binding is Binding.REST else jsonrpc_error(error, identifier)
    return frame(json.dumps(document).encode(), event="error")


async def _send_json(
    send: Send, status: int, document: Mapping[str, Any], error: AgentNetError, media_type: str
) -> None:
    body = json.dumps(document).encode()
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in error_headers(error).items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
