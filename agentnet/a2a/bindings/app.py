"""One A2A agent as an ASGI app: JSON-RPC at its root goes the short way, everything else through Starlette's routes."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from agentnet.a2a.bindings.calls import A2A_JSON
from agentnet.a2a.bindings.jsonrpc import JsonRpc
from agentnet.a2a.handler import DurableRequestHandler


def root() -> Route:
    """The JSON-RPC address among the routes: no POST comes so far, and other methods are told what it takes."""
    return Route("/", _not_reached, methods=["POST"])


async def _not_reached(_: Request) -> Response:
    return Response(status_code=500)


def in_a2a_json(respond: Callable[[Request, Exception], Any]) -> Callable[[Request, Exception], Any]:
    """An exception handler whose answers have the media type of HTTP+JSON 1.0, at all paths but those of 0.3."""

    async def handler(request: Request, error: Exception) -> Response:
        response: Response = await respond(request, error)
        if not request.url.path.startswith("/v1/"):
            response.headers["content-type"] = A2A_JSON
        return response

    return handler


def a2a_app(
    handler: DurableRequestHandler, others: ASGIApp, checked: Callable[[ASGIApp], ASGIApp] = lambda app: app
) -> ASGIApp:
    """`handler` over JSON-RPC, with `checked` before it, and `others` for all the rest (HTTP+JSON, cards, health)."""
    jsonrpc = checked(JsonRpc(handler))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in ("/", ""):
            await jsonrpc(scope, receive, send)
        else:
            await others(scope, receive, send)

    return app
