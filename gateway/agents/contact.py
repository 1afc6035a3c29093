"""The gateway's own A2A client (1.0, JSON-RPC), for the MCP endpoint. It makes no connections of its own."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeVar

from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    GetTaskRequest,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
)
from a2a.utils.proto_utils import parse_lenient
from google.protobuf.json_format import MessageToDict, ParseError
from google.protobuf.message import Message as ProtobufMessage

from agentnet.discovery.directory import Entry
from agentnet.errors import AgentNetError, UnavailableError
from agentnet.http.sse import data_of
from agentnet.identity import Principal
from agentnet.ids import new_id
from agentnet.tasks.events import TERMINAL_STATES
from gateway.a2a.upstream import Upstream
from gateway.http.headers import is_event_stream
from gateway.http.transport import Headers, Incoming

MAX_ERROR_BYTES = 1024 * 1024
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Of a whole task with its files."""
TASK_NOT_FOUND = -32001
"""A2A 1.0, section 5.4."""

M = TypeVar("M", bound=ProtobufMessage)


class RefusedError(AgentNetError):
    """The agent answered with an A2A error; `code` is its JSON-RPC code."""

    http_status = 400
    status = "FAILED_PRECONDITION"

    @property
    def is_unknown_task(self) -> bool:
        """Whether it says that there is no such task, or none of this tenant's."""
        return self.data.get("code") == TASK_NOT_FOUND


@dataclass(frozen=True, slots=True)
class Contact:
    """One agent, as one caller reaches it. What is raised: `RefusedError`, `UnavailableError`."""

    calls: "AgentCalls"
    principal: Principal
    entry: Entry
    trace: Headers = field(default_factory=list[tuple[bytes, bytes]])

    @property
    def name(self) -> str:
        """The agent's."""
        return self.entry.name

    async def stream(
        self, request: SendMessageRequest | SubscribeToTaskRequest
    ) -> AsyncGenerator[StreamResponse, None]:
        """SendStreamingMessage or SubscribeToTask: events as they arrive."""
        is_message = isinstance(request, SendMessageRequest)
        incoming = await self._post("SendStreamingMessage" if is_message else "SubscribeToTask", request)
        try:
            if is_event_stream(_lower(incoming.headers)):
                async for data in data_of(incoming.chunks()):
                    yield _event(_result(data))
            else:
                yield _event(_result(await _whole(incoming)))
        finally:
            await incoming.close()

    async def send(self, request: SendMessageRequest) -> StreamResponse:
        """SendMessage: the task or message that it answers with, at once if the request asks for that."""
        return _event(await self._ask("SendMessage", request))

    async def get(self, task_id: str) -> Task:
        """GetTask, without its history."""
        return _parsed(await self._ask("GetTask", GetTaskRequest(id=task_id, history_length=0)), Task())

    async def watch(self, task_id: str) -> AsyncGenerator[StreamResponse, None]:
        """The task as it is, then its events until their stream ends; one that is over has no more."""
        task = await self.get(task_id)
        yield StreamResponse(task=task)
        if task.status.state not in TERMINAL_STATES:
            async with aclosing(self.stream(SubscribeToTaskRequest(id=task_id))) as events:
                async for event in events:
                    yield event

    async def cancel(self, task_id: str) -> None:
        """CancelTask. `RefusedError` also when it can no longer be cancelled."""
        await self._ask("CancelTask", CancelTaskRequest(id=task_id))

    async def _ask(self, method: str, params: ProtobufMessage) -> dict[str, Any]:
        incoming = await self._post(method, params)
        try:
            return _result(await _whole(incoming))
        finally:
            await incoming.close()

    async def _post(self, method: str, params: ProtobufMessage) -> Incoming:
        return await self.calls.post(self.principal, self.entry, method, params, self.trace)


class AgentCalls:
    """Calls agents for principals."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def post(
        self, principal: Principal, entry: Entry, method: str, params: ProtobufMessage, trace: Headers
    ) -> Incoming:
        """The response to an A2A request; must be closed. Raises `UnavailableError`."""
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
    body = bytearray()
    async for chunk in incoming.chunks():
        body += chunk
        if len(body) > MAX_ERROR_BYTES and incoming.status >= 400:
            break
        if len(body) > MAX_ANSWER_BYTES:
            raise UnavailableError(f"The agent's answer is over the limit of {MAX_ANSWER_BYTES} bytes.")
    return bytes(body)


def _event(result: dict[str, Any]) -> StreamResponse:
    return _parsed(result, StreamResponse())


def _parsed(result: dict[str, Any], message: M) -> M:
    try:
        return parse_lenient(result, message)
    except ParseError:
        raise UnavailableError("The agent's answer cannot be read.") from None


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
