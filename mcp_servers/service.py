"""The service of one MCP server: streamable HTTP at `/mcp`, `/health`, `/ready`, and its entry in the registry.

Stateless: each request stands alone in both eras of the protocol, so any replica answers any request. Those that ask
their host are served in sessions instead, each in the replica that opened it.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp_types import Tool
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from agentnet.discovery.directory import Directory, Entry
from agentnet.errors import AgentNetError, NotFoundError
from agentnet.frame.access import CALLER, Rules
from agentnet.frame.authentication import Authenticate, authenticate_with
from agentnet.frame.bodies import json_limits, jsonrpc_form, say_in_jsonrpc
from agentnet.frame.frame import Frame
from agentnet.identity import Principal
from agentnet.ids import EVERYONE, new_id
from agentnet.process.runtime import Runtime
from agentnet.settings import LOOPBACK_HOSTS, Settings
from agentnet.upstreams.timeouts import limits_of
from mcp_servers.hosting.hosted import Hosted
from mcp_servers.hosting.request_state import share_state
from mcp_servers.hosting.wrong import say_what_is_wrong
from mcp_servers.offer import KNOWN, find_server, names

__all__ = ["KNOWN", "create_service", "names"]

MAX_SKILLS = 256
MAX_LABEL = 128
MAX_WORDS_BYTES = 16 * 1024
MAX_DOCUMENT_BYTES = 250 * 1024
"""These four are what the registry takes of one entry."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
"""Between two tries to learn the tools of a server that cannot be reached."""
NOT_YET = "%s is not registered yet: %s"
"""Logged at the first try, and whenever the reason is another one."""
MAX_WHY = 500

logger = logging.getLogger(__name__)

PATH = "/mcp"
RULES: Rules = {f"* {PATH}": CALLER}
"""Callers have a token for this one server, and are of its tenant."""
SESSION_SECONDS = 1800.0
"""A session with no request under way for so long is over."""


async def create_service(runtime: Runtime, name: str, url: str) -> ASGIApp:
    """The app of the MCP server `name`, reached at `url`. Raises `NotFoundError`, `ConfigurationError`."""
    hosted = await find_server(runtime, name)
    if isinstance(hosted.server, MCPServer):
        share_state(hosted.server, runtime.seal)
    hosted.server.middleware.append(say_what_is_wrong)
    authenticate = _for_tenant(authenticate_with(runtime.tokens, f"mcp:{name}"), hosted.tenant)
    settings = runtime.settings
    frame = Frame(
        RULES,
        authenticate,
        settings.max_body_bytes,
        hosted.ready,
        json=json_limits(settings),
        refuse=say_in_jsonrpc(HTTPStatus.BAD_REQUEST),
        check_body=jsonrpc_form,
    )
    # Inside of the door: the caller is known there, and the SDK asks who opened a session.
    return frame.closed(_owning(_app(hosted, runtime, url.rstrip("/"), frame)))


def _for_tenant(authenticate: Authenticate, tenant: str) -> Authenticate:
    async def authenticate_tenant(credential: str) -> Principal:
        principal = await authenticate(credential)
        if tenant not in (EVERYONE, principal.tenant):
            # Of another tenant's server not even that it is there.
            raise NotFoundError("There is no such MCP server.")
        return principal

    return authenticate_tenant


def _owning(app: ASGIApp) -> ASGIApp:
    """`app` with the caller in the SDK's words too: it gives a session to nobody but the one who opened it."""

    async def owned(scope: Scope, receive: Receive, send: Send) -> None:
        principal = scope.get("state", {}).get("principal")
        if isinstance(principal, Principal):
            token = AccessToken(token="", client_id=principal.tenant, subject=principal.subject, scopes=[])
            scope = {**scope, "user": AuthenticatedUser(token)}
        await app(scope, receive, send)

    return owned


