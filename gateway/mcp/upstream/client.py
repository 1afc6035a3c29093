"""The gateway's own requests to an upstream server, in either era: discovery, lists, the opening of sessions."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from mcp_types import CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY, PROTOCOL_VERSION_META_KEY
from mcp_types.version import LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION

from agentnet import __version__
from agentnet.errors import AgentNetError, UnavailableError
from agentnet.identity import Principal
from agentnet.mcp.connection import GATEWAY_CLIENT
from gateway.http.transport import Headers
from gateway.mcp.messages.envelope import VERSION_HEADER
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.jsonrpc import RequestId, notification, request, write
from gateway.mcp.messages.session import UpstreamSession
from gateway.mcp.upstream.events import events_of, message_in
from gateway.mcp.upstream.http import UpstreamHttp, is_stream, session_headers, session_id_of
from gateway.mcp.upstream.relay import checked
from gateway.mcp.upstream.results import result_of
from gateway.mcp.upstream.server import UpstreamServer
from gateway.mcp.upstream.statuses import result_in

CLIENT_INFO: Document = {"name": GATEWAY_CLIENT, "version": __version__}
REQUEST_SECONDS = 10.0
"""How long a server may take for a list, or to say who it is."""
FAILED = 500
"""HTTP statuses from here on say that the server did not take a message; below it may be past taking it."""
JSON_OR_STREAM: Headers = [(b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream")]


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, and what its HTTP response said besides."""

    result: Document
    session_id: str
    url: str


