"""One A2A agent as an ASGI app: JSON-RPC at its root goes the short way, everything else through Starlette's routes."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from agentnet.a2a.bindings.jsonrpc import JsonRpc
from agentnet.a2a.bindings.rest import Rest
from agentnet.a2a.handler import DurableRequestHandler
from agentnet.http.errors import EXCEPTION_HANDLERS


def a2a_app(handler: DurableRequestHandler, others: Sequence[BaseRoute], lifespan: Lifespan[Starlette]) -> ASGIApp:
    """`handler` over JSON-RPC and HTTP+JSON, and `others` (cards, health)."""
    jsonrpc = JsonRpc(handler)
    starlette = Starlette(
        routes=[*others, *Rest(handler).routes()], lifespan=lifespan, exception_handlers=EXCEPTION_HANDLERS
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in ("/", ""):
            await jsonrpc(scope, receive, send)
        else:
            await starlette(scope, receive, send)

    return app
