"""The operations of A2A 1.0 (section 3.1) as both JSON bindings answer them: a request in, its result as JSON out."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    SendMessageRequest,
    SubscribeToTaskRequest,
    Task,
)
from a2a.utils.errors import TaskNotFoundError
from google.protobuf.json_format import MessageToDict

from agentnet.a2a.bindings.calls import holds_large_file, last_event_id
from agentnet.a2a.handler import DurableRequestHandler
from agentnet.a2a.stream import TaskStream
from agentnet.tasks.wire import message_json, send_message_request, task_json

Unary = Callable[[Any, ServerCallContext], Awaitable[Any]]


class Operations:
    """Each raises what the handler raises, and `ParseError` for a message that is none."""

    def __init__(self, handler: DurableRequestHandler) -> None:
        self._handler = handler
        self.create_push_config = _reflected(handler.on_create_task_push_notification_config)
        self.get_push_config = _reflected(handler.on_get_task_push_notification_config)
        self.list_push_configs = _reflected(handler.on_list_task_push_notification_configs)
        self.delete_push_config = _reflected(handler.on_delete_task_push_notification_config)
        self.get_extended_card = _reflected(handler.on_get_extended_agent_card)

    async def send_message(self, params: Any, context: ServerCallContext) -> Any:
        """The message or the task that answers; `params` is JSON, for it is read by hand."""
        answer = await self._handler.on_message_send(await _message(params), context)
        return {"message": message_json(answer)} if isinstance(answer, Message) else {"task": task_json(answer)}

    async def open_stream(self, params: Any, context: ServerCallContext) -> TaskStream:
        """The stream of the task that a message starts or continues."""
        return await self._handler.open_stream(await _message(params), context)

    async def subscribe(self, request: SubscribeToTaskRequest, context: ServerCallContext) -> TaskStream:
        """The stream of a task, from behind the client's `Last-Event-ID`."""
        stream: TaskStream = await self._handler.subscribe(request, context, last_event_id(context.state["headers"]))
        return stream

    async def get_task(self, request: GetTaskRequest, context: ServerCallContext) -> Any:
        """A task."""
        return _found(await self._handler.on_get_task(request, context))

    async def list_tasks(self, request: ListTasksRequest, context: ServerCallContext) -> Any:
        """A page of tasks."""
        page = await self._handler.on_list_tasks(request, context)
        # The four are required, empty or not (A2A 1.0 section 3.1.4); a task in it has what it has.
        return {
            "tasks": [task_json(task) for task in page.tasks],
            "nextPageToken": page.next_page_token,
            "pageSize": page.page_size,
            "totalSize": page.total_size,
        }

    async def cancel_task(self, request: CancelTaskRequest, context: ServerCallContext) -> Any:
        """The task that was stopped."""
        return _found(await self._handler.on_cancel_task(request, context))


async def _message(params: Any) -> SendMessageRequest:
    message = params.get("message") if isinstance(params, dict) else None
    if not holds_large_file(message, "raw"):
        return send_message_request(params)
    return await asyncio.to_thread(send_message_request, params)


def _found(task: Task | None) -> Any:
    if task is None:
        raise TaskNotFoundError
    return task_json(task)


def _reflected(method: Unary) -> Unary:
    """An operation whose result, if it has one, is written by reflection, for it is not called often."""

    async def call(request: Any, context: ServerCallContext) -> Any:
        result = await method(request, context)
        return MessageToDict(result) if result is not None else None

    return call
