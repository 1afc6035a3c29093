"""The HTTP+JSON binding (A2A 1.0 section 11), with the paths of 0.3 beside its own."""

from collections.abc import Awaitable, Callable
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
from a2a.utils.errors import InvalidRequestError
from a2a.utils.proto_utils import parse_params
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agentnet.a2a.bindings.calls import (
    A2A_JSON,
    JSON,
    check_flag,
    check_state,
    check_version,
    extension_headers,
    headers_of,
    parse_json,
    rest_refusal,
)
from agentnet.a2a.bindings.operations import Operations
from agentnet.a2a.bindings.rest03 import CardJson, Rest03
from agentnet.a2a.bindings.sse import KEEP_ALIVE, EventResponse, EventStream, Frames
from agentnet.a2a.errors import as_a2a, rest_error
from agentnet.a2a.handler import DurableRequestHandler
from agentnet.a2a.parameters import call_context
from agentnet.a2a.stream import TaskStream
from agentnet.http.sse import frame
from agentnet.tasks.wire import dumps, parsed

Endpoint = Callable[[Request], Awaitable[Response]]
Call = Callable[[Request, ServerCallContext], Awaitable[Any]]


class Rest:
    """The endpoints; `routes()` hangs them up, also below a tenant's path."""

    def __init__(self, handler: DurableRequestHandler, card_json: CardJson) -> None:
        """`card_json` says a card as it is served at its well-known address, which 0.3 answers as the extended one."""
        self._handler = handler
        self._card_json = card_json
        self._operations = Operations(handler)

    def routes(self) -> list[BaseRoute]:
        """The paths of 1.0 and of 0.3."""
        own = [
            self._route("/message:send", self._send_message, "POST"),
            self._route("/message:stream", self._send_streaming_message, "POST"),
            self._route("/tasks", self._list_tasks, "GET"),
            self._route("/tasks/{id}:cancel", self._cancel_task, "POST"),
            self._route("/tasks/{id}:subscribe", self._subscribe, "GET", "POST"),
            self._route("/tasks/{id}", self._get_task, "GET"),
            self._route("/tasks/{id}/pushNotificationConfigs", self._create_push_config, "POST"),
            self._route("/tasks/{id}/pushNotificationConfigs", self._list_push_configs, "GET"),
            self._route("/tasks/{id}/pushNotificationConfigs/{push_id}", self._get_push_config, "GET"),
            self._route("/tasks/{id}/pushNotificationConfigs/{push_id}", self._delete_push_config, "DELETE"),
            self._route("/extendedAgentCard", self._extended_card, "GET"),
        ]
        # The tenant's last: its pattern takes any first segment, also "tasks". Not as a Mount: that answers 404 where a
        # route before it says 405, and sends what it does not know to the address that it has inside.
        below = [Route("/{tenant}" + route.path, route.endpoint, methods=route.methods) for route in own]
        return [*own, *Rest03(self._handler, self._card_json).routes(), *below]

    def _route(self, path: str, call: Call, *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            headers = headers_of(request.scope)
            try:
                check_version(headers, request.scope)
                context = call_context(request.state.principal, headers)
                context.tenant = request.path_params.get("tenant", "")
                result = await call(request, context)
            except HTTPException:
                raise
            except Exception as error:  # noqa: BLE001 - the boundary to clients: whatever it was is said as A2A says it
                return rest_refusal(error, _media_type(headers.get("accept", "")))
            more = extension_headers(self._handler.activated(context))
            if isinstance(result, TaskStream):
                return EventResponse(EventStream(_frames(result), more))
            response = Response(dumps(result), media_type=_media_type(headers.get("accept", "")))
            response.raw_headers.extend(more)
            return response

        return Route(path, endpoint, methods=list(methods))

    async def _send_message(self, request: Request, context: ServerCallContext) -> Any:
        return await self._operations.send_message(await _body(request), context)

    async def _send_streaming_message(self, request: Request, context: ServerCallContext) -> Any:
        return await self._operations.open_stream(await _body(request), context)

    async def _subscribe(self, request: Request, context: ServerCallContext) -> Any:
        return await self._operations.subscribe(SubscribeToTaskRequest(id=request.path_params["id"]), context)

    async def _get_task(self, request: Request, context: ServerCallContext) -> Any:
        if request.path_params["id"].endswith(":cancel"):  # its route takes POST alone, and this one any id
            raise HTTPException(405, headers={"allow": "POST"})
        params = _query(request, GetTaskRequest())
        params.id = request.path_params["id"]
        return await self._operations.get_task(params, context)

    async def _list_tasks(self, request: Request, context: ServerCallContext) -> Any:
        check_state(request.query_params.get("status"))
        check_flag(request.query_params.get("includeArtifacts"), "includeArtifacts")
        return await self._operations.list_tasks(_query(request, ListTasksRequest()), context)

    async def _cancel_task(self, request: Request, context: ServerCallContext) -> Any:
        return await self._operations.cancel_task(CancelTaskRequest(id=request.path_params["id"]), context)

    async def _create_push_config(self, request: Request, context: ServerCallContext) -> Any:
        params = parsed(await _body(request), TaskPushNotificationConfig())
        params.task_id = request.path_params["id"]
        return await self._operations.create_push_config(params, context)

    async def _list_push_configs(self, request: Request, context: ServerCallContext) -> Any:
        params = _query(request, ListTaskPushNotificationConfigsRequest())
        params.task_id = request.path_params["id"]
        return await self._operations.list_push_configs(params, context)

    async def _get_push_config(self, request: Request, context: ServerCallContext) -> Any:
        return await self._operations.get_push_config(
            GetTaskPushNotificationConfigRequest(**_config_ids(request)), context
        )

    async def _delete_push_config(self, request: Request, context: ServerCallContext) -> Any:
        await self._operations.delete_push_config(
            DeleteTaskPushNotificationConfigRequest(**_config_ids(request)), context
        )
        return {}

    async def _extended_card(self, _request: Request, context: ServerCallContext) -> Any:
        return await self._operations.get_extended_card(GetExtendedAgentCardRequest(), context)


def _media_type(accept: str) -> str:
    """`application/a2a+json` (A2A 1.0.1), or plain JSON for a client that asks for that."""
    return JSON if JSON in accept and A2A_JSON not in accept else A2A_JSON


async def _body(request: Request) -> Any:
    """The body as a JSON object. Raises `ContentTypeNotSupportedError`, `JSONParseError`, `InvalidRequestError`."""
    body = parse_json(headers_of(request.scope), await request.body())
    if not isinstance(body, dict):
        raise InvalidRequestError("The body must be a JSON object.")
    return body


def _query(request: Request, message: Any) -> Any:
    parse_params(request.query_params, message)
    return message


def _config_ids(request: Request) -> dict[str, str]:
    return {"task_id": request.path_params["id"], "id": request.path_params["push_id"]}


async def _frames(stream: TaskStream) -> Frames:
    """The stream as frames; its errors as one last event."""
    try:
        async with aclosing(stream.frames()) as items:
            async for item in items:
                yield KEEP_ALIVE if item is None else frame(item.json, str(item.position))
                del item
    except Exception as error:  # noqa: BLE001 - the boundary to clients
        yield frame(dumps(rest_error(as_a2a(error))), event="error")
