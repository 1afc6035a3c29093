"""The gateway's own A2A client (1.0, JSON-RPC), for the MCP endpoint. It makes no connections of its own."""

import json
from collections.abc import AsyncGenerator
from typing import Any

from a2a.types.a2a_pb2 import CancelTaskRequest, SendMessageRequest, StreamResponse
from a2a.utils.proto_utils import parse_lenient
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message as ProtobufMessage

from agentnet.directory import Entry
from agentnet.errors import AgentNetError, UnavailableError
from agentnet.identity import Principal
from agentnet.ids import new_id
from gateway.events import data_of
from gateway.headers import is_event_stream
from gateway.transport import Headers, Incoming
from gateway.upstream import Upstream

MAX_ERROR_BYTES = 1024 * 1024


class RefusedError(AgentNetError):
    """The agent answered with an A2A error; `code` is its JSON-RPC code."""

    http_status = 400
    status = "FAILED_PRECONDITION"


class AgentCalls:
    """Calls agents for a principal."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def stream(
        self, principal: Principal, entry: Entry, request: SendMessageRequest, trace: Headers
    ) -> AsyncGenerator[StreamResponse, None]:
        """SendStreamingMessage: events as they arrive. Raises `RefusedError`, `UnavailableError`."""
        incoming = await self._post(principal, entry, "SendStreamingMessage", request, trace)
        try:
            if is_event_stream(_lower(incoming.headers)):
                async for data in data_of(incoming.chunks()):
                    yield _event(data)
            else:
                yield _event(await _whole(incoming))
        finally:
            await incoming.close()

    async def cancel(self, principal: Principal, entry: Entry, task_id: str) -> None:
        """CancelTask. Raises `RefusedError` when it can no longer be cancelled, `UnavailableError`."""
        incoming = await self._post(principal, entry, "CancelTask", CancelTaskRequest(id=task_id), [])
        try:
            _result(await _whole(incoming))
        finally:
            await incoming.close()

    async def _post(
        self, principal: Principal, entry: Entry, method: str, params: ProtobufMessage, trace: Headers
    ) -> Incoming:
        document = {"jsonrpc": "2.0", "id": new_id(), "method": method, "params": MessageToDict(params)}
        body = json.dumps(document).encode()
        headers: Headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"accept", b"application/json, text/event-stream"),
            (b"a2a-version", b"1.0"),
            *trace,
        ]
        return await self._upstream.open(principal, entry, "POST", "", headers, lambda: body)


def _lower(headers: Headers) -> Headers:
    return [(key.lower(), value) for key, value in headers]


async def _whole(incoming: Incoming) -> bytes:
    body = b""
    async for chunk in incoming.chunks():
        body += chunk
        if len(body) > MAX_ERROR_BYTES and incoming.status >= 400:
            break
    return body


def _event(data: bytes) -> StreamResponse:
    result = _result(data)
    event: StreamResponse = parse_lenient(result, StreamResponse())
    return event


def _result(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError:
        raise UnavailableError("The agent's answer cannot be read.") from None
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        raise RefusedError(str(error.get("message", "The agent refused.")), code=error.get("code"))
    result = document.get("result") if isinstance(document, dict) else None
    if not isinstance(result, dict):
        raise UnavailableError("The agent's answer cannot be read.")
    return result
