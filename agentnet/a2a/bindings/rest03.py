"""HTTP+JSON 0.3, below `/v1`: a2a-sdk's shapes, with our own streams and the statuses of 0.3."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from a2a.compat.v0_3 import a2a_v0_3_pb2 as v03_pb
from a2a.compat.v0_3 import proto_utils
from a2a.compat.v0_3 import types as v03
from a2a.compat.v0_3.rest_handler import REST03Handler
from a2a.server.context import ServerCallContext
from a2a.utils.error_handlers import build_rest_error_payload
from a2a.utils.errors import ContentTypeNotSupportedError, JSONParseError, TaskNotCancelableError
from google.protobuf.json_format import MessageToDict, Parse
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agentnet.a2a.bindings.calls import JSON, check_base64, headers_of, rest_refusal
from agentnet.a2a.bindings.older import check_number, frames, older_context, older_headers, opened
from agentnet.a2a.bindings.sse import EventResponse, EventStream, Frames
from agentnet.a2a.errors import as_a2a
from agentnet.a2a.handler import DurableRequestHandler
from agentnet.a2a.limits import wrong_field
from agentnet.a2a.stream import TaskStream
from agentnet.http.sse import frame
from agentnet.tasks.values import whole_numbers
from agentnet.tasks.wire import check_characters, dumps

Call = Callable[[Request, ServerCallContext], Awaitable[Any]]

LARGE_BYTES = 1024 * 1024
PARTS = ("text", "file", "data")
STATUSES: Mapping[type[Exception], int] = {TaskNotCancelableError: 409, ContentTypeNotSupportedError: 415}
"""Where 1.0.1 changed them to 400."""


class Rest03:
    """The endpoints."""

    def __init__(self, handler: DurableRequestHandler) -> None:
        self._handler = handler
        self._own = REST03Handler(request_handler=handler)

    def routes(self) -> list[BaseRoute]:
        """The paths of 0.3. ListTasks is none of them."""
        own = self._own
        configs = "/v1/tasks/{id}/pushNotificationConfigs"
        return [
            self._route("/v1/message:send", self._send_blocking, "POST"),
            self._route("/v1/message:stream", self._send, "POST"),
            self._route("/v1/tasks/{id}:cancel", own.on_cancel_task, "POST"),
            self._route("/v1/tasks/{id}:subscribe", self._subscribe, "GET", "POST"),
            self._route("/v1/tasks/{id}", own.on_get_task, "GET"),
            self._route(configs + "/{push_id}", own.get_push_notification, "GET"),
            self._route(configs, own.set_push_notification, "POST"),
            self._route(configs, own.list_push_notifications, "GET"),
            self._route("/v1/card", own.on_get_extended_agent_card, "GET"),
        ]

    def _route(self, path: str, call: Call, *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                await _check(request)
                context = older_context(request.scope, headers_of(request.scope))
                result = await call(request, context)
            except Exception as error:  # noqa: BLE001 - the boundary to clients: whatever it was is said as A2A says it
                return rest_refusal(error, JSON, STATUSES)
            more = older_headers(self._handler.activated(context))
            if isinstance(result, TaskStream):
                return EventResponse(EventStream(_frames(result), more))
            response = Response(dumps(whole_numbers(result)), media_type=JSON)
            response.raw_headers.extend(more)
            return response

        return Route(path, endpoint, methods=list(methods))

    async def _send(self, request: Request, context: ServerCallContext) -> TaskStream:
        params = await _message_params(request)
        return await opened(self._handler, v03.SendStreamingMessageRequest(id="", params=params), context)

    async def _send_blocking(self, request: Request, context: ServerCallContext) -> Any:
        sent = v03.SendMessageRequest(id="", params=await _message_params(request))
        answer = await self._own.handler03.on_message_send(sent, context)
        return MessageToDict(proto_utils.ToProto.task_or_message(answer))

    async def _subscribe(self, request: Request, context: ServerCallContext) -> TaskStream:
        params = v03.TaskIdParams(id=request.path_params["id"])
        return await opened(self._handler, v03.TaskResubscriptionRequest(id="", params=params), context)


async def _message_params(request: Request) -> v03.MessageSendParams:
    body = await request.body()
    if len(body) < LARGE_BYTES:
        return _read_message(body)
    # The SDK turns a file's bytes around half a dozen times: elsewhere, so that others have their turns between.
    return await asyncio.to_thread(_read_message, body)


def _read_message(body: bytes) -> v03.MessageSendParams:
    """The params of a message. Raises `ParseError`, `InvalidParamsError`."""
    sent = v03_pb.SendMessageRequest()
    Parse(body, sent, ignore_unknown_fields=True)
    try:
        return proto_utils.FromProto.message_send_params(sent)
    except UnicodeDecodeError:
        raise wrong_field(
            "message.content.file.fileWithBytes", "must be the base64 of a base64 text, as SDKs of 0.3 send it"
        ) from None


async def _check(request: Request) -> None:
    """What the SDK's handler makes an internal error of, or passes over. Raises `InvalidParamsError`, `ParseError`."""
    length = request.query_params.get("historyLength", "")
    if length and not length.removeprefix("-").isdecimal():
        raise wrong_field("historyLength", f"must be a number, not {length[:40]!r}")
    if length:
        check_number(int(length[:20]), "historyLength")  # no more digits than show that there are too many
    body = await request.body() if request.method == "POST" else b""
    if not body:  # of a cancel
        return
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise JSONParseError(f"The body is not JSON: {error}.") from None
    for key in ("fileWithBytes", "file_with_bytes"):  # ProtoJSON reads both
        if key.encode() in body:
            check_base64(document, "content", key)
    check_characters(document)
    _check_parts(document)


def _check_parts(document: Any) -> None:
    """Raises `InvalidParamsError` for parts that the SDK would call its own fault."""
    message = document.get("message") or document.get("request") if isinstance(document, dict) else None
    parts = (message.get("content") if isinstance(message, dict) else None) or []
    if not isinstance(parts, list):
        raise wrong_field("message.content", "must be a list of parts")
    for index, part in enumerate(parts):
        if not isinstance(part, dict) or all(part.get(kind) is None for kind in PARTS):
            raise wrong_field(f"message.content[{index}]", f"must have one of {', '.join(PARTS)}")


async def _frames(stream: TaskStream) -> Frames:
    """The events as frames; what ends them too early as one last event."""
    try:
        async for data in frames(stream, "", _rendered):
            yield data
            del data
    except Exception as error:  # noqa: BLE001 - the boundary to clients
        yield frame(dumps(build_rest_error_payload(as_a2a(error))), event="error")


def _rendered(event: v03.SendStreamingMessageSuccessResponse) -> bytes:
    return dumps(whole_numbers(MessageToDict(proto_utils.ToProto.stream_response(event.result))))
