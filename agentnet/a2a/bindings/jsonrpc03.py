"""The methods of A2A 0.3 over JSON-RPC, at the same address as those of 1.0."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from a2a.compat.v0_3 import types as v03
from a2a.server.context import ServerCallContext
from a2a.utils.errors import A2AError, InvalidParamsError, VersionNotSupportedError
from pydantic import BaseModel, ValidationError

from agentnet.a2a.bindings.calls import check_base64, holds_large_file
from agentnet.a2a.bindings.older import RequestId, check_number, frames, opened
from agentnet.a2a.errors import UNFORESEEN, as_a2a, terms_of
from agentnet.a2a.handler import DurableRequestHandler
from agentnet.a2a.requests03 import Handler03
from agentnet.http.errors import invalid_input
from agentnet.http.sse import frame
from agentnet.tasks.values import whole_numbers
from agentnet.tasks.wire import check_characters, dumps

Unary = Callable[[Any, ServerCallContext], Awaitable[Any]]

UNKNOWN_TO_0_3: dict[type[A2AError], int] = {VersionNotSupportedError: UNFORESEEN.code}
"""Errors of 1.0 whose codes 0.3 has none of."""


class JsonRpc03:
    """Its methods, by a2a-sdk's types and conversions."""

    def __init__(self, handler: DurableRequestHandler) -> None:
        own = Handler03(request_handler=handler)
        self._handler = handler
        self._unary: dict[str, tuple[type[BaseModel], Unary]] = {
            "message/send": (v03.SendMessageRequest, own.on_message_send),
            "tasks/get": (v03.GetTaskRequest, own.on_get_task),
            "tasks/cancel": (v03.CancelTaskRequest, own.on_cancel_task),
            "tasks/pushNotificationConfig/set": (
                v03.SetTaskPushNotificationConfigRequest,
                own.on_create_task_push_notification_config,
            ),
            "tasks/pushNotificationConfig/get": (
                v03.GetTaskPushNotificationConfigRequest,
                own.on_get_task_push_notification_config,
            ),
            "tasks/pushNotificationConfig/list": (
                v03.ListTaskPushNotificationConfigRequest,
                own.on_list_task_push_notification_configs,
            ),
            "tasks/pushNotificationConfig/delete": (
                v03.DeleteTaskPushNotificationConfigRequest,
                own.on_delete_task_push_notification_config,
            ),
            "agent/getAuthenticatedExtendedCard": (
                v03.GetAuthenticatedExtendedCardRequest,
                own.on_get_extended_agent_card,
            ),
        }
        self._streams: dict[str, type[BaseModel]] = {
            "message/stream": v03.SendStreamingMessageRequest,
            "tasks/resubscribe": v03.TaskResubscriptionRequest,
        }

    def knows(self, method: str) -> bool:
        """Whether `method` is one of 0.3."""
        return method in self._unary or method in self._streams

    def streams(self, method: str) -> bool:
        """Whether its answer is a stream."""
        return method in self._streams

    async def answer(self, method: str, body: Any, request_id: RequestId, context: ServerCallContext) -> bytes:
        """The whole response, refusals too."""
        model, call = self._unary[method]
        try:
            result = _plain(await call(await _read(model, body), context))
        except Exception as error:  # noqa: BLE001 - the boundary to clients: whatever it was becomes a JSON-RPC error
            return refusal(request_id, error)
        return dumps({"jsonrpc": "2.0", "id": request_id, "result": result})

    async def stream(
        self, method: str, body: Any, request_id: RequestId, context: ServerCallContext
    ) -> AsyncGenerator[bytes, None]:
        """The frames of a stream; a refusal is its only event, as clients of 0.3 expect it."""
        try:
            request: Any = await _read(self._streams[method], body)
            stream = await opened(self._handler, request, context)
            async with aclosing(frames(stream, request_id, _rendered)) as sent:
                async for data in sent:
                    yield data
                    del data
        except Exception as error:  # noqa: BLE001 - as above
            yield frame(refusal(request_id, error))


def refusal(request_id: RequestId, error: Exception) -> bytes:
    """An error as 0.3 says it: with its data as they are, not as details of google.rpc."""
    known: A2AError = as_a2a(error)
    code = UNKNOWN_TO_0_3.get(type(known)) or terms_of(known).code
    said = {"code": code, "message": known.message} | ({"data": known.data} if known.data else {})
    return dumps({"jsonrpc": "2.0", "id": request_id, "error": said})


async def _read(model: type[BaseModel], body: Any) -> Any:
    params = body.get("params")
    if holds_large_file(params.get("message") if isinstance(params, dict) else None, "bytes"):
        return await asyncio.to_thread(_request, model, body)
    return _request(model, body)


def _request(model: type[BaseModel], body: Any) -> Any:
    """The request. Raises `InvalidParamsError` that names the fields and none of their values."""
    check_characters(body)
    check_base64(body.get("params"), "parts", "bytes")
    try:
        request: Any = model.model_validate(body)
    except ValidationError as error:
        raise InvalidParamsError(str(invalid_input(error))) from None
    params = getattr(request, "params", None)
    for place in (params, getattr(params, "configuration", None)):
        check_number(getattr(place, "history_length", None), "historyLength")
    return request


def _plain(result: Any) -> Any:
    if isinstance(result, list):
        return [_plain(item) for item in result]
    if isinstance(result, BaseModel):
        return whole_numbers(result.model_dump(mode="json", by_alias=True, exclude_none=True))
    return result


def _rendered(event: v03.SendStreamingMessageSuccessResponse) -> bytes:
    return dumps(_plain(event))
