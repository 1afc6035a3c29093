"""One A2A agent as an ASGI app: JSON-RPC at its root goes the short way, everything else through Starlette's routes."""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from agentnet.a2a.bindings.jsonrpc import JsonRpc
from agentnet.a2a.handler import DurableRequestHandler


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
