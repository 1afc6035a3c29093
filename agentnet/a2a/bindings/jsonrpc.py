"""The JSON-RPC binding (A2A 1.0 section 9), with the methods of 0.3 on the same address."""

import logging
from collections.abc import Iterable
from contextlib import aclosing
from typing import Any

from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTasksRequest,
    SubscribeToTaskRequest,
    TaskPushNotificationConfig,
)
from a2a.utils.errors import A2AError, InvalidRequestError, MethodNotFoundError
from google.protobuf.json_format import ParseError
from starlette.types import ASGIApp, Receive, Scope, Send

from agentnet.a2a.bindings.calls import (
    VERSION,
    Headers,
    check_state,
    check_version,
    extension_headers,
    headers_of,
    parse_json,
    read_body,
    retry_after,
    stated_version,
)
from agentnet.a2a.bindings.jsonrpc03 import JsonRpc03
from agentnet.a2a.bindings.older import RequestId, older_context, older_headers
from agentnet.a2a.bindings.operations import Operations, Unary
from agentnet.a2a.bindings.sse import KEEP_ALIVE, EventStream, Frames
from agentnet.a2a.errors import as_a2a, jsonrpc_error
from agentnet.a2a.handler import DurableRequestHandler
from agentnet.a2a.parameters import call_context
from agentnet.a2a.stream import TaskStream
from agentnet.http.sse import frame
from agentnet.tasks.wire import dumps, parsed

logger = logging.getLogger(__name__)


