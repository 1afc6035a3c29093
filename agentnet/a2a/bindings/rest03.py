"""HTTP+JSON 0.3, below `/v1`: a2a-sdk's shapes, with our own streams and the statuses of 0.3.

A file is said as its client says it: see `agentnet.a2a.files03`.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson
from a2a.compat.v0_3 import a2a_v0_3_pb2 as v03_pb
from a2a.compat.v0_3 import proto_utils
from a2a.compat.v0_3 import types as v03
from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import AgentCard, GetExtendedAgentCardRequest
from a2a.utils.errors import (
    ContentTypeNotSupportedError,
    InvalidRequestError,
    JSONParseError,
    TaskNotCancelableError,
    VersionNotSupportedError,
)
from google.protobuf.json_format import MessageToDict, ParseDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agentnet.a2a.bindings.calls import JSON, VERSION, check_base64, headers_of, rest_refusal, stated_version
from agentnet.a2a.bindings.older import check_number, frames, older_context, older_headers, opened
from agentnet.a2a.bindings.sse import EventResponse, EventStream, Frames
from agentnet.a2a.errors import as_a2a, rest_error, wrong_field
from agentnet.a2a.files03 import given, user_agent
from agentnet.a2a.handler import DurableRequestHandler
from agentnet.a2a.requests03 import CONTENTS, FILES, Handler03, message_params, push_params
from agentnet.a2a.stream import TaskStream
from agentnet.http.sse import frame
from agentnet.tasks.values import whole_numbers
from agentnet.tasks.wire import check_characters, dumps

Call = Callable[[Request, ServerCallContext], Awaitable[Any]]
CardJson = Callable[[AgentCard], dict[str, Any]]
"""A card as it is served."""

LARGE_BYTES = 1024 * 1024
STATUSES: Mapping[type[Exception], int] = {TaskNotCancelableError: 409, ContentTypeNotSupportedError: 415}
"""Where 1.0.1 changed them to 400."""


class Rest03:
    """The endpoints."""

    def __init__(self, handler: DurableRequestHandler, card_json: CardJson) -> None:
        self._handler = handler
        self._own = Handler03(request_handler=handler)
        self._card_json = card_json

    def routes(self) -> list[BaseRoute]:
        """The paths of 0.3. ListTasks is none of them."""
        configs = "/v1/tasks/{id}/pushNotificationConfigs"
        return [
            self._route("/v1/message:send", self._send_blocking, "POST"),
            self._route("/v1/message:stream", self._send, "POST"),
            self._route("/v1/tasks/{id}:cancel", self._cancel_task, "POST"),
            self._route("/v1/tasks/{id}:subscribe", self._subscribe, "GET", "POST"),
            self._route("/v1/tasks/{id}", self._get_task, "GET"),
            self._route(configs + "/{push_id}", self._get_push_config, "GET"),
            self._route(configs + "/{push_id}", self._delete_push_config, "DELETE"),
            self._route(configs, self._set_push_config, "POST"),
            self._route(configs, self._list_push_configs, "GET"),
            self._route("/v1/card", self._extended_card, "GET"),
        ]

    def _route(self, path: str, call: Call, *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                headers = headers_of(request.scope)
                if stated_version(headers, request.scope) == VERSION:
                    raise VersionNotSupportedError(f"This is a path of A2A 0.3; the request says it speaks {VERSION}.")
                request.state.document = await _checked(request)
                context = older_context(request.scope, headers)
                result = await call(request, context)
            except Exception as error:  # noqa: BLE001 - the boundary to clients: whatever it was is said as A2A says it
                return rest_refusal(error, JSON, STATUSES)
            more = older_headers(self._handler.activated(context))
            if isinstance(result, TaskStream):
                return EventResponse(EventStream(_frames(result, user_agent(context.state)), more))
            response = Response(dumps(whole_numbers(result)), media_type=JSON)
            response.raw_headers.extend(more)
            return response

        return Route(path, endpoint, methods=list(methods))

    async def _send(self, request: Request, context: ServerCallContext) -> TaskStream:
        params = await _message_params(request, user_agent(context.state))
        return await opened(self._handler, v03.SendStreamingMessageRequest(id="", params=params), context)

    async def _send_blocking(self, request: Request, context: ServerCallContext) -> Any:
        params = await _message_params(request, user_agent(context.state))
        answer = await self._own.on_message_send(v03.SendMessageRequest(id="", params=params), context)
        return _said(proto_utils.ToProto.task_or_message(answer), context)

    async def _get_task(self, request: Request, context: ServerCallContext) -> Any:
        length = request.query_params.get("historyLength")
        params = v03.TaskQueryParams(id=request.path_params["id"], history_length=int(length) if length else None)
        task = await self._own.on_get_task(v03.GetTaskRequest(id="", params=params), context)
        return _said(proto_utils.ToProto.task(task), context)

    async def _cancel_task(self, request: Request, context: ServerCallContext) -> Any:
        params = v03.TaskIdParams(id=request.path_params["id"])
        task = await self._own.on_cancel_task(v03.CancelTaskRequest(id="", params=params), context)
        return _said(proto_utils.ToProto.task(task), context)

    async def _subscribe(self, request: Request, context: ServerCallContext) -> TaskStream:
        params = v03.TaskIdParams(id=request.path_params["id"])
        return await opened(self._handler, v03.TaskResubscriptionRequest(id="", params=params), context)

    async def _set_push_config(self, request: Request, context: ServerCallContext) -> Any:
        """The body is the config (`body: "config"` in the definition), or the whole request, as the SDKs send it."""
        document = request.state.document
        asked = v03_pb.CreateTaskPushNotificationConfigRequest()
        ParseDict(document if "config" in document else {"config": document}, asked, ignore_unknown_fields=True)
        asked.parent = f"tasks/{request.path_params['id']}"
        sent = v03.SetTaskPushNotificationConfigRequest(id="", params=push_params(asked))
        config = await self._own.on_create_task_push_notification_config(sent, context)
        return MessageToDict(proto_utils.ToProto.task_push_notification_config(config))

    async def _get_push_config(self, request: Request, context: ServerCallContext) -> Any:
        params = v03.GetTaskPushNotificationConfigParams(**_config_ids(request))
        asked = v03.GetTaskPushNotificationConfigRequest(id="", params=params)
        config = await self._own.on_get_task_push_notification_config(asked, context)
        return MessageToDict(proto_utils.ToProto.task_push_notification_config(config))

    async def _list_push_configs(self, request: Request, context: ServerCallContext) -> Any:
        params = v03.ListTaskPushNotificationConfigParams(id=request.path_params["id"])
        asked = v03.ListTaskPushNotificationConfigRequest(id="", params=params)
        configs = await self._own.on_list_task_push_notification_configs(asked, context)
        listed = [proto_utils.ToProto.task_push_notification_config(config) for config in configs]
        return MessageToDict(v03_pb.ListTaskPushNotificationConfigResponse(configs=listed))

    async def _delete_push_config(self, request: Request, context: ServerCallContext) -> Any:
        params = v03.DeleteTaskPushNotificationConfigParams(**_config_ids(request))
        asked = v03.DeleteTaskPushNotificationConfigRequest(id="", params=params)
        await self._own.on_delete_task_push_notification_config(asked, context)
        return {}

    async def _extended_card(self, _request: Request, context: ServerCallContext) -> Any:
        """The card as at its well-known address: with the fields of the definition beside those of 0.3's JSON."""
        return self._card_json(await self._handler.on_get_extended_agent_card(GetExtendedAgentCardRequest(), context))


