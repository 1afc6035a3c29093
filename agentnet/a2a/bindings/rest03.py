"""HTTP+JSON 0.3, below `/v1`: a2a-sdk's adapter, but for streams, which it begins before it can refuse them."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, cast

from a2a.compat.v0_3.context_builders import V03ServerCallContextBuilder
from a2a.compat.v0_3.rest_adapter import REST03Adapter
from a2a.server.context import ServerCallContext
from a2a.server.routes.common import create_event_source_response
from a2a.utils.error_handlers import build_rest_error_payload, rest_error_handler
from sse_starlette.event import ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agentnet.a2a.bindings.calls import CallContextBuilder
from agentnet.a2a.errors import as_a2a
from agentnet.a2a.handler import DurableRequestHandler
from agentnet.a2a.stream import begun
from agentnet.tasks.wire import dumps

Endpoint = Callable[[Request], Awaitable[Response]]
Events = AsyncGenerator[Any, None]
Method = Callable[[Request, ServerCallContext], Events]


def rest03_routes(handler: DurableRequestHandler) -> list[BaseRoute]:
    """The paths of 0.3 for `handler`."""
    adapter = REST03Adapter(http_handler=handler, context_builder=CallContextBuilder())
    send = _streaming(cast("Method", adapter.handler.on_message_send_stream))
    subscribe = _streaming(cast("Method", adapter.handler.on_subscribe_to_task))
    own: dict[tuple[str, str], Endpoint] = {
        ("/v1/message:stream", "POST"): send,
        ("/v1/tasks/{id}:subscribe", "GET"): subscribe,
        ("/v1/tasks/{id}:subscribe", "POST"): subscribe,
    }
    return [Route(path, endpoint, methods=[method]) for (path, method), endpoint in (adapter.routes() | own).items()]


def _streaming(method: Method) -> Endpoint:
    """`method` as an endpoint: with the status of its refusal if its first event does not come, else with a stream."""
    contexts = V03ServerCallContextBuilder(CallContextBuilder())

    @rest_error_handler
    async def endpoint(request: Request) -> Response:
        events = await begun(method(request, contexts.build(request)))
        return create_event_source_response(_frames(events)) if events else Response(status_code=204)

    return cast("Endpoint", endpoint)


async def _frames(events: Events) -> AsyncGenerator[ServerSentEvent, None]:
    """The events as frames; what ends them too early as one last event."""
    try:
        async with aclosing(events):
            async for event in events:
                yield ServerSentEvent(dumps(event).decode())
    except Exception as error:  # noqa: BLE001 - the boundary to clients
        yield ServerSentEvent(dumps(build_rest_error_payload(as_a2a(error))).decode(), event="error")