class UpstreamClient:
    """Asks upstream servers on behalf of a principal. Raises `McpError` for their errors, `UnavailableError`."""

    def __init__(self, http: UpstreamHttp) -> None:
        self._http = http
        self._ids = itertools.count(1)
        self._telling: set[asyncio.Task[None]] = set()

    async def ask(
        self,
        server: UpstreamServer,
        principal: Principal,
        method: str,
        params: Document,
        capabilities: Document | None = None,
        name: bytes | None = None,
        way: Headers | None = None,
    ) -> Document:
        """The result of a request in the modern era, of a client with these capabilities; `name` goes to `Mcp-Name`.

        `way` is what the request that this one serves said of its way (`Via`).
        """
        message = self._request(method, params | {"_meta": envelope(capabilities or {})})
        return (
            await self._post(server, principal, message, [*modern_headers(method, name), *(way or ())], None)
        ).result

    async def listen(
        self, server: UpstreamServer, principal: Principal, wanted: Document, capabilities: Document | None = None
    ) -> AsyncGenerator[Document, None]:
        """The notifications of a `subscriptions/listen` stream for the filter `wanted`, until it ends."""
        method = "subscriptions/listen"
        message = self._request(method, {"notifications": wanted, "_meta": envelope(capabilities or {})})
        headers = [*JSON_OR_STREAM, *modern_headers(method)]
        incoming, _ = await self._http.open(server, principal, "POST", headers, write(message))
        try:
            if not is_stream(incoming):
                await result_of(incoming, server.name, message["id"])
                return
            async for event in events_of(incoming.chunks(), server.name):
                told = message_in(event.data, server.name) if event.data else {}
                if "method" in told:
                    yield told
                # A response: an error is raised, a result is the end that the server meant.
                elif told:
                    result_in(told, server.name, incoming.status)
        finally:
            await incoming.close()

    async def ask_within(
        self, server: UpstreamServer, principal: Principal, session: UpstreamSession, method: str, params: Document
    ) -> Document:
        """The result of a request within a session of the legacy era. `McpError.heard` 404: there is none any more."""
        message = self._request(method, params)
        return (await self._post(server, principal, message, session_headers(session), session.url)).result

    async def open_session(
        self,
        server: UpstreamServer,
        principal: Principal,
        capabilities: Document,
        client_info: Document | None = None,
        way: Headers | None = None,
    ) -> tuple[UpstreamSession, Document]:
        """A new session of a client with these capabilities, and what the server said of itself."""
        params = {
            "protocolVersion": LATEST_HANDSHAKE_VERSION,
            "capabilities": capabilities,
            "clientInfo": client_info or CLIENT_INFO,
        }
        heard = await self._post(server, principal, self._request("initialize", params), way or [], None)
        version = str(heard.result.get("protocolVersion", LATEST_HANDSHAKE_VERSION))
        session = UpstreamSession(heard.url, heard.session_id, version)
        await self.tell(server, principal, session, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        return session, heard.result

    async def tell(
        self, server: UpstreamServer, principal: Principal, session: UpstreamSession, message: Document
    ) -> int:
        """Send a notification or a response within a session; the HTTP status that the server gave it."""
        headers = [*JSON_OR_STREAM, *session_headers(session)]
        async with in_time(server):
            incoming, _ = await self._http.open(server, principal, "POST", headers, write(message), url=session.url)
            await incoming.close()
        return incoming.status

    async def answer(
        self, server: UpstreamServer, principal: Principal, session: UpstreamSession, message: Document
    ) -> None:
        """Send a response to a question of the server's. Raises `UnavailableError` when it did not take it."""
        if await self.tell(server, principal, session, message) >= FAILED:
            raise UnavailableError(f"The MCP server {server.name!r} did not take the answer.")

    async def end(self, server: UpstreamServer, principal: Principal, session: UpstreamSession) -> None:
        """End a session."""
        # A server that keeps no sessions has none to end.
        if session.id:
            async with in_time(server):
                headers = session_headers(session)
                incoming, _ = await self._http.open(server, principal, "DELETE", headers, url=session.url)
                await incoming.close()

    def give_up(
        self, server: UpstreamServer, principal: Principal, session: UpstreamSession, identifier: RequestId
    ) -> None:
        """Tell the server that a request's time ran out, without waiting: the end of a connection says nothing to it
        (2025-11-25, cancellation)."""
        reason = "The call took longer than the gateway allows."
        telling = asyncio.create_task(self.cancel(server, principal, session, identifier, reason))
        # Kept, for asyncio holds tasks weakly.
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def cancel(
        self, server: UpstreamServer, principal: Principal, session: UpstreamSession, identifier: RequestId, reason: str
    ) -> None:
        """Tell the server that nobody waits for a request any more, as far as it can be told."""
        params: Document = {"requestId": identifier, "reason": reason}
        with suppress(AgentNetError):
            await self.tell(server, principal, session, notification("notifications/cancelled", params))

    def _request(self, method: str, params: Document) -> Document:
        return request(f"agentnet-{next(self._ids)}", method, params)

    async def _post(
        self, server: UpstreamServer, principal: Principal, message: Document, headers: Headers, url: str | None
    ) -> Heard:
        sent = [*JSON_OR_STREAM, *headers]
        async with in_time(server):
            incoming, place = await self._http.open(server, principal, "POST", sent, write(message), url=url)
            try:
                # Insisting on an instance is being within a session there.
                answer = incoming if url is None else await checked(incoming, server.name)
                return Heard(await result_of(answer, server.name, message["id"]), session_id_of(incoming), place)
            finally:
                await incoming.close()


@asynccontextmanager
async def in_time(server: UpstreamServer) -> AsyncIterator[None]:
    """Raises `UnavailableError` for a server that takes too long."""
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            yield
    except TimeoutError:
        raise UnavailableError(f"The MCP server {server.name!r} did not answer within {REQUEST_SECONDS:g} s.") from None


def envelope(capabilities: Document, client_info: Document | None = None) -> Document:
    """What a modern request says of its client; without `client_info` that is the gateway."""
    return {
        PROTOCOL_VERSION_META_KEY: LATEST_MODERN_VERSION,
        CLIENT_INFO_META_KEY: client_info or CLIENT_INFO,
        CLIENT_CAPABILITIES_META_KEY: capabilities,
    }


def modern_headers(method: str, name: bytes | None = None) -> Headers:
    """The headers that a modern request must carry besides its body."""
    headers = [(VERSION_HEADER, LATEST_MODERN_VERSION.encode()), (b"mcp-method", method.encode())]
    return [*headers, (b"mcp-name", name)] if name is not None else headers