def _config_ids(request: Request) -> dict[str, Any]:
    return {"id": request.path_params["id"], "push_notification_config_id": request.path_params["push_id"]}


def _said(answer: Any, context: ServerCallContext) -> Any:
    return MessageToDict(given(answer, user_agent(context.state)))


async def _message_params(request: Request, agent: str) -> v03.MessageSendParams:
    document = request.state.document
    if len(await request.body()) < LARGE_BYTES:
        return _read_message(document, agent)
    # The SDK turns a file's bytes around half a dozen times: elsewhere, so that others have their turns between.
    return await asyncio.to_thread(_read_message, document, agent)


def _read_message(document: Any, agent: str) -> v03.MessageSendParams:
    """The params of a message. Raises `ParseError`, `InvalidParamsError`."""
    sent = v03_pb.SendMessageRequest()
    ParseDict(document, sent, ignore_unknown_fields=True)
    return message_params(sent, agent)


async def _checked(request: Request) -> Any:
    """The body as a JSON object, checked for what the SDK makes an internal error of, or passes over.

    Raises `InvalidParamsError`, `InvalidRequestError`, `JSONParseError`, `ParseError`.
    """
    length = request.query_params.get("historyLength", "")
    if length and not length.removeprefix("-").isdecimal():
        raise wrong_field("historyLength", f"must be a number, not {length[:40]!r}")
    if length:
        check_number(int(length[:20]), "historyLength")  # no more digits than show that there are too many
    body = await request.body() if request.method == "POST" else b""
    if not body:  # of a cancel
        return {}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise JSONParseError(f"The body is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise InvalidRequestError("The body must be a JSON object.")
    for key in ("fileWithBytes", "file_with_bytes"):  # ProtoJSON reads both
        if key.encode() in body:
            check_base64(document, "content", key)
    check_characters(document)
    _check_parts(document)
    return document


def _check_parts(document: dict[str, Any]) -> None:
    """Raises `InvalidParamsError` for parts that the SDK would call its own fault."""
    message = document.get("message") or document.get("request")
    parts = (message.get("content") if isinstance(message, dict) else None) or []
    if not isinstance(parts, list):
        raise wrong_field("message.content", "must be a list of parts")
    for index, part in enumerate(parts):
        field = f"message.content[{index}]"
        _check_one_of(part, field, CONTENTS)
        if isinstance(part.get("file"), dict):
            _check_one_of({_camel(key): value for key, value in part["file"].items()}, f"{field}.file", FILES)


def _check_one_of(value: Any, field: str, names: Sequence[str]) -> None:
    held = [name for name in names if value.get(name) is not None] if isinstance(value, dict) else []
    if len(held) != 1:
        together = f", not {' and '.join(held)} together" if held else ""
        raise wrong_field(field, f"must have one of {', '.join(names)}{together}")


def _camel(key: str) -> str:
    """The one of the two names of a field in ProtoJSON that it is written with."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), key)


async def _frames(stream: TaskStream, agent: str) -> Frames:
    """The events as frames; what ends them too early as one last event."""
    try:
        async for data in frames(stream, "", partial(_rendered, agent)):
            yield data
            del data
    except Exception as error:  # noqa: BLE001 - the boundary to clients
        yield frame(dumps(rest_error(as_a2a(error))), event="error")


def _rendered(agent: str, event: v03.SendStreamingMessageSuccessResponse) -> bytes:
    return dumps(whole_numbers(MessageToDict(given(proto_utils.ToProto.stream_response(event.result), agent))))
