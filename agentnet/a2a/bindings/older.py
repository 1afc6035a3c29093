"""A2A 0.3 on the same addresses: what both of its bindings share, its streams above all.

The types and their conversions are a2a-sdk's. Its adapters are not used for streams and JSON-RPC: their events have no
place to go on from, they leave `final` out where a question ends a stream, and log a client's mistake with its body.
"""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Protocol

from a2a.compat.v0_3 import conversions
from a2a.compat.v0_3 import types as v03
from a2a.compat.v0_3.extension_headers import LEGACY_HTTP_EXTENSION_HEADER
from a2a.extensions.common import get_requested_extensions
from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import (
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatusUpdateEvent,
)
from starlette.types import Scope

from agentnet.a2a.bindings.calls import Headers, RawHeaders, last_event_id
from agentnet.a2a.bindings.sse import KEEP_ALIVE
from agentnet.a2a.errors import wrong_field
from agentnet.a2a.parameters import call_context
from agentnet.a2a.requests03 import send_request
from agentnet.a2a.stream import TaskStream
from agentnet.http.sse import frame
from agentnet.tasks.events import RESTING_STATES, state_of
from agentnet.tasks.position import Position

Render = Callable[[v03.SendStreamingMessageSuccessResponse], bytes]
"""An event of 0.3 as its binding writes it."""
RequestId = str | int | None


class Opens(Protocol):
    """Opens streams: the part of a request handler that is needed here."""

    async def open_stream(self, params: SendMessageRequest, context: ServerCallContext) -> TaskStream:
        """Of a message."""
        ...

    async def subscribe(
        self,
        params: SubscribeToTaskRequest,
        context: ServerCallContext,
        after: Position | None,
        until: frozenset[TaskState],
    ) -> TaskStream:
        """Of a task."""
        ...


def check_number(stated: object, field: str) -> None:
    """Raises `InvalidParamsError` for a number that no int32 holds: the SDK would call that its own fault."""
    if isinstance(stated, int) and not -(2**31) <= stated < 2**31:
        raise wrong_field(field, "must be a number of 32 bits")


def older_context(scope: Scope, headers: Headers) -> ServerCallContext:
    """The context of a call; 0.3 names extensions in a header of its own."""
    context = call_context(scope["state"]["principal"], headers)
    legacy = headers.get(LEGACY_HTTP_EXTENSION_HEADER.lower())
    if legacy:
        context.requested_extensions |= get_requested_extensions([legacy])
    return context


def older_headers(activated: str) -> RawHeaders:
    """What tells a client of 0.3 which extensions are at work."""
    return [(LEGACY_HTTP_EXTENSION_HEADER.lower().encode(), activated.encode())] if activated else []


async def opened(
    handler: Opens,
    request: v03.SendStreamingMessageRequest | v03.TaskResubscriptionRequest,
    context: ServerCallContext,
) -> TaskStream:
    """The stream that `request` asks for. One of 0.3 ends with its final event: at a question too."""
    if isinstance(request, v03.TaskResubscriptionRequest):
        core = conversions.to_core_subscribe_to_task_request(request)
        after = last_event_id(context.state["headers"])
        return await handler.subscribe(core, context, after, RESTING_STATES)
    sent = v03.SendMessageRequest(id=request.id, params=request.params)
    return await handler.open_stream(send_request(sent), context)


async def frames(stream: TaskStream, request_id: RequestId, render: Render) -> AsyncGenerator[bytes, None]:
    """The events as frames, each with its place."""
    begins_with_task = stream.begins_with_task
    async with aclosing(stream.frames()) as items:
        async for item in items:
            if item is None:
                yield KEEP_ALIVE
                continue
            *before, last = [item.event] if begins_with_task else _without_task(item.event)
            begins_with_task = False
            for event in before:  # without a place: one who is cut off here begins with the first of them again
                yield frame(render(_older(event, request_id)))
            yield frame(render(_older(last, request_id)), str(item.position))
            del item, last


def _older(event: StreamResponse, request_id: RequestId) -> v03.SendStreamingMessageSuccessResponse:
    older = conversions.to_compat_stream_response(event, request_id)
    if isinstance(older.result, v03.TaskStatusUpdateEvent) and state_of(event) in RESTING_STATES:
        older.result.final = (
            True  # a question ends the stream too (A2A 0.3 section 7.2.2); the SDK says so of ends only
        )
    return older


def _without_task(event: StreamResponse) -> Iterator[StreamResponse]:
    """A task that comes in the middle of a stream, in place of what was shown and never stored, as updates.

    Clients of 0.3 take a second task for a fault of the agent's.
    """
    if event.WhichOneof("payload") != "task":
        yield event
        return
    task: Task = event.task
    for artifact in task.artifacts:
        update = TaskArtifactUpdateEvent(task_id=task.id, context_id=task.context_id, artifact=artifact)
        yield StreamResponse(artifact_update=update)
    status = TaskStatusUpdateEvent(task_id=task.id, context_id=task.context_id, status=task.status)
    yield StreamResponse(status_update=status)