def _app(hosted: Hosted, runtime: Runtime, url: str, frame: Frame) -> Starlette:
    settings = runtime.settings
    endpoint = hosted.server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=not hosted.streams,
        # Without sessions a legacy server can neither ask its host nor tell it of changes (NoBackChannelError in the
        # SDK).
        stateless_http=not hosted.sessions,
        session_idle_timeout=SESSION_SECONDS,
        max_request_body_size=settings.max_body_bytes,
        transport_security=transport_security(settings, url),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        directory = runtime.directory(f"mcp:{hosted.server.name}")
        async with hosted.server.session_manager.run(), _registered(hosted, url, directory, settings.lease_seconds):
            yield

    return frame.app(endpoint.routes, lifespan)


@asynccontextmanager
async def _registered(hosted: Hosted, url: str, directory: Directory, lease_seconds: float) -> AsyncIterator[None]:
    """Registered from when its tools are known: what it stands on may be away when it starts."""

    async def register() -> None:
        entry = await _described(hosted, url)
        async with directory.registered(entry, lease_seconds):
            await asyncio.Event().wait()

    registering = asyncio.create_task(register(), name=f"register mcp:{hosted.server.name}")
    try:
        yield
    finally:
        registering.cancel()
        await asyncio.gather(registering, return_exceptions=True)


async def _described(hosted: Hosted, url: str) -> Entry:
    pause = FIRST_PAUSE_SECONDS
    said = ""
    while True:
        try:
            return await describe(hosted, url)
        except Exception as error:  # noqa: BLE001 - what stands behind it is written by others, and may be mended
            why = str(error) if isinstance(error, AgentNetError | MCPError) else repr(error)[:MAX_WHY]
            logger.log(logging.DEBUG if why == said else logging.WARNING, NOT_YET, hosted.server.name, why)
            said = why
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def describe(hosted: Hosted, url: str) -> Entry:
    """The registry entry of this replica of a server. Raises `UnavailableError`, `MCPError`."""
    server, tools = hosted.server, await hosted.list_tools()
    words = " ".join(f"{tool.name} {tool.description or ''}" for tool in tools)
    return Entry(
        kind="mcp",
        name=server.name,
        instance=new_id(),
        tenant=hosted.tenant,
        url=url + PATH,
        description=server.description or "",
        skills=[tool.name[:MAX_LABEL] for tool in tools[:MAX_SKILLS]],
        words=words.encode()[:MAX_WORDS_BYTES].decode(errors="ignore"),
        document=_document(hosted, tools),
    )


def _document(hosted: Hosted, tools: list[Tool]) -> dict[str, Any]:
    """What the server says of itself, with as many of its tools as the registry takes."""
    server = hosted.server
    said: dict[str, Any] = {
        "name": server.name,
        "version": server.version,
        "description": server.description,
        "instructions": server.instructions,
        **limits_of(hosted.limits),
    }
    room = MAX_DOCUMENT_BYTES - len(json.dumps(said))
    shown: list[Any] = []
    for tool in tools:
        data = tool.model_dump(mode="json", by_alias=True, exclude_none=True)
        # An entry that is too large is refused as a whole, and the server would not be offered.
        room -= len(json.dumps(data, ensure_ascii=False).encode()) + 2
        if room < 0:
            break
        shown.append(data)
    return {**said, "tools": shown}


def transport_security(settings: Settings, url: str) -> TransportSecuritySettings:
    """Host names that a request may carry: where this service is reached, this machine, and those that the operator
    allows. No browser origins."""
    own = {urlsplit(url).hostname or settings.reachable_host, settings.reachable_host}
    hosts = {*own, *LOOPBACK_HOSTS, *settings.allowed_hosts}
    # The SDK compares the whole header: with and without a port, IPv6 in its brackets (RFC 3986 section 3.2.2).
    bracketed = {f"[{host}]" if ":" in host else host for host in hosts}
    return TransportSecuritySettings(allowed_hosts=[*bracketed, *(f"{host}:*" for host in bracketed)])
