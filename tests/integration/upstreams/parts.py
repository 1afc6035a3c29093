"""Servers outside the network, for real: an MCP server behind a credential, and an OAuth token server."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from mcp.server.lowlevel import Server
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from agentnet.testing import serving

ANY_HOST = TransportSecuritySettings(enable_dns_rebinding_protection=False)


@dataclass
class Guarded:
    """Lets requests through whose headers hold what `accepted` asks for; keeps the headers of all."""

    app: ASGIApp
    accepted: dict[str, str] = field(default_factory=dict[str, str])
    seen: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    url: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(Request(scope).headers)
        self.seen.append(headers)
        if any(headers.get(name) != value for name, value in self.accepted.items()):
            await Response(status_code=401)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def adder() -> MCPServer:
    """A server with one tool."""
    server = MCPServer("adder")

    @server.tool()
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    return server


@asynccontextmanager
async def mcp_over_http(server: MCPServer | Server[Any], **accepted: str) -> AsyncIterator[Guarded]:
    """`server` at `url`; header names with underscores for dashes."""
    app = server.streamable_http_app(transport_security=ANY_HOST)
    guarded = Guarded(app, {name.replace("_", "-"): value for name, value in accepted.items()})
    async with server.session_manager.run(), serving(guarded) as url:
        guarded.url = f"{url}/mcp"
        yield guarded


@dataclass
class TokenServer:
    """OAuth 2.1 client credentials for one client; every token is a new one."""

    client: tuple[str, str] = ("agent net", "s:ecret")
    expires_in: float | None = 3600
    asked: list[dict[str, list[str]]] = field(default_factory=list[dict[str, list[str]]])
    refuse: bool = False
    url: str = ""

    @property
    def latest(self) -> str:
        """The token that was given last."""
        return f"token-{len(self.asked)}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        form = parse_qs((await request.body()).decode())
        if self.refuse or self._client(request, form) != self.client:
            answer: Response = JSONResponse({"error": "invalid_client", "error_description": "s:ecret"}, 401)
        else:
            self.asked.append(form)
            body: dict[str, Any] = {"access_token": self.latest, "token_type": "bearer"}
            answer = JSONResponse(body | ({} if self.expires_in is None else {"expires_in": self.expires_in}))
        await answer(scope, receive, send)

    def _client(self, request: Request, form: dict[str, list[str]]) -> tuple[str, str]:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            name, _, secret = base64.b64decode(value).decode().partition(":")
            return unquote_plus(name), unquote_plus(secret)
        return form["client_id"][0], form["client_secret"][0]


@asynccontextmanager
async def token_server(**options: Any) -> AsyncIterator[TokenServer]:
    """A token server at `url`."""
    server = TokenServer(**options)
    async with serving(server) as url:
        server.url = f"{url}/token"
        yield server