class JsonRpc:
    """The ASGI endpoint."""

    def __init__(self, handler: DurableRequestHandler) -> None:
        self._handler = handler
        self._older = JsonRpc03(handler)
        self._operations = own = Operations(handler)
        self._unary: dict[str, Unary] = {
            "SendMessage": own.send_message,
            "GetTask": _parsing(GetTaskRequest, own.get_task),
            "ListTasks": self._list_tasks,
            "CancelTask": _parsing(CancelTaskRequest, own.cancel_task),
            "CreateTaskPushNotificationConfig": _parsing(TaskPushNotificationConfig, own.create_push_config),
            "GetTaskPushNotificationConfig": _parsing(GetTaskPushNotificationConfigRequest, own.get_push_config),
            "ListTaskPushNotificationConfigs": _parsing(ListTaskPushNotificationConfigsRequest, own.list_push_configs),
            "DeleteTaskPushNotificationConfig": _parsing(
                DeleteTaskPushNotificationConfigRequest, own.delete_push_config
            ),
            "GetExtendedAgentCard": _parsing(GetExtendedAgentCardRequest, own.get_extended_card),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. What it came as is not kept while a stream is sent."""
        respond = await self._response(scope, receive)
        await respond(scope, receive, send)

    async def _response(self, scope: Scope, receive: Receive) -> ASGIApp:
        headers = headers_of(scope)
        request_id: RequestId = None
        try:
            body = parse_json(headers, await read_body(receive))
            # Before all checks: an error has its request's id, or null where none can be read (JSON-RPC 2.0 section 5).
            request_id = _request_id(body)
            method, params = _checked(body)
            if self._older.knows(method):  # told by the method's name: clients of 0.3 send no version
                return await self._answer_older(method, body, request_id, scope, headers)
            context = call_context(scope["state"]["principal"], headers)
            if method in ("SendStreamingMessage", "SubscribeToTask"):
                check_version(headers, scope)
                stream = await self._stream(method, params, context)
                return EventStream(_frames(stream, request_id), extension_headers(self._handler.activated(context)))
            call = self._unary.get(method)
            if call is None:
                raise MethodNotFoundError(f"There is no method {method[:80]!r}.")
            check_version(headers, scope)
            result = await call(params, context)
            more = extension_headers(self._handler.activated(context))
            return _Answer(dumps({"result": result, "id": request_id, "jsonrpc": "2.0"}), more)
        except Exception as error:  # noqa: BLE001 - the boundary to clients: whatever it was becomes a JSON-RPC error
            return _refusal(request_id, as_a2a(error))

    async def _answer_older(
        self, method: str, body: Any, request_id: RequestId, scope: Scope, headers: Headers
    ) -> ASGIApp:
        if stated_version(headers, scope) == VERSION:
            raise MethodNotFoundError(f"{method} is a method of A2A 0.3; this request says that it speaks {VERSION}.")
        context = older_context(scope, headers)
        if self._older.streams(method):
            frames = self._older.stream(method, body, request_id, context)
            return EventStream(frames, older_headers(self._handler.activated(context)))
        answer = await self._older.answer(method, body, request_id, context)
        return _Answer(answer, older_headers(self._handler.activated(context)))

    async def _list_tasks(self, params: Any, context: ServerCallContext) -> Any:
        request = _parsed(params, ListTasksRequest())
        check_state(params.get("status"))
        return await self._operations.list_tasks(request, context)

    async def _stream(self, method: str, params: Any, context: ServerCallContext) -> TaskStream:
        if method == "SendStreamingMessage":
            return await self._operations.open_stream(params, context)
        return await self._operations.subscribe(_parsed(params, SubscribeToTaskRequest()), context)


def _parsing(model: type[Any], operation: Unary) -> Unary:
    """`operation` for the params of a request."""

    async def call(params: Any, context: ServerCallContext) -> Any:
        return await operation(_parsed(params, model()), context)

    return call


def _parsed(params: Any, message: Any) -> Any:
    if not isinstance(params, dict):
        raise ParseError("params must be an object.")
    return parsed(params, message)


def _request_id(body: Any) -> RequestId:
    """The id as far as it is a valid one: a string, an integer or null."""
    value = body.get("id") if isinstance(body, dict) else None
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None


def _checked(body: Any) -> tuple[str, Any]:
    """Method and params of a JSON-RPC 2.0 request. Raises `InvalidRequestError`."""
    if isinstance(body, list):
        raise InvalidRequestError("Batches are not supported; send one request at a time.")
    if not isinstance(body, dict) or body.get("jsonrpc") != "2.0":
        raise InvalidRequestError('A request is an object with "jsonrpc": "2.0".')
    identifier, method = body.get("id"), body.get("method")
    if identifier is not None and _request_id(body) is None:
        raise InvalidRequestError("id must be a string, an integer or null.")
    if not isinstance(method, str) or not method:
        raise InvalidRequestError("method must be a string.")
    return method, body.get("params", {})


async def _frames(stream: TaskStream, request_id: RequestId) -> Frames:
    """The stream as frames; its errors as one last event."""
    head = b'{"jsonrpc":"2.0","id":%b,"result":' % dumps(request_id)
    try:
        async with aclosing(stream.frames()) as items:
            async for item in items:
                if item is None:
                    yield KEEP_ALIVE
                else:
                    yield frame(b"%b%b}" % (head, item.json), str(item.position))
                del item
    except Exception as error:  # noqa: BLE001 - the boundary to clients
        yield frame(_error(request_id, as_a2a(error)), event="error")


class _Answer:
    """An ASGI response of JSON."""

    __slots__ = ("_body", "_extra")

    def __init__(self, body: bytes, extra: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._body = body
        self._extra = extra

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        length = b"%d" % len(self._body)
        headers = [(b"content-type", b"application/json"), (b"content-length", length), *self._extra]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


def _refusal(request_id: RequestId, error: A2AError) -> _Answer:
    retry = error.data.get("retry_after") if error.data else None
    extra = ((b"retry-after", retry_after(retry).encode()),) if retry else ()
    return _Answer(_error(request_id, error), extra)


def _error(request_id: RequestId, error: A2AError) -> bytes:
    return dumps({"error": jsonrpc_error(error), "id": request_id, "jsonrpc": "2.0"})
